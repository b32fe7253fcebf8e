import type { PhoneNumberItem } from "../../shared/schemas/upstream.ts";
import type { Upstream } from "../../shared/signing/upstream.ts";
import { createFakeUpstream, type FakeReplies } from "../support/fake-upstream.ts";
import type { CallLog } from "./call-log.ts";
import {
  ACCOUNT_REFUSED,
  DOWN,
  MALFORMED_ROW,
  type Manner,
  NO_ANSWER_LIST,
  THROTTLED,
  WELL,
} from "./odd-customers.ts";
import type { Process, Random, Scheduler } from "./scheduler.ts";

const QUALITY = ["GREEN", "YELLOW", "RED"];
const STATUS = ["CONNECTED", "FLAGGED"];

export const FIELDS = ["QualityRating", "Status"] as const;

/**
 * The upstream's numbers, changing at random among few values, so that the same change comes again
 * and again (A to B to A to B), with every value that each field ever had.
 *
 * @param quiet customers with one number each, which never changes
 */
export function createUpstreamModel(
  random: Random,
  customers: readonly string[],
  quiet: readonly string[],
) {
  const numbers = new Map<string, Map<string, PhoneNumberItem>>();
  const history = new Map<string, string[]>();
  const pick = (from: readonly string[]) => from[Math.floor(random() * from.length)] ?? "";

  function put(customer: string, phoneNumber: string, fields: Record<string, string>): void {
    const list = numbers.get(customer) ?? new Map<string, PhoneNumberItem>();
    numbers.set(customer, list);
    const before = list.get(phoneNumber);
    list.set(phoneNumber, { PhoneNumber: phoneNumber, ...before, ...fields });
    for (const [field, value] of Object.entries(fields)) {
      if (before?.[field] === value) continue;
      const key = `${phoneNumber}.${field}`;
      history.set(key, [...(history.get(key) ?? []), value]);
    }
  }

  for (const customer of customers) {
    for (const line of ["1", "2"]) {
      put(customer, `49${customer.length}${customer.charCodeAt(customer.length - 1)}${line}`, {
        QualityRating: pick(QUALITY),
        Status: pick(STATUS),
      });
    }
  }

  for (const [index, customer] of quiet.entries()) {
    put(customer, `48${100 + index}`, { QualityRating: "GREEN", Status: "CONNECTED" });
  }

  return {
    /** Changes one field of one number. */
    change(): void {
      const customer = pick(customers);
      const phoneNumber = pick([...(numbers.get(customer)?.keys() ?? [])]);
      const isQuality = random() < 0.7;
      put(
        customer,
        phoneNumber,
        isQuality ? { QualityRating: pick(QUALITY) } : { Status: pick(STATUS) },
      );
    },

    /** A number that was not there before. */
    grow(): void {
      const customer = pick(customers);
      const list = numbers.get(customer);
      const base = [...(list?.keys() ?? [])][0] ?? "";
      put(customer, `${base}${(list?.size ?? 0) + 1}`, {
        QualityRating: pick(QUALITY),
        Status: pick(STATUS),
      });
    },

    /** Whether one of these customers has the number. */
    customerOf: (phoneNumber: string, customers: ReadonlySet<string>): boolean =>
      [...customers].some((customer) => numbers.get(customer)?.has(phoneNumber)),

    /** Changes every field of every number of a customer. */
    changeAll(customer: string): void {
      for (const [phoneNumber, item] of numbers.get(customer) ?? []) {
        const others = (values: readonly string[], now: unknown) =>
          values.filter((one) => one !== now);
        put(customer, phoneNumber, {
          QualityRating: pick(others(QUALITY, item.QualityRating)),
          Status: pick(others(STATUS, item.Status)),
        });
      }
    },

    snapshot(customer: string): PhoneNumberItem[] {
      return [...(numbers.get(customer)?.values() ?? [])].map((item) => ({ ...item }));
    },

    history(phoneNumber: string, field: string): readonly string[] {
      return history.get(`${phoneNumber}.${field}`) ?? [];
    },
  };
}

export type UpstreamModel = ReturnType<typeof createUpstreamModel>;

/** The real client gives a silent upstream up after three tries. */
const SILENCE_MS = 24_750;
/** A call takes at least this long. */
const CALL_MS = 1;

export type UpstreamWorld = {
  readonly model: UpstreamModel;
  readonly log: CallLog;
  readonly scheduler: Scheduler;
  readonly random: Random;
  /** How the upstream always answers this customer; undefined for an ordinary one. */
  readonly mannerOf: (customer: string) => Manner | undefined;
  readonly isCalm: () => boolean;
  readonly onCall: (owner: Process) => void;
};

/** The upstream as one process sees it: slow, and at times failing or without a list. */
export function upstreamOf(owner: Process, world: UpstreamWorld): Upstream {
  const { model, log, scheduler, random, mannerOf, isCalm } = world;
  const replies: FakeReplies = {
    async query(call) {
      const { customer } = call;
      const end = log.begin(owner.name, customer);
      world.onCall(owner);
      await scheduler.step(owner);
      const items = model.snapshot(customer);
      const manner = mannerOf(customer) ?? (isCalm() ? WELL : blip(random()));
      await scheduler.step(owner);
      const silence = Math.min(SILENCE_MS, call.deadlineAt - scheduler.now());
      if (manner.isSilent && silence > 0) await scheduler.sleep(owner, silence);
      else scheduler.advance(CALL_MS);
      end(manner.outcome);
      return manner.reply(call, items);
    },
  };
  // Its clock is right, whatever the process believes.
  return createFakeUpstream(replies, { now: scheduler.now });
}

/** What any customer gets now and then. */
function blip(luck: number): Manner {
  if (luck < 0.04) return DOWN;
  if (luck < 0.05) return ACCOUNT_REFUSED;
  if (luck < 0.07) return NO_ANSWER_LIST;
  if (luck < 0.09) return MALFORMED_ROW;
  if (luck < 0.11) return THROTTLED;
  if (luck < 0.13) return REVERSED;
  return WELL;
}

const REVERSED: Manner = { outcome: "whole", reply: (_, items) => [...items].reverse() };
