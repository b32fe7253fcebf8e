import type { AnyAppError, UpstreamFacts } from "../errors.ts";
import {
  ACCOUNT,
  type CustomerRow,
  type PendingEvent,
  type ReadFailure,
} from "../schemas/customer-row.ts";
import { EVENT_TYPES, type WatchEvent } from "../schemas/event.ts";
import { nextSequence } from "../schemas/sequence.ts";
import { isoNotAfter, notAfter } from "../schemas/stored-time.ts";
import { freezeEvent } from "./event.ts";

/** Stale after no good read for this long… */
export const STALE_MS = 1_800_000;
/** …or for this many sweeps, whichever is longer, and after this many failed reads. */
const STALE_SWEEPS = 2;
const STALE_READS = 2;

export type FailureInput = {
  readonly customer: string;
  readonly source: string;
  /** The number that alone cannot be read. The row's failure is the number's then. */
  readonly phoneNumber?: string;
  /** Whose sequence the row has, if it is not the customer's own. */
  readonly partition?: string;
  readonly row: CustomerRow;
  /** Wall clock, ms. */
  readonly now: number;
  /** When the last good read that this instance remembers began, in ms. */
  readonly lastSeenAt?: number | undefined;
  /** When the first of the failed reads began of which the row says nothing, in ms. */
  readonly since?: number | undefined;
  /** When the last finished sweep began that ended before this read, in ms. */
  readonly sweptAt?: number | undefined;
  /** This clock is not known to be right, so nobody becomes stale. */
  readonly isClockDoubtful?: boolean | undefined;
};

export type FailureUpdate = {
  readonly row: CustomerRow;
  readonly events: readonly PendingEvent[];
};

/** So long a failure lasts until it is reported. */
export function staleAfterMs(sweepMs: number): number {
  return Math.max(STALE_MS, STALE_SWEEPS * sweepMs);
}

/**
 * The row after a failed read; undefined when nothing is new. The first two failures are written,
 * then only the moment at which the customer becomes stale, which is reported once.
 *
 * @param sweepMs how long the last finished sweep took, in ms
 */
export function afterFailedRead(
  input: FailureInput,
  error: AnyAppError,
  sweepMs: number,
): FailureUpdate | undefined {
  const { row, now } = input;
  const known = row.failure;
  if (known?.staleAt) return undefined;
  const failure = nextFailure(input, error);
  // Counted from the first failure, which is later than the last good read: never reported early.
  const failingMs = now - Date.parse(failure.since);
  const isLong = !input.isClockDoubtful && failingMs >= staleAfterMs(sweepMs);
  if (isLong && failure.reads >= STALE_READS) {
    const stale = { ...failure, staleAt: new Date(now).toISOString() };
    return withEvent({ ...input, row: { ...row, failure: stale } }, EVENT_TYPES.watchStale, stale);
  }
  const isNoted = failure.reads === known?.reads && failure.since === known.since;
  return isNoted ? undefined : { row: { ...row, failure }, events: [] };
}

/** The row after a good read ended a series of failures; undefined when there was none. */
export function afterGoodRead(input: FailureInput): FailureUpdate | undefined {
  const { failure } = input.row;
  if (!failure) return undefined;
  const row = { ...input.row, failure: undefined };
  if (!failure.staleAt) return { row, events: [] };
  return withEvent({ ...input, row }, EVENT_TYPES.watchRecovered, failure);
}

function nextFailure(input: FailureInput, error: AnyAppError): ReadFailure {
  const known = input.row.failure;
  const { now, since = now } = input;
  const before = known?.reads ?? (since < now ? 1 : 0);
  return {
    ...known,
    reads: Math.min(STALE_READS, before + 1),
    since: isoNotAfter(known?.since ?? new Date(since).toISOString(), now),
    lastGoodReadAt: known ? known.lastGoodReadAt : lastGoodReadAt(input),
    ...reasonOf(error),
    ...(isAboutOther(input, error) && {
      upstreamMessage: undefined,
      accessDeniedDetail: undefined,
    }),
  };
}

