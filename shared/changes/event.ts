import { createHash } from "node:crypto";
import type { NumberState, PendingEvent } from "../schemas/customer-row.ts";
import { EVENT_TYPES, type Health, type NumberEvent, type WatchEvent } from "../schemas/event.ts";
import { formatSequence } from "../schemas/sequence.ts";
import { MAX_BODY_BYTES } from "./limits.ts";
import type { EventDraft } from "./number-update.ts";
import { cut } from "./observation.ts";
import { assess, assessChange } from "./severity.ts";
import { MAX_VALUE_LENGTH } from "./values.ts";

export type EventOrigin = {
  readonly source: string;
  readonly customer: string;
  readonly observedAt: string;
  readonly upstreamRequestId?: string | undefined;
};

/** An event about one number. Values are cut further while the body is larger than 20,000 bytes. */
export function createEvent(draft: EventDraft, seq: number, origin: EventOrigin): PendingEvent {
  const { type, phoneNumber: subject } = draft;
  const withValuesOf = (length: number) =>
    freezeEvent({ type, subject, data: numberData(draft, origin, length) }, seq, origin);
  const fits = ({ body }: PendingEvent) => Buffer.byteLength(body) <= MAX_BODY_BYTES;
  const whole = withValuesOf(MAX_VALUE_LENGTH);
  if (fits(whole)) return whole;
  const shorter = withValuesOf(256);
  return fits(shorter) ? shorter : withValuesOf(64);
}

/** The full state of a number, which reports no change. */
export function createStateEvent(
  origin: EventOrigin,
  phoneNumber: string,
  state: NumberState,
  seq: number,
): PendingEvent {
  const type = EVENT_TYPES.state;
  const draft = { type, phoneNumber, changes: [], state, previousObservedAt: undefined };
  return createEvent(draft, seq, origin);
}

/**
 * Freezes the bytes that every attempt sends. The id depends on the source, the customer, the
 * sequence and the content. So the same change under another sequence is another event (A to B to
 * A to B must not collapse), and one id never has two contents.
 */
export function freezeEvent(
  { type, subject, data }: Pick<NumberEvent | WatchEvent, "type" | "subject" | "data">,
  seq: number,
  { source, customer, observedAt }: EventOrigin,
): PendingEvent {
  const content = {
    specversion: "1.0",
    source,
    type,
    subject,
    time: observedAt,
    datacontenttype: "application/json",
    sequence: formatSequence(seq),
    partitionkey: customer,
    data,
  };
  const id = eventId([source, customer, content.sequence, content]);
  return { id, seq, type, body: JSON.stringify({ id, ...content }) };
}

/** 132 bits; no dot, which Standard Webhooks forbids in an id. */
function eventId(content: readonly unknown[]): string {
  const digest = createHash("sha256").update(JSON.stringify(content)).digest("base64url");
  return `evt_${digest.slice(0, 22)}`;
}

function numberData(draft: EventDraft, origin: EventOrigin, length: number): NumberEvent["data"] {
  const { phoneNumber, state } = draft;
  const changes = draft.changes.map((change) => ({
    field: change.field,
    from: change.from === null ? null : cut(change.from, length),
    to: cut(change.to, length),
    ...assessChange(change, draft),
  }));
  const truncated = Object.keys(state.fields).filter((field) => isCut(draft, field, length));
  return {
    custSpaceId: origin.customer,
    phoneNumber,
    addedAs: state.addedAs,
    listedAs: state.listedAs,
    changes,
    ...assess(draft),
    current: cutAll(state.fields, length),
    previous: Object.fromEntries(changes.map(({ field, from }) => [field, from])),
    observedAt: origin.observedAt,
    previousObservedAt: draft.previousObservedAt,
    upstreamRequestId: origin.upstreamRequestId,
    groupId: draft.groupId,
    missingSince: state.missingSince,
    health: cutHealth(state.health, length),
    ...draft.details,
    previousHealth: cutHealth(draft.details?.previousHealth, length),
    truncated: truncated.length > 0 ? truncated : undefined,
  };
}

/** Whether a value of the field, the new or the old one, is only the beginning of the real one. */
function isCut({ state, changes }: EventDraft, name: string, length: number): boolean {
  return (
    state.hashes?.[name] !== undefined ||
    (state.fields[name] ?? "").length > length ||
    changes.some(
      ({ field, from, fromIsCut }) => field === name && (fromIsCut || (from ?? "").length > length),
    )
  );
}

/** What the number can do, as events have it. */
function cutHealth<N extends null | undefined>(health: Health | N, length: number): Health | N {
  if (!health) return health;
  const text = (value: string | undefined) => value && cut(value, length);
  return {
    canSend: health.canSend,
    reasons: health.reasons.map(({ entity, code, description, solution }) => ({
      entity,
      code,
      description: text(description),
      solution: text(solution),
    })),
  };
}

function cutAll(fields: NumberState["fields"], length: number): Record<string, string> {
  return Object.fromEntries(
    Object.entries(fields).map(([field, value]) => [field, cut(value, length)]),
  );
}
