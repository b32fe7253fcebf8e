import type { IncomingHttpHeaders } from "node:http";
import { isDeepStrictEqual } from "node:util";
import type { Delivery, ReceivedEvent } from "./receiver-verify.ts";

/** One accepted delivery. */
export type Receipt = {
  readonly id: string;
  readonly type: string;
  readonly subject: string | undefined;
  readonly sequence: string | undefined;
  readonly partitionkey: string | undefined;
  readonly event: ReceivedEvent;
  /** As received. */
  readonly body: string;
  readonly at: number;
  readonly headers: IncomingHttpHeaders;
  /** The id had been accepted before. */
  readonly duplicate: boolean;
  /** An operator's command sent it again. */
  readonly redelivery: boolean;
};

type Fields = Record<string, unknown>;

export type Ledger = {
  /** Notes a signed attempt, accepted or not. Every attempt of an id must have the same bytes. */
  attempted(delivery: Delivery): void;
  accept(delivery: Delivery, at: number, headers: IncomingHttpHeaders): Receipt;
  problem(text: string): void;
  received(): readonly Receipt[];
  problems(): readonly string[];
  state(): Map<string, Fields>;
};

/** An event of these types holds the full state, so it need not fit what was known before. */
const RESTATES = new Set(["whatsapp.phone_number.discovered", "whatsapp.phone_number.state"]);
const WATCHED = new Set([
  "status",
  "qualityrating",
  "codeverificationstatus",
  "namestatus",
  "newnamestatus",
  "messaginglimittier",
  "verifiedname",
]);

const isFields = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const show = (value: unknown) => JSON.stringify(value ?? null);

/**
 * What a consumer that trusts nothing stores, and the faults that it finds: bytes that change under
 * one id, first receipts of a partition out of order, and changes that do not start from the last
 * known value (a lost or invented change). Redelivered events may come late. Like any late event
 * they do not change the state.
 */
export function createLedger(): Ledger {
  const receipts: Receipt[] = [];
  const problems: string[] = [];
  const bodies = new Map<string, string>();
  const accepted = new Set<string>();
  const lastSequence = new Map<string, string>();
  const known = new Map<string, { readonly phoneNumber: string; fields: Fields }>();

  /** True if no later event of the same partition is stored. */
  const inOrder = (event: ReceivedEvent, redelivery: boolean): boolean => {
    const { partitionkey, sequence } = event;
    if (partitionkey === undefined || sequence === undefined) return true;
    const last = lastSequence.get(partitionkey);
    if (last === undefined || sequence > last) {
      lastSequence.set(partitionkey, sequence);
      return true;
    }
    if (!redelivery) problems.push(`${event.id}: sequence ${sequence} came after ${last}`);
    return false;
  };

  const takeChange = (event: ReceivedEvent, fields: Fields, change: Fields): void => {
    const field = String(change.field);
    if (field in fields && !isDeepStrictEqual(fields[field] ?? null, change.from ?? null)) {
      problems.push(
        `${event.id}: ${field} starts from ${show(change.from)}, last known was ${show(fields[field])}`,
      );
    }
    fields[field] = change.to;
  };

  const learn = (event: ReceivedEvent): void => {
    const { data, type } = event;
    const phoneNumber = data?.phoneNumber ?? event.subject;
    const snapshot = type.startsWith("whatsapp.phone_number.") ? data?.current : undefined;
    if (typeof phoneNumber !== "string" || !(isFields(snapshot) || Array.isArray(data?.changes))) {
      return;
    }
    const key = `${event.partitionkey ?? ""} ${phoneNumber}`;
    const fields: Fields = RESTATES.has(type) ? {} : { ...known.get(key)?.fields };
    for (const change of Array.isArray(data?.changes) ? data.changes : []) {
      if (isFields(change)) takeChange(event, fields, change);
    }
    for (const [field, value] of Object.entries(isFields(snapshot) ? snapshot : {})) {
      const wasKnown = field in fields && WATCHED.has(field.toLowerCase());
      if (wasKnown && !isDeepStrictEqual(fields[field] ?? null, value ?? null)) {
        problems.push(
          `${event.id}: ${field} is now ${show(value)}, last known was ${show(fields[field])}`,
        );
      }
      fields[field] = value;
    }
    known.delete(key);
    known.set(key, { phoneNumber, fields });
  };

  return {
    attempted({ id, body }) {
      const first = bodies.get(id);
      if (first === undefined) bodies.set(id, body);
      else if (first !== body) problems.push(`${id}: the body differs from the first try's`);
    },
    accept({ id, event, body }, at, headers) {
      const { type, subject, sequence, partitionkey } = event;
      const duplicate = accepted.has(id);
      const redelivery = headers["webhook-redelivery"] === "true";
      const receipt: Receipt = {
        ...{ id, type, subject, sequence, partitionkey, event, body, at, headers },
        duplicate,
        redelivery,
      };
      receipts.push(receipt);
      accepted.add(id);
      if (!duplicate && inOrder(event, redelivery)) learn(event);
      return receipt;
    },
    problem: (text) => void problems.push(text),
    received: () => [...receipts],
    problems: () => [...problems],
    state: () =>
      new Map([...known.values()].map(({ phoneNumber, fields }) => [phoneNumber, { ...fields }])),
  };
}
