import type { AnyAppError } from "../errors.ts";
import {
  ACCOUNT,
  type CustomerRow,
  type PendingEvent,
  type ReadFailure,
} from "../schemas/customer-row.ts";
import { EVENT_TYPES, type WatchEvent } from "../schemas/event.ts";
import { formatSequence } from "../schemas/sequence.ts";
import { eventId } from "./event.ts";

/** Stale after no good read for this long… */
const STALE_MS = 30 * 60_000;
/** …or for this many sweeps, whichever is longer, and after this many failed reads. */
const STALE_SWEEPS = 2;
const STALE_READS = 2;

export type FailureInput = {
  readonly customer: string;
  readonly source: string;
  readonly row: CustomerRow;
  /** Wall clock, ms. */
  readonly now: number;
  /** When the last good read that this instance remembers began, in ms. */
  readonly lastSeenAt?: number | undefined;
  /** When the last whole sweep began that was over before this read, in ms. */
  readonly sweptAt?: number | undefined;
};

export type FailureUpdate = {
  readonly row: CustomerRow;
  readonly events: readonly PendingEvent[];
};

/**
 * The row after a failed read; undefined when nothing is new. The first two failures are written,
 * then only the moment at which the customer becomes stale: told once, until a good read.
 *
 * @param sweepMs how long the last whole sweep took, in ms
 */
export function afterFailedRead(
  input: FailureInput,
  error: AnyAppError,
  sweepMs: number,
): FailureUpdate | undefined {
  const { row } = input;
  const at = new Date(input.now).toISOString();
  const known = row.failure;
  if (known?.staleAt) return undefined;
  const reads = Math.min(STALE_READS, (known?.reads ?? 0) + 1);
  const failure: ReadFailure = {
    ...known,
    reads,
    since: known?.since ?? at,
    lastGoodReadAt: known ? known.lastGoodReadAt : lastGoodReadAt(input),
    code: error.code,
    ...factsOf(error),
  };
  // Counted from the first failure, which is later than the last good read: never told too early.
  const needed = Math.max(STALE_MS, STALE_SWEEPS * sweepMs);
  const isStale = reads >= STALE_READS && input.now - Date.parse(failure.since) >= needed;
  if (!isStale)
    return reads === known?.reads ? undefined : { row: { ...row, failure }, events: [] };
  const event = createWatchEvent(EVENT_TYPES.watchStale, input, failure);
  return {
    row: {
      ...row,
      seq: event.seq,
      failure: { ...failure, staleAt: at },
      pending: [...row.pending, event],
    },
    events: [event],
  };
}

/** The row after a good read ended a series of failures; undefined when there was none. */
export function afterGoodRead(input: FailureInput): FailureUpdate | undefined {
  const { failure, ...rest } = input.row;
  if (!failure) return undefined;
  const row = rest as CustomerRow;
  if (!failure.staleAt) return { row, events: [] };
  const event = createWatchEvent(EVENT_TYPES.watchRecovered, input, failure);
  return { row: { ...row, seq: event.seq, pending: [...row.pending, event] }, events: [event] };
}

function createWatchEvent(
  type: WatchEvent["type"],
  input: FailureInput,
  failure: ReadFailure,
): PendingEvent {
  const { customer, source, row } = input;
  const seq = row.seq + 1;
  const observedAt = new Date(input.now).toISOString();
  const content: Omit<WatchEvent, "id"> = {
    specversion: "1.0",
    source,
    type,
    subject: customer,
    time: observedAt,
    datacontenttype: "application/json",
    sequence: formatSequence(seq),
    partitionkey: customer,
    data: {
      custSpaceId: customer,
      scope: customer === ACCOUNT ? "account" : "customer",
      severity: watchSeverity(type, customer),
      failingSince: failure.since,
      failedReads: failure.reads,
      lastGoodReadAt: failure.lastGoodReadAt,
      observedAt,
      code: failure.code,
      upstreamCode: failure.upstreamCode,
      upstreamRequestId: failure.upstreamRequestId,
    },
  };
  const id = eventId([source, customer, content.sequence, content]);
  return { id, seq, type, body: JSON.stringify({ id, ...content }) };
}

/**
 * The row tells of the last read that changed it; an instance may remember a later one, and a whole
 * sweep has read everyone it began with, or their rows would tell of a failure.
 */
function lastGoodReadAt({ row, lastSeenAt, sweptAt = 0 }: FailureInput): string | undefined {
  const stored = row.observedAt ?? row.baselineAt;
  const wasSwept = row.baselineAt !== undefined && Date.parse(row.baselineAt) <= sweptAt;
  const times = [stored ? Date.parse(stored) : 0, lastSeenAt ?? 0, wasSwept ? sweptAt : 0];
  const latest = Math.max(...times);
  return latest > 0 ? new Date(latest).toISOString() : undefined;
}

function watchSeverity(type: WatchEvent["type"], customer: string) {
  if (type === EVENT_TYPES.watchRecovered) return "info";
  return customer === ACCOUNT ? "critical" : "warning";
}

function factsOf(error: AnyAppError): Pick<ReadFailure, "upstreamCode" | "upstreamRequestId"> {
  const facts = "facts" in error ? error.facts : undefined;
  return {
    upstreamCode: facts?.upstreamCode,
    upstreamRequestId: facts?.upstreamRequestId,
  };
}
