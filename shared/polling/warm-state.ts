import { type BackoffState, newBackoffState } from "./backoff.ts";
import type { WarmPace } from "./run-limiters.ts";

/** The last reads of this many customers are remembered, so that memory does not grow with them. */
const MAX_LAST_READS = 1_000;

/** What is remembered of a customer's last read, on the wall clock in ms. */
export type LastRead = {
  /** When it began, and when its last call was sent, good or failed. */
  readonly beganAt: number;
  readonly at: number;
  /** When the last read began that showed all stored values, or undefined if none is known. */
  readonly seenAt: number | undefined;
  /**
   * The read began then and showed all values of the row of this version. It counts as seen once the
   * row is known to have stayed the same: when the next row that is read has this version too.
   */
  readonly sighting?: { readonly at: number; readonly version: string } | undefined;
  /** The customer's last sequence then, or undefined if the row was not seen. */
  readonly seq?: number | undefined;
};

/** What a warm instance remembers of earlier runs. Losing it costs nothing but accuracy. */
export type WarmState = {
  /** The longest unread first. */
  readonly lastReads: Map<string, LastRead>;
  /** When the last good read of any customer began, on the wall clock in ms. */
  lastGoodAt: number | undefined;
  /** When the first read began that has failed since then, on the wall clock in ms. */
  blindSince: number | undefined;
  /** When the customers of the priority lane were last read. */
  readonly laneReads: Map<string, number>;
  /** Customers of the environment's list that are known to have a row. */
  readonly ensured: Set<string>;
  readonly syncBackoff: BackoffState;
  readonly healthBackoff: BackoffState;
  /** Customers whose failures stand beside their own rows, as the last run left them. */
  unusable: ReadonlySet<string>;
  /** When expired idempotency rows were last cleared, on the wall clock in ms. */
  expiredAt: number;
  /** The owner of a lease that an ended run could not release. */
  unreleased: string | undefined;
  /** Where the last run's pace ended. */
  pace: WarmPace | undefined;
};

/** What an instance knows before its first run: nothing. */
export function newWarmState(): WarmState {
  return {
    lastReads: new Map(),
    lastGoodAt: undefined,
    blindSince: undefined,
    laneReads: new Map(),
    ensured: new Set(),
    syncBackoff: newBackoffState(),
    healthBackoff: newBackoffState(),
    unusable: new Set(),
    expiredAt: 0,
    unreleased: undefined,
    pace: undefined,
  };
}

/**
 * Remembers a read. One that confirmed nothing keeps the earlier `seenAt`, which is still true of
 * what is stored.
 */
export function rememberRead(
  { lastReads }: Pick<WarmState, "lastReads">,
  customer: string,
  read: Pick<LastRead, "beganAt" | "at"> & Partial<LastRead>,
): void {
  const earlier = lastReads.get(customer);
  lastReads.delete(customer);
  const seenAt = read.seenAt ?? earlier?.seenAt;
  lastReads.set(customer, { ...read, seenAt, seq: read.seq ?? earlier?.seq });
  const [oldest] = lastReads.size > MAX_LAST_READS ? lastReads.keys() : [];
  if (oldest !== undefined) lastReads.delete(oldest);
}

/** When the stored values were last seen, in ms, now that the row's version is known. */
export function seenAtOf(
  { lastReads }: { readonly lastReads: ReadonlyMap<string, LastRead> },
  customer: string,
  version: string,
): number | undefined {
  const last = lastReads.get(customer);
  return last?.sighting?.version === version ? last.sighting.at : last?.seenAt;
}
