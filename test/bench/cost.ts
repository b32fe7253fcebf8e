import { ASSUMED, costOf, formatSeconds, formatUsd } from "../../shared/deploy/cost.ts";
import { createLog } from "../../shared/log.ts";
import { runPoll } from "../../shared/polling/run-poll.ts";
import type { RunSettings } from "../../shared/polling/settings.ts";
import { newWarmState } from "../../shared/polling/warm-state.ts";
import type { Store } from "../../shared/store/store.ts";
import { createFakeClock } from "../support/fake-clock.ts";
import { createFakeUpstream } from "../support/fake-upstream.ts";
import { createRunDeps, RUN_SETTINGS } from "../support/run-deps.ts";
import { T0 } from "../support/watch-builders.ts";
import { numberOf, openSweepStore } from "./sweep-store.ts";
import { describeMachine, formatTable, machineLine } from "./table.ts";

/**
 * `npm run bench:cost`: real runs of poll on a fake clock, one a minute, in which a call of the store
 * and one of the upstream take as long as the cost formula assumes. Counts what a run takes, holds
 * the formula against it, and prints what a day costs. Then the same runs with health and hints, which
 * must leave Query its calls. Ends with 1 when the formula is off by more than 15 %, or Query's calls
 * by more than 1 %.
 */
const SIZES = [1, 10, 1_000, 100_000];
const MOST_OFF = 0.15;
const MOST_TAKEN = 0.01;
const BESIDE = [
  ["WATCH_HEALTH", { health: true }],
  ["HINT_SECRET", { hints: true }],
] as const;
/** Small watches wait a little longer in each run, until they skip one. */
const RUNS = { small: 600, large: 12 };
const LARGE = 400;
const WARM_UP_RUNS = 4;
const MINUTE_MS = 60_000;
const UNIT_BYTES = 4_096;
/** As serverless.yml deploys poll. */
const DEPLOYED = {
  ...{ qps: 7, intervalSeconds: 60, runSeconds: 57 },
  ...{ runsADay: 1440, cpu: 0.1, memoryMb: 256 },
};

type Run = {
  seconds: number;
  reads: number;
  healths: number;
  readUnits: number;
  writeUnits: number;
  calls: number;
};

const NONE: Run = { seconds: 0, reads: 0, healths: 0, readUnits: 0, writeUnits: 0, calls: 0 };

const rows: string[][] = [];
const costs: string[][] = [];
const shares: string[][] = [];
const mean = (runs: readonly Run[], pick: keyof Run) =>
  runs.reduce((sum, run) => sum + run[pick], 0) / runs.length;
for (const customers of SIZES) {
  const runs = await measure(customers);
  const of = (pick: keyof Run) => mean(runs, pick);
  for (const [name, settings] of BESIDE) {
    const beside = await measure(customers, settings);
    const off = mean(beside, "reads") / of("reads") - 1;
    const isMissed = !(Math.abs(off) <= MOST_TAKEN);
    if (isMissed) process.exitCode = 1;
    shares.push([
      ...[String(customers), name],
      ...(["reads", "healths", "calls", "seconds"] as const).map((pick) =>
        mean(beside, pick).toFixed(2),
      ),
      `${(off * 100).toFixed(1)} %${isMissed ? " MISSED" : ""}`,
    ]);
  }
  const cost = costOf({ ...DEPLOYED, customers });
  const compared = [
    ["billed s a run", of("seconds"), cost.secondsARun],
    ["upstream calls a run", of("reads"), cost.reads / DEPLOYED.runsADay],
    ["read units a run", of("readUnits"), cost.readUnits / DEPLOYED.runsADay],
    ["write units a run", of("writeUnits"), cost.writeUnits / DEPLOYED.runsADay],
  ] as const;
  for (const [what, counted, formula] of compared) {
    const off = formula / counted - 1;
    const isMissed = !(Math.abs(off) <= MOST_OFF);
    if (isMissed) process.exitCode = 1;
    const shown = `${(off * 100).toFixed(1)} %${isMissed ? " MISSED" : ""}`;
    rows.push([String(customers), what, counted.toFixed(2), formula.toFixed(2), shown]);
  }
  rows.push([String(customers), "store calls a run", of("calls").toFixed(2), "", ""]);
  costs.push([
    customers.toLocaleString("en-US"),
    formatSeconds(cost.sweepSeconds),
    Math.round(cost.billedSeconds).toLocaleString("en-US"),
    formatUsd(cost.functionUsd),
    formatUsd(cost.storeUsd),
  ]);
}
console.log(formatTable(["customers", "", "counted", "formula", "off by"], rows));
const facts = ["Query calls a run", "health calls", "store calls", "billed s", "Query, off by"];
console.log(`\n${formatTable(["customers", "with", ...facts], shares)}`);
const headers = ["customers", "a sweep takes", "billed s a day", "Function Compute", "Tablestore"];
console.log(`\n${formatTable(headers, costs)}\n${machineLine(describeMachine())}`);

