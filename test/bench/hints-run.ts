import { watchCustomers } from "../../shared/customers/watch-list.ts";
import { createLog } from "../../shared/log.ts";
import { runPoll } from "../../shared/polling/run-poll.ts";
import type { RunDeps } from "../../shared/polling/settings.ts";
import { newWarmState } from "../../shared/polling/warm-state.ts";
import { customerKey } from "../../shared/schemas/customer-row.ts";
import type { NumberEvent } from "../../shared/schemas/event.ts";
import { HINT_PREFIX, hintKey } from "../../shared/schemas/hint.ts";
import { encodeRow } from "../../shared/store/rows.ts";
import type { Store } from "../../shared/store/store.ts";
import { createRandom, type Random } from "../schedules/scheduler.ts";
import { createFakeClock } from "../support/fake-clock.ts";
import { createFakeUpstream } from "../support/fake-upstream.ts";
import { createTestStore } from "../support/memory-store.ts";
import { createRunDeps, RUN_SETTINGS } from "../support/run-deps.ts";
import { FIELDS, item, rowOf, stateOf, T0 } from "../support/watch-builders.ts";
import { changeAfter, drawCustomer } from "./changing-customers.ts";

export type HintsRun = {
  readonly customers: number;
  readonly qps: number;
  /** In which changes are measured. */
  readonly hours: number;
  /** Decides the changes and which of them have a hint, whatever poll does. */
  readonly seed: number;
  /** How many of the changes have a hint that arrives, how many of these hints come before the upstream's copy has changed. */
  readonly arriving: number;
  readonly early: number;
  /** Whether these hints come. Without them, and with them, the changes are the same. */
  readonly areSent: boolean;
  /** One more customer, without changes, gets hints without end. */
  readonly flood: boolean;
};

export type HintsResult = {
  /** From each change to the accepted event, in ms. */
  readonly hinted: readonly number[];
  readonly others: readonly number[];
  /** How long a change at any moment, of any customer, waits for a read: from all pauses between two. In ms. */
  readonly waitMs: number;
  /** The shortest time between two reads of the flooded customer, in ms. */
  readonly floodGapMs: number;
  readonly problems: readonly string[];
};

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
/** As TICK_SECONDS is by default. */
const RUN_MS = 57_000;
/** Changes happen, but are not measured: the lane fills, and sweeps begin to skip. */
const SETTLING_MS = 4 * HOUR_MS;
/** After the last change, for a sweep of everyone to find it. */
const TAIL_MS = HOUR_MS;
const ACCEPT_MS = 100;
const ROUND_TRIP_MS = [20, 200] as const;
const TIMER_LATE_MS = 1_000;
/** An early hint comes so long before the upstream's copy has changed, at most… */
const EARLY_MS = 10_000;
/** …and another one so long after it. */
const LATE_MS = 2_000;
const FLOODED = "flooded";
const NUMBER = "4915100000000";
const QUALITIES = ["GREEN", "RED"] as const;

type Change = { readonly at: number; hintAt: number | undefined };

type Line = {
  readonly changes: readonly Change[];
  /** Whether its first change is for the worse. Then they alternate. */
  readonly offset: number;
  /** So many of its changes have happened, and the receiver knows of so many. */
  happened: number;
  known: number;
  readAt: number;
};

/** A sixtieth of an hour after the other: real runs of poll on a fake clock. */
export async function runHints(run: HintsRun): Promise<HintsResult> {
  const clock = createFakeClock(T0);
  const measuredFrom = T0 + SETTLING_MS;
  const endsAt = measuredFrom + run.hours * HOUR_MS;
  const store = createTestStore();
  const random = createRandom(run.seed);
  const lines = await createLines(run, store, endsAt);
  await watchCustomers(store, [FLOODED], clock.now);
  const delays = { hinted: [] as number[], others: [] as number[] };
  const problems: string[] = [];
  const pauses = { sum: 0, sumOfSquares: 0 };
  const floodReads: number[] = [];

  function lineOf(customer: string): Line {
    const line = lines.get(customer);
    if (!line) throw new Error("an unknown customer was read");
    while ((line.changes[line.happened]?.at ?? Number.POSITIVE_INFINITY) <= clock.now()) {
      line.happened += 1;
    }
    return line;
  }

  function notePause(line: Line): void {
    const from = Math.max(line.readAt, measuredFrom);
    const pause = Math.min(clock.now(), endsAt) - from;
    line.readAt = clock.now();
    if (pause <= 0) return;
    pauses.sum += pause;
    pauses.sumOfSquares += pause ** 2;
  }

  const upstream = createFakeUpstream({
    async query({ customer }) {
      if (customer === FLOODED) {
        floodReads.push(clock.now());
        return [item()];
      }
      const [least, most] = ROUND_TRIP_MS;
      const trip = least + random() * (most - least);
      await clock.sleep(trip / 2);
      const line = lineOf(customer);
      const fields = fieldsOf(line, line.happened);
      notePause(line);
      await clock.sleep(trip / 2);
      return [item(NUMBER, fields)];
    },
  });

  const send: RunDeps["send"] = async ({ body }) => {
    await clock.sleep(ACCEPT_MS);
    const { partitionkey, data } = JSON.parse(body) as NumberEvent;
    const line = lineOf(partitionkey);
    const to = data.changes.find(({ field }) => field === "verifiedName")?.to;
    const reached = Number(to?.replace("Name ", ""));
    if (!(reached > line.known && reached <= line.happened)) {
      problems.push("an event reports what did not happen");
      return { kind: "delivered", status: 204 };
    }
    for (const { at, hintAt } of line.changes.slice(line.known, reached)) {
      const group = hintAt === undefined ? delays.others : delays.hinted;
      if (at >= measuredFrom) group.push(clock.now() - at);
    }
    line.known = reached;
    return { kind: "delivered", status: 204 };
  };

  const settings = {
    ...RUN_SETTINGS,
    ...{ qps: run.qps, runMs: RUN_MS, pollIntervalMs: MINUTE_MS, hints: true },
  };
  const memory = newWarmState();
  const log = createLog({ level: "warn", now: clock.now, write: (line) => problems.push(line) });
  const hinted = withHints(run, lines, store, clock.now);
  const deps = createRunDeps({ ...clock, store: hinted, upstream, send, random, log });
  for (let minute = T0; minute < endsAt + TAIL_MS; minute += MINUTE_MS) {
    await clock.advance(Math.max(0, minute + random() * TIMER_LATE_MS - clock.now()));
    await clock.run(runPoll(deps, settings, memory));
  }
  const lost = [...lines.values()].filter(({ known, changes }) => known < changes.length);
  if (lost.length > 0) problems.push(`changes of ${lost.length} customers had no event`);
  const gaps = floodReads.slice(1).map((at, index) => at - (floodReads[index] ?? 0));
  const waitMs = pauses.sumOfSquares / 2 / pauses.sum;
  return { ...delays, waitMs, floodGapMs: Math.min(...gaps), problems };
}

