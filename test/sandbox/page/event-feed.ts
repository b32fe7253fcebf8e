import type { IncomingHttpHeaders } from "node:http";
import {
  WATCHED_FIELD_NAMES,
  WATCHED_FIELDS,
  type WatchedField,
} from "../../../shared/changes/watched-fields.ts";
import type { NumberEvent } from "../../../shared/schemas/event.ts";
import type { Attempt } from "../receiver.ts";
import type { Receipt } from "../receiver-ledger.ts";
import type { ChangeTimes } from "./change-times.ts";
import type { AttemptView, ChangeView, EventView, Level } from "./state.ts";
import { levelOf } from "./value-level.ts";

/** What the page is sent of the past; the receiver itself remembers everything. */
const KEPT = 100;
const KEPT_ATTEMPTS = 50;
/** Of events that were tried and not yet taken; those tried longest ago are forgotten first. */
const KEPT_TRIES = 1_000;
/** Shows that there is a signature, and not what it is. */
const SIGNATURE_LENGTH = 12;

export type EventFeed = {
  take(attempt: Attempt, receipt: Receipt | undefined): void;
  /** How many were taken in, since the start. */
  received(): number;
  /** The last hundred, the oldest first. */
  events(): readonly EventView[];
};

export type FeedOptions = {
  readonly changeTimes: Pick<ChangeTimes, "find">;
  /** How a number may be shown. */
  readonly show: (phoneNumber: string) => string;
};

/** Turns what the receiver verified into what the page shows, with the tries that went before. */
export function createEventFeed({ changeTimes, show }: FeedOptions): EventFeed {
  const tries = new Map<string, AttemptView[]>();
  let events: EventView[] = [];
  let receipts = 0;

  return {
    events: () => events,
    received: () => receipts,
    take({ id, at, status }, receipt) {
      if (id !== undefined) {
        const earlier = tries.get(id) ?? [];
        tries.delete(id);
        const oldest = tries.size < KEPT_TRIES ? undefined : tries.keys().next().value;
        if (oldest !== undefined) tries.delete(oldest);
        tries.set(id, [...earlier, { at, answer: String(status) }].slice(-KEPT_ATTEMPTS));
      }
      if (!receipt) return;
      receipts += 1;
      const attempts = tries.get(receipt.id) ?? [];
      tries.delete(receipt.id);
      const event = toView(receipt, { receipt: receipts, attempts, changeTimes, show });
      events = [...events, event].slice(-KEPT);
    },
  };
}

type Facts = FeedOptions & Pick<EventView, "receipt" | "attempts">;

function toView(receipt: Receipt, { receipt: count, attempts, changeTimes, show }: Facts) {
  const { id, at, type, partitionkey, sequence, event, headers } = receipt;
  const data = (event.data ?? {}) as Partial<NumberEvent["data"]>;
  const { phoneNumber } = data;
  const changes = data.changes ?? [];
  // A value may have come and gone again since: what the event tells was so when it was observed.
  const changedAt = changes.map(({ field, to }) =>
    changeTimes.find({
      customer: partitionkey ?? "",
      phoneNumber: phoneNumber ?? "",
      field: isWatched(field) ? WATCHED_FIELDS[field].upstream : field,
      value: to,
      before: Date.parse(event.time ?? "") || at,
    }),
  );
  const known = changedAt.filter((time) => time !== undefined);
  const hidden = (text: string) =>
    phoneNumber === undefined ? text : text.replaceAll(phoneNumber, show(phoneNumber));
  const view: EventView = {
    receipt: count,
    ...{ id, at, type, attempts },
    customer: partitionkey ?? null,
    phoneNumber: phoneNumber === undefined ? null : show(phoneNumber),
    severity: data.severity ?? "info",
    direction: data.direction ?? null,
    changes: changes.map(toChangeView),
    sequence: sequence ?? null,
    delayMs: known.length > 0 ? Math.max(0, at - Math.min(...known)) : null,
    isDuplicate: receipt.duplicate,
    isRedelivery: receipt.redelivery,
    body: hidden(receipt.body),
    headers: shownHeaders(headers),
  };
  return view;
}

function toChangeView(change: NumberEvent["data"]["changes"][number]): ChangeView {
  const { field, to, direction, severity } = change;
  const from = change.from ?? "";
  const level = (value: string): Level =>
    isWatched(field) && value !== "" ? levelOf(field, value) : "info";
  return { field, from, to, direction, severity, fromLevel: level(from), toLevel: level(to) };
}

function isWatched(field: string): field is WatchedField {
  return (WATCHED_FIELD_NAMES as readonly string[]).includes(field);
}

function shownHeaders(headers: IncomingHttpHeaders): [string, string][] {
  const shown = ["content-type", "user-agent"];
  return Object.entries(headers).flatMap(([name, value]): [string, string][] => {
    if (!name.startsWith("webhook-") && !shown.includes(name)) return [];
    const text = String(value);
    const isSignature = name === "webhook-signature" && text.length > SIGNATURE_LENGTH;
    return [[name, isSignature ? `${text.slice(0, SIGNATURE_LENGTH)}…` : text]];
  });
}
