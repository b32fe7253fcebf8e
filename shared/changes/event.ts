import { createHash } from "node:crypto";
import type { NumberState, PendingEvent } from "../schemas/customer-row.ts";
import type { NumberEvent } from "../schemas/event.ts";
import { formatSequence } from "../schemas/sequence.ts";
import { MAX_BODY_BYTES } from "./limits.ts";
import type { EventDraft } from "./number-update.ts";
import { cut, MAX_VALUE_LENGTH } from "./observation.ts";
import { assess, assessChange } from "./severity.ts";

export type EventOrigin = {
  readonly source: string;
  readonly customer: string;
  readonly observedAt: string;
  readonly upstreamRequestId: string | undefined;
};

/**
 * Freezes a draft into the bytes that every attempt sends. The id depends on the source, the
 * customer, the sequence and the content. So the same change under another sequence is another
 * event (A to B to A to B must not collapse), and one id never has two contents.
 */
export function createEvent(draft: EventDraft, seq: number, origin: EventOrigin): PendingEvent {
  const lengths = [MAX_VALUE_LENGTH, 256, 64];
  for (const [index, length] of lengths.entries()) {
    const event = buildEvent(draft, seq, origin, length);
    const body = JSON.stringify(event);
    if (index < lengths.length - 1 && Buffer.byteLength(body) > MAX_BODY_BYTES) continue;
    return { id: event.id, seq, type: event.type, body };
  }
  throw new RangeError("unreachable: the shortest cut always returns");
}

function buildEvent(
  draft: EventDraft,
  seq: number,
  origin: EventOrigin,
  length: number,
): NumberEvent {
  const { state } = draft;
  const changes = draft.changes.map(({ field, from, to }) => ({
    field,
    from: cut(from, length),
    to: cut(to, length),
    ...assessChange(field, from, to),
  }));
  const isCut = (field: string) =>
    state.hashes?.[field] !== undefined ||
    (state.fields[field] ?? "").length > length ||
    draft.changes.some((c) => c.field === field && (c.fromIsCut || c.from.length > length));
  const truncated = Object.keys(state.fields).filter(isCut);
  const content: Omit<NumberEvent, "id"> = {
    specversion: "1.0",
    source: origin.source,
    type: draft.type,
    subject: draft.phoneNumber,
    time: origin.observedAt,
    datacontenttype: "application/json",
    sequence: formatSequence(seq),
    partitionkey: origin.customer,
    data: {
      custSpaceId: origin.customer,
      phoneNumber: draft.phoneNumber,
      changes,
      ...assess(draft),
      current: cutAll(state.fields, length),
      previous: Object.fromEntries(changes.map((c) => [c.field, c.from])),
      observedAt: origin.observedAt,
      previousObservedAt: draft.previousObservedAt,
      upstreamRequestId: origin.upstreamRequestId,
      groupId: draft.groupId,
      missingSince: state.missingSince,
      ...draft.details,
      truncated: truncated.length > 0 ? truncated : undefined,
    },
  };
  return { id: eventId([origin.source, origin.customer, content.sequence, content]), ...content };
}

/** 132 bits; no dot, which Standard Webhooks forbids in an id. */
export function eventId(content: readonly unknown[]): string {
  const digest = createHash("sha256").update(JSON.stringify(content)).digest("base64url");
  return `evt_${digest.slice(0, 22)}`;
}

function cutAll(fields: NumberState["fields"], length: number): Record<string, string> {
  return Object.fromEntries(
    Object.entries(fields).map(([field, value]) => [field, cut(value, length)]),
  );
}