/** Each change has a name of its own, and every second one is for the worse. */
function fieldsOf({ offset }: Pick<Line, "offset">, changes: number) {
  const quality = QUALITIES[(offset + changes) % 2] ?? QUALITIES[0];
  return { VerifiedName: `Name ${changes}`, QualityRating: quality };
}

/** The customers, each known since its last change. What happens to one depends on the seed alone. */
async function createLines(run: HintsRun, store: Store, endsAt: number) {
  const lines = new Map<string, Line>();
  for (let index = 0; index < run.customers; index += 1) {
    const random = createRandom(run.seed + index * 0x9e37_79b1);
    const customer = drawCustomer(random);
    const changes: Change[] = [];
    for (let at = T0 + customer.firstMs; at < endsAt; at = changeAfter(customer, at, random)) {
      changes.push({ at, hintAt: undefined });
    }
    const line: Line = {
      ...{ changes, offset: random() < 0.5 ? 0 : 1 },
      ...{ happened: 0, known: 0, readAt: T0 },
    };
    const id = `c${String(index).padStart(6, "0")}`;
    lines.set(id, line);
    const { VerifiedName: verifiedName, QualityRating: qualityRating } = fieldsOf(line, 0);
    const observedAt = new Date(T0 - customer.agoMs).toISOString();
    const state = stateOf({ ...FIELDS, verifiedName, qualityRating }, { observedAt });
    const row = rowOf({ [NUMBER]: state }, { baselineAt: observedAt, observedAt });
    await store.put(customerKey(id), encodeRow(row), "absent");
  }
  const all = [...lines.values()].flatMap(({ changes }) => changes);
  planHints(all, run, createRandom(run.seed ^ 0x5bd1_e995));
  return lines;
}

/** Of each hundred changes in a row just as many have a hint that arrives, and of these so many early ones. */
function planHints(changes: readonly Change[], { arriving, early }: HintsRun, random: Random) {
  const inOrder = changes.toSorted((one, other) => one.at - other.at);
  for (let from = 0; from < inOrder.length; from += 100) {
    const some = inOrder.slice(from, from + 100).map((change) => ({ change, place: random() }));
    some.sort((one, other) => one.place - other.place);
    const hinted = Math.round(some.length * arriving);
    for (const [index, { change }] of some.slice(0, hinted).entries()) {
      const furthest = index < hinted * early ? -EARLY_MS : LATE_MS;
      change.hintAt = change.at + furthest * random();
    }
  }
}

/** The store with hints, as the function hint marks them: before each look, those that have come. */
function withHints(
  { areSent, flood }: HintsRun,
  lines: ReadonlyMap<string, Line>,
  store: Store,
  now: () => number,
): Store {
  const coming = [...lines]
    .flatMap(([customer, { changes }]) =>
      changes.flatMap(({ hintAt }) => (hintAt === undefined ? [] : [{ customer, at: hintAt }])),
    )
    .sort((one, other) => one.at - other.at);
  let floodedSince = 0;
  const mark = (customer: string, at: number) =>
    store.put(hintKey(customer), encodeRow({ schema: 1, at }), "absent");

  async function arrive(): Promise<void> {
    for (let next = coming[0]; next && next.at <= now(); next = coming[0]) {
      coming.shift();
      await mark(next.customer, next.at);
    }
  }

  return {
    ...store,
    async scan(prefix, after, limit) {
      if (prefix !== HINT_PREFIX) return store.scan(prefix, after, limit);
      if (areSent) await arrive();
      // No flood can do more: a mark is there again as soon as the last one was removed.
      if (flood) await mark(FLOODED, floodedSince);
      return store.scan(prefix, after, limit);
    },
    async delete(key, expected) {
      if (key === hintKey(FLOODED)) floodedSince = now();
      return store.delete(key, expected);
    },
  };
}
