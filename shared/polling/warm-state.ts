import { type BackoffState, newBackoffState } from "./backoff.ts";
import type { WarmPace } from "./run-limiters.ts";

/** The last reads of this many customers are remembered, so that memory does not grow with them. */
const MAX_LAST_READS = 1_000;

/** What is remembered of a customer's last read, on the wall clock in ms. */
export type LastRead = {
  /** When it ended, good or failed. */
  readonly at: number;
  /** When the last read began that showed all stored values, or undefined if none is known. */
  readonly seenAt: number | undefined;
  /** The customer's last sequence then, or undefined if the row was not seen. */
  readonly seq?: number | undefined;
};

/** What a warm instance remembers of earlier runs. Losing it costs nothing but accuracy. */
export type WarmState = {
  /** The longest unread first. */
  readonly lastReads: Map<string, LastRead>;
  /** When the last good read of any customer began, on the wall clock in ms. */
  lastGoodAt: number | undefined;
  /** Customers of the environment's list that are known to have a row. */
  readonly ensured: Set<string>;
  readonly syncBackoff: BackoffState;
  readonly healthBackoff: BackoffState;
  /** Customers whose failures stand beside their own rows, as the last run left them. */
  unusable: ReadonlySet<string>;
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
    ensured: new Set(),
    syncBackoff: newBackoffState(),
    healthBackoff: newBackoffState(),
    unusable: new Set(),
    unreleased: undefined,
    pace: undefined,
  };
}

/**
 * Remembers a read that ended at `at`. A read that confirmed nothing keeps the earlier `seenAt`,
 * which is still true of what is stored.
 */
export function rememberRead(
  { lastReads }: Pick<WarmState, "lastReads">,
  customer: string,
  at: number,
  seenAt?: number,
  seq?: number,
): void {
  const earlier = lastReads.get(customer);
  lastReads.delete(customer);
  lastReads.set(customer, { at, seenAt: seenAt ?? earlier?.seenAt, seq: seq ?? earlier?.seq });
  const [oldest] = lastReads.size > MAX_LAST_READS ? lastReads.keys() : [];
  if (oldest !== undefined) lastReads.delete(oldest);
}
