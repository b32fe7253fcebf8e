import type { CustomerRow } from "../schemas/customer-row.ts";
import type { HotRow, LeaseRow, Pass } from "../schemas/watch-rows.ts";
import { laneOf } from "./lane.ts";
import { MAX_BODY_BYTES, MAX_PENDING_BYTES, MAX_PENDING_EVENTS, WORSE_MS } from "./limits.ts";

/** A row of the lane may be stored so much later than the time in it says, and clocks differ. */
const ENTRY_MARGIN_MS = 60_000;

export type StoredFacts = {
  readonly row: CustomerRow;
  /** Undefined while reads fail: in the last passes they may have failed already. */
  readonly lease: LeaseRow | undefined;
  /** The customer's place in the fast lane. */
  readonly hot: HotRow | undefined;
};

/**
 * The time, on the wall clock in ms, until which every stored value of a customer is known to have
 * held; undefined before its first read. An unchanged customer leaves no trace, but a whole pass
 * has read everyone who was in it from its beginning, and a read that fails is noted. It does not
 * count where such a read may have seen something else than what is stored: changes that had to
 * wait upstream, or a list without one of the numbers.
 */
export function confirmedUntil({ row, lease, hot }: StoredFacts): number | undefined {
  const stored = row.observedAt ?? row.baselineAt;
  if (stored === undefined) return undefined;
  const lanePass = lease && hot && lanePassOf(lease, hot);
  const passes = [lease?.sweep.full, lanePass].flatMap((full) =>
    full && !mayHaveBeenHeldBack(row, full.startedAt) ? [full.startedAt] : [],
  );
  const lastSights = Object.values(row.numbers).flatMap(({ absent, observedAt }) =>
    absent ? [Date.parse(absent.lastSeenAt ?? observedAt)] : [],
  );
  return Math.min(Math.max(Date.parse(stored), ...passes), ...lastSights);
}

/**
 * The last whole pass of the customer's lane, if the customer was in that lane before it began. The
 * lane of those that an operator asked for does not count: when that was is not stored.
 */
function lanePassOf(lease: LeaseRow, hot: HotRow): Pass["full"] {
  const { since, full } = placeOf(lease, hot);
  return full && since + ENTRY_MARGIN_MS <= full.startedAt ? full : undefined;
}

function placeOf(lease: LeaseRow, hot: HotRow) {
  switch (laneOf(hot)) {
    case "onboarding": {
      const addedAt = Object.values(hot.onboarding).map((added) => Date.parse(added.addedAt));
      return { since: Math.min(...addedAt), full: lease.onboarding.full };
    }
    case "worse":
      return { since: (hot.worseUntil ?? 0) - WORSE_MS, full: lease.worse.full };
    case "asked":
      return { since: 0, full: undefined };
  }
}

/**
 * Whether the customer may have been at its limit of undelivered events at any time from `since`
 * on: by what is pending now and what has been delivered from then on.
 */
function mayHaveBeenHeldBack(row: CustomerRow, since: number): boolean {
  if (row.deliveredCutAt && Date.parse(row.deliveredCutAt) >= since) return true;
  const delivered = (row.delivered ?? []).filter((one) => Date.parse(one.deliveredAt) >= since);
  const events = [...row.pending, ...delivered];
  const bytes = events.reduce((sum, { body }) => sum + Buffer.byteLength(body), 0);
  // An event that did not fit needed no more room than the largest there is.
  return events.length >= MAX_PENDING_EVENTS || bytes + MAX_BODY_BYTES > MAX_PENDING_BYTES;
}