/** What one customer's read, or several at once, may fail with although others could be read. */
const UNPROVEN_CODES = /* @__PURE__ */ new Set([
  ...["ERR_UPSTREAM_REJECTED", "ERR_CUSTOMER_TOO_LARGE", "ERR_STORE_ROW", "ERR_UPSTREAM_CONTRACT"],
  ...["ERR_UPSTREAM_TIMEOUT", "ERR_UPSTREAM_UNAVAILABLE", "ERR_UPSTREAM_THROTTLED"],
]);

/** Whether the account's failure is everyone's: it is refused, or nobody was read for half an hour. */
export function isAccountDown({ code, staleAt }: Pick<ReadFailure, "code" | "staleAt">): boolean {
  return staleAt !== undefined || !UNPROVEN_CODES.has(code);
}

/** The words of one customer's failure may name it, and the account's row outlives the customer. */
function isAboutOther({ customer }: FailureInput, { code }: AnyAppError): boolean {
  return customer === ACCOUNT && code !== "ERR_UPSTREAM_ACCOUNT";
}

/** Why reads fail. */
export type FailureReason = Pick<
  ReadFailure,
  | "code"
  | "upstreamCode"
  | "upstreamRequestId"
  | "upstreamMessage"
  | "accessDeniedDetail"
  | "transportCode"
>;

/** Of the last failure alone: an earlier one's words would name a wrong cause. */
export function reasonOf(from: AnyAppError | ReadFailure): FailureReason {
  const facts: Partial<FailureReason> = "facts" in from ? (from.facts as UpstreamFacts) : from;
  return {
    code: from.code,
    upstreamCode: facts.upstreamCode,
    upstreamRequestId: facts.upstreamRequestId,
    upstreamMessage: facts.upstreamMessage,
    accessDeniedDetail: facts.accessDeniedDetail,
    transportCode: facts.transportCode,
  };
}

/**
 * The row's own time is that of the last read that changed it. This instance may remember a later
 * read, and a finished sweep has read everyone it began with, or noted a failure in their rows.
 */
function lastGoodReadAt({ row, now, lastSeenAt, sweptAt = 0 }: FailureInput): string | undefined {
  const stored = row.observedAt ?? row.baselineAt;
  const wasSwept = row.baselineAt !== undefined && Date.parse(row.baselineAt) <= sweptAt;
  const times = [stored ? Date.parse(stored) : 0, lastSeenAt ?? 0, wasSwept ? sweptAt : 0];
  const latest = notAfter(Math.max(...times), now);
  return latest > 0 ? new Date(latest).toISOString() : undefined;
}

function withEvent(
  { customer, phoneNumber, source, partition = customer, row, now }: FailureInput,
  type: WatchEvent["type"],
  failure: ReadFailure,
): FailureUpdate {
  const observedAt = new Date(now).toISOString();
  const data: WatchEvent["data"] = {
    custSpaceId: customer,
    phoneNumber,
    scope: scopeOf(customer, phoneNumber),
    severity: watchSeverity(type, customer),
    failingSince: failure.since,
    failedReads: failure.reads,
    lastGoodReadAt: failure.lastGoodReadAt,
    observedAt,
    ...reasonOf(failure),
  };
  const origin = { source, customer: partition, observedAt };
  const seq = nextSequence(row.seq, now);
  const event = freezeEvent({ type, subject: phoneNumber ?? customer, data }, seq, origin);
  return { row: { ...row, seq, pending: [...row.pending, event] }, events: [event] };
}

function scopeOf(customer: string, phoneNumber: string | undefined): WatchEvent["data"]["scope"] {
  if (phoneNumber !== undefined) return "number";
  return customer === ACCOUNT ? "account" : "customer";
}

function watchSeverity(type: WatchEvent["type"], customer: string) {
  if (type === EVENT_TYPES.watchRecovered) return "info";
  return customer === ACCOUNT ? "critical" : "warning";
}
