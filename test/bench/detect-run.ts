import { prioritizeRequested } from "../../shared/customers/priority-lane.ts";
import { watchCustomers } from "../../shared/customers/watch-list.ts";
import { createLog } from "../../shared/log.ts";
import { runPoll } from "../../shared/polling/run-poll.ts";
import type { RunDeps } from "../../shared/polling/settings.ts";
import { newWarmState } from "../../shared/polling/warm-state.ts";
import type { NumberEvent } from "../../shared/schemas/event.ts";
import type { Random } from "../schedules/scheduler.ts";
import { createFakeClock } from "../support/fake-clock.ts";
import { createFakeUpstream } from "../support/fake-upstream.ts";
import { createTestStore } from "../support/memory-store.ts";
import { createRunDeps, RUN_SETTINGS } from "../support/run-deps.ts";
import { item, T0 } from "../support/watch-builders.ts";

export type DetectRun = {
  readonly customers: number;
  /** How many of them are in the priority lane. */
  readonly lane: number;
  readonly qps: number;
  /** POLL_INTERVAL_SECONDS. */
  readonly interval: number;
  readonly hours: number;
  readonly random: Random;
};

export type Detected = {
  /** From the change to the accepted event, in ms. */
  readonly lane: readonly number[];
  readonly sweep: readonly number[];
  readonly problems: readonly string[];
};

const MINUTE_MS = 60_000;
/** As TICK_SECONDS is by default. */
const RUN_MS = 57_000;
const HOUR_MS = 60 * MINUTE_MS;
/** Nothing changes in the first hour: all customers are seen once. */
const CALM_MS = HOUR_MS;
const LANE_GAP_MS = 3 * MINUTE_MS;
const ACCEPT_MS = 100;
const ROUND_TRIP_MS = [20, 200] as const;
const TIMER_LATE_MS = 1_000;

type Line = {
  readonly inLane: boolean;
  name: number;
  changesAt: number;
  /** A change has happened of which the receiver has no event yet. */
  changedAt: number | undefined;
};

export async function runDetect(run: DetectRun): Promise<Detected> {
  const { random, qps } = run;
  const settings = {
    ...RUN_SETTINGS,
    qps,
    runMs: RUN_MS,
    pollIntervalMs: run.interval * 1_000,
  };
  const clock = createFakeClock(T0);
  const store = createTestStore();
  const delays = { lane: [] as number[], sweep: [] as number[] };
  const problems: string[] = [];
  const startsAt = T0 + CALM_MS;
  const endsAt = startsAt + run.hours * HOUR_MS;
  // A sweep shares the calls with the lane. A customer changes about twice in a sweep's length.
  const sweepGapMs = Math.max(LANE_GAP_MS, (4 * run.customers * 1_000) / qps);
  const nextChange = (inLane: boolean, from: number) =>
    from + random() * (inLane ? LANE_GAP_MS : sweepGapMs);
  const ids = Array.from({ length: run.customers }, (_, n) => `c${String(n).padStart(6, "0")}`);
  // Spread over the keys, as numbers that are being added would be.
  const stride = Math.max(1, Math.floor(run.customers / run.lane));
  const lines = new Map<string, Line>();
  for (const [n, id] of ids.entries()) {
    const inLane = n % stride === 0 && n / stride < run.lane;
    const changesAt = nextChange(inLane, startsAt);
    lines.set(id, { inLane, name: 0, changesAt, changedAt: undefined });
  }
  await watchCustomers(store, ids, clock.now);
  for (const [id, { inLane }] of lines) {
    if (inLane) await prioritizeRequested(store, id, endsAt + HOUR_MS, T0);
  }

  /** Changes happen at their time, but are made only when the number is read. */
  function lineNow(id: string): Line {
    const line = lines.get(id);
    if (!line) throw new Error("an unknown customer was read");
    if (line.changedAt === undefined && line.changesAt <= Math.min(clock.now(), endsAt)) {
      line.changedAt = line.changesAt;
      line.name += 1;
    }
    return line;
  }

  const upstream = createFakeUpstream({
    async query({ customer }) {
      const [least, most] = ROUND_TRIP_MS;
      const trip = least + random() * (most - least);
      await clock.sleep(trip / 2);
      // The lateral change: one for the worse would bring its customer into the lane.
      const { name } = lineNow(customer);
      await clock.sleep(trip / 2);
      return [item(`49${customer.slice(1)}`, { VerifiedName: `Name ${name}` })];
    },
  });

  const send: RunDeps["send"] = async ({ body }) => {
    await clock.sleep(ACCEPT_MS);
    const { partitionkey, data } = JSON.parse(body) as NumberEvent;
    const line = lines.get(partitionkey);
    const [change, ...others] = data.changes;
    if (!line?.changedAt || others.length > 0 || change?.to !== `Name ${line.name}`) {
      problems.push("an event reports what did not happen");
    } else {
      delays[line.inLane ? "lane" : "sweep"].push(clock.now() - line.changedAt);
      line.changedAt = undefined;
      line.changesAt = nextChange(line.inLane, clock.now());
    }
    return { kind: "delivered", status: 204 };
  };

  const memory = newWarmState();
  const log = createLog({ level: "warn", now: clock.now, write: (line) => problems.push(line) });
  const deps = createRunDeps({ ...clock, store, upstream, send, random, log });
  // Long enough after the last change for a whole sweep to find it.
  const until = endsAt + sweepGapMs;
  for (let minute = T0; minute < until; minute += MINUTE_MS) {
    await clock.advance(Math.max(0, minute + random() * TIMER_LATE_MS - clock.now()));
    await clock.run(runPoll(deps, settings, memory));
  }
  const lost = [...lines.values()].filter(({ changedAt }) => changedAt !== undefined);
  if (lost.length > 0) problems.push(`${lost.length} changes had no event`);
  return { ...delays, problems };
}
