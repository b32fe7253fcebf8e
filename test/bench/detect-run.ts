import { prioritizeRequested } from "../../shared/customers/priority-lane.ts";
import { watchCustomers } from "../../shared/customers/watch-list.ts";
import { createLog } from "../../shared/log.ts";
import { runPoll } from "../../shared/polling/run-poll.ts";
import type { RunDeps } from "../../shared/polling/settings.ts";
import { newWarmState } from "../../shared/polling/warm-state.ts";
import type { NumberEvent } from "../../shared/schemas/event.ts";
import { HINT_PREFIX, hintKey } from "../../shared/schemas/hint.ts";
import type { Store } from "../../shared/store/store.ts";
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
  /** With HINT_SECRET. Then a customer changes once in four hours on average, as hints are for rare changes. */
  readonly hints?: HintTraffic;
};

export type HintTraffic = {
  /** How many of the changes have a hint that arrives. */
  readonly arriving: number;
  /** How many of the hints come before the upstream's copy has changed, by up to 10 s. */
  readonly early: number;
  /** One more customer, without changes, gets a thousand hints a second. */
  readonly flood: boolean;
};

export type Detected = {
  /** From the change to the accepted event, in ms. */
  readonly lane: readonly number[];
  readonly sweep: readonly number[];
  /** Of changes that had a hint. They are in none of the others. */
  readonly hinted: readonly number[];
  /** The shortest time between two reads of the flooded customer, in ms. */
  readonly floodGapMs: number;
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
const HINTED_GAP_MS = 8 * HOUR_MS;
const EARLY_MS = 10_000;
/** A hint that is not early comes so long after the change at most. */
const LATE_MS = 2_000;
const FLOODED = "flooded";

type Line = {
  readonly inLane: boolean;
  name: number;
  changesAt: number;
  hasHint: boolean;
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
    hints: run.hints !== undefined,
  };
  const clock = createFakeClock(T0);
  const store = createTestStore();
  const delays = { lane: [] as number[], sweep: [] as number[], hinted: [] as number[] };
  const problems: string[] = [];
  const startsAt = T0 + CALM_MS;
  const endsAt = startsAt + run.hours * HOUR_MS;
  // A sweep shares the calls with the lane. A customer changes about twice in a sweep's length.
  const sweepGapMs = Math.max(LANE_GAP_MS, (4 * run.customers * 1_000) / qps);
  const gapMs = run.hints ? HINTED_GAP_MS : sweepGapMs;
  const nextChange = (inLane: boolean, from: number) =>
    from + random() * (inLane ? LANE_GAP_MS : gapMs);
  const hints = createHints(run, store, clock.now);
  const ids = Array.from({ length: run.customers }, (_, n) => `c${String(n).padStart(6, "0")}`);
  // Spread over the keys, as numbers that are being added would be.
  const stride = Math.max(1, Math.floor(run.customers / run.lane));
  const lines = new Map<string, Line>();
  for (const [n, id] of ids.entries()) {
    const inLane = n % stride === 0 && n / stride < run.lane;
    const changesAt = nextChange(inLane, startsAt);
    const hasHint = !inLane && hints.plan(id, changesAt);
    lines.set(id, { inLane, name: 0, changesAt, hasHint, changedAt: undefined });
  }
  await watchCustomers(store, [...ids, FLOODED], clock.now);
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

  const floodReads: number[] = [];
  const upstream = createFakeUpstream({
    async query({ customer }) {
      if (customer === FLOODED) {
        floodReads.push(clock.now());
        return [item()];
      }
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
      const group = line.inLane ? "lane" : line.hasHint ? "hinted" : "sweep";
      delays[group].push(clock.now() - line.changedAt);
      line.changedAt = undefined;
      line.changesAt = nextChange(line.inLane, clock.now());
      line.hasHint = !line.inLane && hints.plan(partitionkey, line.changesAt);
    }
    return { kind: "delivered", status: 204 };
  };

  const memory = newWarmState();
  const log = createLog({ level: "warn", now: clock.now, write: (line) => problems.push(line) });
  const deps = createRunDeps({ ...clock, store: hints.store, upstream, send, random, log });
  // Long enough after the last change for a whole sweep to find it.
  const until = endsAt + sweepGapMs;
  for (let minute = T0; minute < until; minute += MINUTE_MS) {
    await clock.advance(Math.max(0, minute + random() * TIMER_LATE_MS - clock.now()));
    await clock.run(runPoll(deps, settings, memory));
  }
  const lost = [...lines.values()].filter(({ changedAt }) => changedAt !== undefined);
  if (lost.length > 0) problems.push(`${lost.length} changes had no event`);
  const gaps = floodReads.slice(1).map((at, index) => at - (floodReads[index] ?? 0));
  return { ...delays, floodGapMs: Math.min(...gaps), problems };
}

/** Hints in the store, as the function hint marks them: before each look, those that have come. */
function createHints({ hints, random }: DetectRun, store: Store, now: () => number) {
  const coming: { readonly customer: string; readonly at: number }[] = [];
  let floodedSince = 0;
  const mark = (customer: string, at: number) =>
    store.put(hintKey(customer), JSON.stringify({ schema: 1, at }), "absent");

  async function arrive(): Promise<void> {
    for (let next = coming[0]; next && next.at <= now(); next = coming[0]) {
      coming.shift();
      await mark(next.customer, next.at);
    }
    // The first of the flood after the last mark was removed.
    if (hints?.flood) await mark(FLOODED, floodedSince);
  }

  return {
    /** Decides whether a change will have a hint that arrives. */
    plan(customer: string, changesAt: number): boolean {
      if (!hints || random() >= hints.arriving) return false;
      const isEarly = random() < hints.early;
      const at = changesAt + (isEarly ? -EARLY_MS : LATE_MS) * random();
      let index = coming.length;
      while (index > 0 && (coming[index - 1]?.at ?? 0) > at) index -= 1;
      coming.splice(index, 0, { customer, at });
      return true;
    },
    store: {
      ...store,
      async scan(prefix, after, limit) {
        if (prefix === HINT_PREFIX) await arrive();
        return store.scan(prefix, after, limit);
      },
      async delete(key, expected) {
        if (key === hintKey(FLOODED)) floodedSince = now();
        return store.delete(key, expected);
      },
    } satisfies Store as Store,
  };
}
