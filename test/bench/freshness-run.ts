import { laneEveryMs } from "../../shared/customers/priority-lane.ts";
import { divisorOf, includes, mostOf } from "../../shared/customers/sweeps.ts";
import { fitting } from "../../shared/polling/lane.ts";
import { LANE_CALL_RATIO } from "../../shared/polling/start-run.ts";
import type { CustomerRow } from "../../shared/schemas/customer-row.ts";
import type { Sweep, SweepPlan } from "../../shared/schemas/watch-rows.ts";
import type { Random } from "../schedules/scheduler.ts";
import { rowOf } from "../support/watch-builders.ts";
import { changeAfter, drawCustomer } from "./changing-customers.ts";

export type FreshnessRun = {
  readonly customers: number;
  /** Reads a second, pauses between runs included. */
  readonly readsPerSecond: number;
  readonly days: number;
  readonly isUniform: boolean;
  readonly random: Random;
};

export type Delays = {
  readonly meanMs: number;
  readonly longestMs: number;
  readonly changes: number;
};

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const INTERVAL_MS = MINUTE_MS;
/** So many customers are in every sweep whatever their age. */
const EXEMPT_RATIO = 0.05;
const WORSE_RATIO = 0.5;
/** 2026-01-01T00:00:00Z */
const START_MS = 1_767_225_600_000;

type Line = {
  readonly id: string;
  readonly perMs: number;
  row: CustomerRow;
  changesAt: number;
  isWorse: boolean;
};

type LaneEntry = { readonly line: Line; readonly since: number; everyMs: number; readAt: number };

function createLine(index: number, random: Random): Line {
  const customer = drawCustomer(random);
  const changedAt = START_MS - customer.agoMs;
  const failure = { reads: 1, since: "2026-01-01T00:00:00.000Z", code: "ERR_UPSTREAM_TIMEOUT" };
  const baselineAt = new Date(START_MS - 500 * DAY_MS).toISOString();
  const row = { ...rowOf({}), baselineAt, observedAt: new Date(changedAt).toISOString() };
  return {
    id: `c${String(index).padStart(6, "0")}`,
    perMs: customer.perMs,
    row: random() < EXEMPT_RATIO ? { ...row, failure } : row,
    changesAt: START_MS + customer.firstMs,
    isWorse: random() < WORSE_RATIO,
  };
}

/** How long changes wait for the read that shows them, with the decisions that poll makes. */
export function runFreshness({
  customers,
  readsPerSecond,
  days,
  isUniform,
  random,
}: FreshnessRun): Delays {
  const lines = Array.from({ length: customers }, (_, index) => createLine(index, random));
  const stepMs = 1_000 / readsPerSecond;
  const until = START_MS + days * DAY_MS;
  let now = START_MS;
  const found = { sumMs: 0, longestMs: 0, changes: 0 };
  let lane: LaneEntry[] = [];
  let held: LaneEntry[] = [];
  let laneReads = 0;
  let reads = 0;

  function read(line: Line): void {
    reads += 1;
    now += stepMs;
    let hasChanged = false;
    while (line.changesAt <= now) {
      // The first day only lets the schedule settle.
      if (line.changesAt > START_MS + DAY_MS) {
        const delayMs = now - line.changesAt;
        found.sumMs += delayMs;
        found.longestMs = Math.max(found.longestMs, delayMs);
        found.changes += 1;
      }
      hasChanged = true;
      if (line.isWorse) lane = [newEntry(line), ...lane.filter((one) => one.line !== line)];
      line.isWorse = random() < WORSE_RATIO;
      line.changesAt = changeAfter(line, line.changesAt, random);
    }
    if (hasChanged) line.row = { ...line.row, observedAt: new Date(now).toISOString() };
  }
  const newEntry = (line: Line): LaneEntry => ({
    line,
    since: now,
    everyMs: MINUTE_MS,
    readAt: now,
  });

  /** The lane looks at its rows every minute. Poll does it more often, which finds no more. */
  function lookAtLane(): void {
    lane = lane.filter(({ since }) => now - since < DAY_MS);
    for (const entry of lane) {
      const row = { schema: 1, worseUntil: entry.since + DAY_MS };
      entry.everyMs = laneEveryMs(row, INTERVAL_MS, now);
    }
    held = fitting(lane, readsPerSecond * LANE_CALL_RATIO);
  }

  let lookAt = now;
  function readLane(): void {
    if (isUniform) return;
    if (now >= lookAt) {
      lookAtLane();
      lookAt = now + MINUTE_MS;
    }
    for (const entry of held) {
      if (laneReads >= reads * LANE_CALL_RATIO) return;
      if (now - entry.readAt < entry.everyMs) continue;
      laneReads += 1;
      entry.readAt = now;
      read(entry.line);
    }
  }

  let plan: SweepPlan | undefined;
  for (let number = 1; now < until; number += 1) {
    const startedAt = now;
    const most = isUniform ? 1 : mostOf(plan, INTERVAL_MS);
    const sweep: Pick<Sweep, "number" | "most" | "startedAt"> = { number, most, startedAt };
    const counts = [0, 0, 0];
    let included = 0;
    for (const line of lines) {
      const place = divisorOf(line.row, startedAt) >> 1;
      counts[place] = (counts[place] ?? 0) + 1;
      if (!includes(sweep, line.id, line.row)) continue;
      included += 1;
      read(line);
      readLane();
    }
    plan = { customers: counts, msPerRead: (now - startedAt) / Math.max(1, included) };
    now = Math.max(now, startedAt + INTERVAL_MS);
  }
  const { sumMs, longestMs, changes } = found;
  return { meanMs: sumMs / changes, longestMs, changes };
}