/** Runs after those in which the instance and the lease are new. */
async function measure(customers: number, over: Partial<RunSettings> = {}): Promise<Run[]> {
  const clock = createFakeClock(T0 + 10 * MINUTE_MS);
  const used: Run = { ...NONE };
  const generated = await openSweepStore("generated", customers);
  const store = slowStore(generated, used, () => clock.sleep(ASSUMED.storeSeconds * 1_000));
  const upstream = createFakeUpstream(
    {
      query: ({ customer }) => {
        used.reads += 1;
        return [numberOf(customer)];
      },
      health: () => {
        used.healths += 1;
        return { Data: { CanSendMessage: "AVAILABLE", Entities: [] } };
      },
    },
    { clock, latencyMs: () => ASSUMED.upstreamSeconds * 1_000 },
  );
  const deps = createRunDeps({
    ...clock,
    ...{ store, upstream },
    send: () => Promise.reject(new Error("nothing changes, so nothing is sent")),
    log: createLog({ level: "warn", now: clock.now, write: (line) => console.error(line) }),
  });
  const warm = newWarmState();
  const runMs = DEPLOYED.runSeconds * 1_000;
  const settings = { ...RUN_SETTINGS, qps: DEPLOYED.qps, runMs, ...over };
  const runs: Run[] = [];
  const count = customers < LARGE ? RUNS.small : RUNS.large;
  for (let run = 0; run < WARM_UP_RUNS + count; run += 1) {
    Object.assign(used, NONE);
    const began = clock.now();
    await clock.run(runPoll(deps, settings, warm));
    used.seconds = (clock.now() - began) / 1_000;
    if (run >= WARM_UP_RUNS) runs.push({ ...used });
    await clock.advance(began + MINUTE_MS - clock.now());
  }
  return runs;
}

/** Counts calls and units: 4 KB each, rounded up for each request. Nothing found is one as well. */
function slowStore(store: Store, used: Run, wait: () => Promise<void>): Store {
  const units = (texts: readonly string[]) =>
    Math.max(
      1,
      Math.ceil(texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0) / UNIT_BYTES),
    );
  const call = async () => {
    used.calls += 1;
    await wait();
  };
  return {
    async get(key) {
      await call();
      const row = await store.get(key);
      used.readUnits += units([key, row?.value ?? ""]);
      return row;
    },
    async scan(...page) {
      await call();
      const found = await store.scan(...page);
      used.readUnits += units(found.flatMap(({ key, value, version }) => [key, value, version]));
      return found;
    },
    async put(key, value, ...rest) {
      await call();
      used.writeUnits += units([key, value]);
      return store.put(key, value, ...rest);
    },
    async delete(key, expected) {
      await call();
      used.writeUnits += 1;
      return store.delete(key, expected);
    },
    close: () => store.close(),
  };
}
