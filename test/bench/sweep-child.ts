import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { createLog } from "../../shared/log.ts";
import { runPoll } from "../../shared/polling/run-poll.ts";
import { newWarmState } from "../../shared/polling/warm-state.ts";
import { LEASE_KEY, type LeaseRow } from "../../shared/schemas/watch-rows.ts";
import type { Store } from "../../shared/store/store.ts";
import { createFakeClock } from "../support/fake-clock.ts";
import { createFakeUpstream } from "../support/fake-upstream.ts";
import { createRunDeps, RUN_SETTINGS } from "../support/run-deps.ts";
import { T0 } from "../support/watch-builders.ts";
import { countOperations, numberOf, openSweepStore, type StoreCounts } from "./sweep-store.ts";
import { median } from "./table.ts";

export type SweepOrder = {
  readonly customers: number;
  readonly store: string;
  readonly qps: number;
  /** Keeps sweeping for so many runs. */
  readonly leastRuns: number;
  /** `memory` collects garbage now and then to see what is in use, which costs CPU. */
  readonly measures: "cpu" | "memory";
};

export type SweepResult = {
  readonly reads: number;
  readonly pollRuns: number;
  readonly cpuMs: number;
  /** From the beginning of the sweep to its end, on the fake clock. */
  readonly sweepMs: number;
  readonly counts: StoreCounts;
  readonly customerWrites: number;
  /** In use in the middle of runs, less what was in use before the first. The median. */
  readonly heapBytes: number;
  /** Of the whole process, the most. */
  readonly rssBytes: number;
};

const MINUTE_MS = 60_000;
const WARM_UP_CUSTOMERS = 1_000;
/** Compiled code lies on the heap as well, so nothing is compared until it has settled. */
const WARM_UP_RUNS = 60;
const READS_PER_SAMPLE = 200;

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

function heapInUse(): number {
  // What the first collection finalizes, the second frees.
  collect();
  collect();
  return process.memoryUsage().heapUsed;
}

async function runSweep(
  store: Store,
  qps: number,
  leastRuns: number,
  onRead: (reads: number) => void = () => undefined,
): Promise<Pick<SweepResult, "reads" | "pollRuns" | "sweepMs">> {
  const clock = createFakeClock(T0 + 10 * MINUTE_MS);
  const memory = newWarmState();
  let reads = 0;
  const upstream = createFakeUpstream({
    query({ customer }) {
      reads += 1;
      onRead(reads);
      return [numberOf(customer)];
    },
  });
  const deps = createRunDeps({
    ...clock,
    store,
    upstream,
    send: () => Promise.reject(new Error("a sweep sends nothing")),
    log: createLog({ level: "warn", now: clock.now, write: (line) => process.stderr.write(line) }),
  });
  for (let pollRuns = 1; ; pollRuns += 1) {
    const began = clock.now();
    await clock.run(runPoll(deps, { ...RUN_SETTINGS, qps }, memory));
    const lease = JSON.parse((await store.get(LEASE_KEY))?.value ?? "{}") as LeaseRow;
    const { full } = lease.sweep;
    if (full && pollRuns >= leastRuns)
      return { reads, pollRuns, sweepMs: full.endedAt - full.startedAt };
    await clock.advance(began + MINUTE_MS - clock.now());
  }
}

async function measure({ customers, store: name, qps, leastRuns, measures }: SweepOrder) {
  const isMemory = measures === "memory";
  const warmUp = await openSweepStore("generated", WARM_UP_CUSTOMERS);
  await runSweep(warmUp, qps, isMemory ? WARM_UP_RUNS : 1);
  const store = await openSweepStore(name, customers);
  const { store: counted, counts, customerWrites } = countOperations(store);
  const idle = heapInUse();
  const heaps: number[] = [];
  const sample = (reads: number) => {
    if (isMemory && reads % READS_PER_SAMPLE === 0) heaps.push(heapInUse() - idle);
  };
  const before = process.cpuUsage();
  const sweep = await runSweep(counted, qps, leastRuns, sample);
  const { user, system } = process.cpuUsage(before);
  await store.close();
  return {
    ...sweep,
    cpuMs: (user + system) / 1_000,
    counts,
    customerWrites: customerWrites(),
    heapBytes: isMemory ? median(heaps.slice(heaps.length / 2)) : 0,
    rssBytes: process.resourceUsage().maxRSS * 1_024,
  } satisfies SweepResult;
}

measure(JSON.parse(process.argv[2] ?? "{}") as SweepOrder).then(
  (result) => process.send?.(result, () => process.disconnect()),
  (error: unknown) => {
    console.error(error);
    process.exitCode = 1;
    process.disconnect();
  },
);
