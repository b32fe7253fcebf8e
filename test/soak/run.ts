import { existsSync, readdirSync } from "node:fs";
import { parseArgs } from "node:util";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describeMachine, formatTable, machineLine, median } from "../bench/table.ts";
import { openStore } from "../kill/stores.ts";
import { createSoak, type Soak } from "./soak.ts";

const HELP = `npm run check:soak -- [options]

One warm instance takes many runs of poll, one a minute on a fake clock, over PostgreSQL. Customers
change now and then, three of them by 50, 200 and 400 numbers at once, and the receiver is down for
ten runs of every 500. Checks that the heap and the open handles stay flat, that nothing is lost,
and prints what the store is given for an event of each of the three.

  --runs N        (default 5000)
  --customers N   with one number each, besides those three (default 20)
  --seed N        decides what changes (default 1)
  --json          prints the result as JSON
  --help          prints this text

Needs TEST_POSTGRES_URL. Exit codes: 0 passed, 1 not flat or an event was lost, 2 it could not run.
`;

const OPEN_FILES = "/proc/self/fd";
const SAMPLE_EVERY = 50;
/** The last quarter of the samples against the second. The first is compiling and filling caches. */
const MOST_GROWTH = 1.1;

type Sample = { readonly heap: number; readonly rss: number; readonly handles: number };

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

function takeSample(): Sample {
  // What the first collection finalizes, the second frees.
  collect();
  collect();
  const { heapUsed, rss } = process.memoryUsage();
  return { heap: heapUsed / 1e6, rss: rss / 1e6, handles: countHandles() };
}

/** Open files and sockets. Without Linux's list of them, what keeps the event loop alive. */
function countHandles(): number {
  return existsSync(OPEN_FILES)
    ? readdirSync(OPEN_FILES).length
    : process.getActiveResourcesInfo().length;
}

async function soakFor(soak: Soak, runs: number, print: (line: string) => void): Promise<Sample[]> {
  const samples: Sample[] = [];
  for (let run = 1; run <= runs; run += 1) {
    await soak.minute();
    if (run % SAMPLE_EVERY !== 0) continue;
    const sample = takeSample();
    samples.push(sample);
    if (run % Math.ceil(runs / 10) < SAMPLE_EVERY) print(`${run} runs: ${describe(sample)}`);
  }
  await soak.settle();
  return samples;
}

function describe({ heap, rss, handles }: Sample): string {
  return `heap ${heap.toFixed(1)} MB, RSS ${rss.toFixed(0)} MB, ${handles} handles`;
}

function quarter(samples: readonly Sample[], which: 1 | 3, of: keyof Sample): number {
  const size = Math.floor(samples.length / 4);
  return median(samples.slice(which * size, (which + 1) * size).map((sample) => sample[of]));
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      runs: { type: "string", default: "5000" },
      customers: { type: "string", default: "20" },
      seed: { type: "string", default: "1" },
      json: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return console.log(HELP);
  const runs = Number(values.runs);
  const began = performance.now();
  const opened = await openStore("postgres", "");
  if (typeof opened === "string") throw new Error(opened);
  try {
    const soak = await createSoak(opened.url, Number(values.customers), Number(values.seed));
    const print = (line: string) => (values.json ? undefined : console.log(line));
    const samples = await soakFor(soak, runs, print);
    const growth = quarter(samples, 3, "heap") / quarter(samples, 1, "heap");
    const handles = [quarter(samples, 1, "handles"), quarter(samples, 3, "handles")] as const;
    const problems = [...soak.problems()];
    if (!(growth <= MOST_GROWTH)) problems.push("the heap grows");
    if (!(handles[1] <= handles[0])) problems.push("the handles grow");
    const result = {
      ...{ runs, events: soak.events(), growth: Math.round(growth * 1000) / 1000, handles },
      ...{ rows: await soak.rows(), costs: soak.costs(), problems },
      seconds: Math.round((performance.now() - began) / 1000),
    };
    await soak.close();
    if (values.json) console.log(JSON.stringify(result));
    else report(result);
    if (problems.length > 0) process.exitCode = 1;
  } finally {
    await opened.close();
  }
}

type Result = {
  readonly runs: number;
  readonly events: number;
  readonly growth: number;
  readonly handles: readonly number[];
  readonly rows: number;
  readonly costs: ReturnType<Soak["costs"]>;
  readonly problems: readonly string[];
  readonly seconds: number;
};

function report({ runs, events, growth, handles, rows, costs, problems, seconds }: Result): void {
  const lines = costs.map(({ pending, events, bytes }) => [
    String(pending),
    String(events),
    (bytes / events / 1_000).toFixed(1),
  ]);
  console.log(formatTable(["pending at once", "events", "KB written for each"], lines));
  console.log(
    `${runs} runs, ${events} events, heap ${growth} of the second quarter's, ` +
      `handles ${handles.join(" and ")}, ${rows} rows, ${problems.length} problems, ${seconds} s`,
  );
  for (const problem of problems) console.log(`  ${problem}`);
  console.log(machineLine(describeMachine()));
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.stack : String(error));
  process.exitCode = 2;
});
