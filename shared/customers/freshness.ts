import { mayBeFull } from "../changes/limits.ts";
import type { CustomerRow } from "../schemas/customer-row.ts";
import { isAhead } from "../schemas/stored-time.ts";
import type { LaneRow, LeaseRow } from "../schemas/watch-rows.ts";
import { laneEveryMs, troubleSince } from "./priority-lane.ts";
import { everyoneSince, sweepsOf, sweptSince } from "./sweeps.ts";

/** A lane row may be stored this much later than the time in it, and clocks differ. */
const ENTRY_MARGIN_MS = 60_000;

export type StoredFacts = {
  readonly customer: string;
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
export function confirmedUntil(facts: StoredFacts): number | undefined {
  const { customer, row, lease, now } = facts;
  if (row.baselineAt === undefined && row.observedAt === undefined) return undefined;
  const sweptAt = lease && sweptSince(sweepsOf(lease), customer, row);
  const passes = [sweptAt, laneReadSince(facts)].flatMap((at) =>
    at !== undefined && !mayHaveBeenHeldBack(row, at) ? [at] : [],
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
 * Since when the last finished pass of the priority lane has read a customer, if the lane held it
 * before the pass began. Whoever was not due then had been read within its time.
 */
function laneReadSince({ lease, laneRow }: StoredFacts): number | undefined {
  const pass = lease?.lane;
  if (!pass || !laneRow) return undefined;
  const { startedAt, heldFrom, pollIntervalMs } = pass;
  const since = troubleSince(laneRow, Number.POSITIVE_INFINITY);
  if (since < heldFrom || since + ENTRY_MARGIN_MS > startedAt) return undefined;
  return startedAt - laneEveryMs(laneRow, pollIntervalMs, startedAt);
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

/**
 * In seconds: everyone whom the lane holds has been read when due since, and everyone since the sweep
 * did; null before that.
 */
export function toFreshness(
  lease: Pick<LeaseRow, "sweep" | "sweeps" | "lane">,
  now: number,
): Freshness {
  const seconds = (since: number | undefined) =>
    since === undefined ? null : Math.max(0, Math.round((now - since) / 1000));
  const lane = seconds(lease.lane?.startedAt);
  const { full } = lease.sweep;
  return {
    ...{ onboarding: lane, worse: lane, asked: lane },
    sweep: seconds(everyoneSince(sweepsOf(lease))),
    sweptAt: full ? new Date(full.endedAt).toISOString() : null,
  };
}
