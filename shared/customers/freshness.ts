import { mayBeFull, WORSE_MS } from "../changes/limits.ts";
import type { CustomerRow } from "../schemas/customer-row.ts";
import { isAhead } from "../schemas/stored-time.ts";
import type { LaneRow, LeaseRow, ScanState } from "../schemas/watch-rows.ts";
import { laneOf } from "./priority-lane.ts";

/** A lane row may be stored this much later than the time in it, and clocks differ. */
const ENTRY_MARGIN_MS = 60_000;

export type StoredFacts = {
  readonly row: CustomerRow;
  /** Undefined while reads fail: they may have failed in the last passes already. */
  readonly lease: LeaseRow | undefined;
  /** The customer's place in the priority lane. */
  readonly laneRow: LaneRow | undefined;
  /** Wall clock, ms. A later time, of a wrong clock, counts only if there is no other. */
  readonly now: number;
};

/**
 * The time, on the wall clock in ms, until which every stored value of a customer is known to have
 * held; undefined before its first read.
 *
 * A read without changes is not stored. But a finished pass has read everyone who was in it from
 * its beginning, or noted a failure. It does not count where the read may have seen other values
 * than the stored ones: changes that were held back, or a list without one of the numbers.
 */
export function confirmedUntil({ row, lease, laneRow, now }: StoredFacts): number | undefined {
  if (row.baselineAt === undefined && row.observedAt === undefined) return undefined;
  const lanePass = lease && laneRow && lanePassOf(lease, laneRow);
  const passes = [lease?.sweep.full, lanePass].flatMap((full) =>
    full && !mayHaveBeenHeldBack(row, full.startedAt) ? [full.startedAt] : [],
  );
  const stored = Date.parse(row.observedAt ?? row.baselineAt ?? "");
  const known = [stored, ...passes].filter((at) => !isAhead(at, now));
  if (known.length === 0) known.push(now);
  const lastSights = Object.values(row.numbers).flatMap(({ absent, observedAt }) =>
    absent ? [Date.parse(absent.lastSeenAt ?? observedAt)] : [],
  );
  return Math.min(Math.max(...known), ...lastSights);
}

/**
 * The last finished pass of the customer's lane, if the customer was in that lane before it began.
 * The lane that operators ask for does not count, because its time of entry is not stored.
 */
function lanePassOf(lease: LeaseRow, laneRow: LaneRow): ScanState["full"] {
  const { since, full } = placeOf(lease, laneRow);
  return full && since + ENTRY_MARGIN_MS <= full.startedAt ? full : undefined;
}

function placeOf(lease: LeaseRow, laneRow: LaneRow) {
  switch (laneOf(laneRow)) {
    case "onboarding": {
      const addedAt = Object.values(laneRow.onboarding).map((added) => Date.parse(added.addedAt));
      return { since: Math.min(...addedAt), full: lease.onboarding.full };
    }
    case "worse":
      return { since: (laneRow.worseUntil ?? 0) - WORSE_MS, full: lease.worse.full };
    case "asked":
      return { since: 0, full: undefined };
  }
}

/** Whether the customer may have been full at any time from `since` on. */
function mayHaveBeenHeldBack(row: CustomerRow, since: number): boolean {
  const { pending, fullUntil, delivered = [], deliveredCutAt } = row;
  if ([fullUntil, deliveredCutAt].some((at) => at && Date.parse(at) >= since)) return true;
  // A row of an earlier version tells by its history.
  const later = delivered.filter(({ deliveredAt }) => Date.parse(deliveredAt) >= since);
  return mayBeFull([...pending, ...later]);
}

export type Freshness = {
  readonly onboarding: number | null;
  readonly worse: number | null;
  readonly asked: number | null;
  readonly sweep: number | null;
  /** When the last finished sweep ended. */
  readonly sweptAt: string | null;
};

/** The age of each scan's last finished pass, in seconds; null before one. */
export function toFreshness(
  { onboarding, worse, asked, sweep }: Pick<LeaseRow, "onboarding" | "worse" | "asked" | "sweep">,
  now: number,
): Freshness {
  const seconds = ({ full }: Partial<ScanState> = {}) =>
    full ? Math.max(0, Math.round((now - full.startedAt) / 1000)) : null;
  return {
    onboarding: seconds(onboarding),
    worse: seconds(worse),
    asked: seconds(asked),
    sweep: seconds(sweep),
    sweptAt: sweep.full ? new Date(sweep.full.endedAt).toISOString() : null,
  };
}
