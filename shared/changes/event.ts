import { createHash } from "node:crypto";
import type { NumberState, PendingEvent } from "../schemas/customer-row.ts";
import { EVENT_TYPES, type NumberEvent, type NumberEventType } from "../schemas/event.ts";
import { formatSequence } from "../schemas/sequence.ts";
import type { WatchedField } from "../schemas/upstream.ts";
import { MAX_BODY_BYTES } from "./limits.ts";
import { cut, type FieldChange, MAX_VALUE_LENGTH } from "./observation.ts";
import {
  type Direction,
  directionOf,
  joinDirections,
  joinSeverities,
  type Severity,
  severityOf,
} from "./severity.ts";

/** What one observation says of one number. */
export type EventDraft = {
  readonly type: NumberEventType;
  readonly phoneNumber: string;
  readonly changes: readonly FieldChange[];
  /** The number's state after the observation. */
  readonly state: NumberState;
  readonly previousObservedAt: string | undefined;
  readonly groupId?: string | undefined;
  /** What only some types say. */
  readonly details?: Partial<Pick<NumberEvent["data"], "missingReason" | "addedAt" | "blockedBy">>;
};

export type EventOrigin = {
  readonly source: string;
  readonly customer: string;
  readonly observedAt: string;
  readonly upstreamRequestId: string | undefined;
};

const TYPE_MEANING: Readonly<
  Record<string, { direction: Direction; severity: Severity } | undefined>
> = {
  [EVENT_TYPES.discovered]: { direction: "lateral", severity: "info" },
  [EVENT_TYPES.missing]: { direction: "worse", severity: "critical" },
  [EVENT_TYPES.returned]: { direction: "better", severity: "info" },
  [EVENT_TYPES.onboardingCompleted]: { direction: "better", severity: "info" },
  [EVENT_TYPES.onboardingStuck]: { direction: "unknown", severity: "warning" },
};

const ANNOUNCED = { direction: "lateral", severity: "info" } as const;

/** What all of a finding together means. */
export function assess(finding: EventDraft): { direction: Direction; severity: Severity } {
  // Its status told before that the number would go.
  const isAnnounced = ["deleted", "migrated"].includes(finding.details?.missingReason ?? "");
  const own = isAnnounced ? ANNOUNCED : TYPE_MEANING[finding.type];
  const changes = finding.changes;
  return {
    direction: joinDirections([
      ...(own ? [own.direction] : []),
      ...changes.map(({ field, from, to }) => directionOf(field, from, to)),
    ]),
    severity: joinSeverities([
      ...(own ? [own.severity] : []),
      ...changes.map(({ field, from, to }) => severityOf(field, from, to)),
    ]),
  };
}

/**
 * Freezes a finding into the event that every attempt will send. The id depends on the source, the
 * customer, the sequence and the content, so that the same change under another sequence is
 * another event (A to B to A to B must not collapse) and one id never has two contents.
 */
export function createEvent(finding: EventDraft, seq: number, origin: EventOrigin): PendingEvent {
  const lengths = [MAX_VALUE_LENGTH, 256, 64];
  for (const [index, length] of lengths.entries()) {
    const event = buildEvent(finding, seq, origin, length);
    const body = JSON.stringify(event);
    if (index < lengths.length - 1 && Buffer.byteLength(body) > MAX_BODY_BYTES) continue;
    return { id: event.id, seq, type: event.type, body };
  }
  throw new RangeError("unreachable: the shortest cut always returns");
}

function buildEvent(
  finding: EventDraft,
  seq: number,
  origin: EventOrigin,
  length: number,
): NumberEvent {
  const { state } = finding;
  const changes = finding.changes.map(({ field, from, to }) => ({
    field,
    from: cut(from, length),
    to: cut(to, length),
    direction: directionOf(field, from, to),
    severity: severityOf(field, from, to),
  }));
  const truncated = Object.keys(state.fields).filter(
    (field) =>
      state.hashes?.[field] !== undefined ||
      (state.fields[field] ?? "").length > length ||
      finding.changes.some((c) => c.field === field && (c.fromIsCut || c.from.length > length)),
  );
  const content: Omit<NumberEvent, "id"> = {
    specversion: "1.0",
    source: origin.source,
    type: finding.type,
    subject: finding.phoneNumber,
    time: origin.observedAt,
    datacontenttype: "application/json",
    sequence: formatSequence(seq),
    partitionkey: origin.customer,
    data: {
      custSpaceId: origin.customer,
      phoneNumber: finding.phoneNumber,
      changes,
      ...assess(finding),
      current: cutAll(state.fields, length),
      previous: Object.fromEntries(changes.map((c) => [c.field, c.from])),
      observedAt: origin.observedAt,
      previousObservedAt: finding.previousObservedAt,
      upstreamRequestId: origin.upstreamRequestId,
      groupId: finding.groupId,
      missingSince: state.missingSince,
      ...finding.details,
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
    Object.entries(fields).map(([field, value]) => [field as WatchedField, cut(value, length)]),
  );
}
