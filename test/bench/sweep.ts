import { fork } from "node:child_process";
import { once } from "node:events";
import { parseArgs } from "node:util";
import type { SweepOrder, SweepResult } from "./sweep-child.ts";
import { describeMachine, formatTable, machineLine, median } from "./table.ts";

const HELP = `npm run bench:sweep -- [options]

What one whole sweep costs, by the number of customers: real runs of poll on a fake clock, one a
minute. Each customer has one number, nothing changes, and the upstream answers at once. Each figure
is of a process of its own. Ends with 1 when a required figure is missed.

CPU         user and system time for each customer read, fake clock included; median of the runs
operations  of the store for each customer read; writes are of the lease's row alone
sweep       from its beginning to its end, against customers / limit; a run works 50 s in 60
heap        in use in the middle of runs after a garbage collection, less what was in use before the
            first: what the runs use, as the store "generated" keeps no rows. Each size runs for as
            many runs as the largest needs, after 60 in which compiled code settles. Median of the
            second half, and of the measured processes
RSS         of the whole process at its highest, garbage and the bench's own code included

  --customers LIST  (default 1000,10000,100000)
  --limit N         calls a second (default 8)
  --runs N          for CPU and for heap (default 3)
  --store X         generated (default), or the STORE_URL of an empty store, which is filled; its
                    rows count as memory if it keeps them in this process
  --json            prints the results as JSON
  --help            this text
`;

/** Heap of the runs, the most customers against the fewest. */
const REQUIRED_GROWTH = 1.15;
/** A run of poll works so long in each minute. */
const RUN_SECONDS = 50;
const RUN_SHARE = RUN_SECONDS / 60;

function readOptions() {
  const { values } = parseArgs({
    options: {
      customers: { type: "string", default: "1000,10000,100000" },
      limit: { type: "string", default: "8" },
      runs: { type: "string", default: "3" },
      store: { type: "string", default: "generated" },
      json: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  const sizes = values.customers.split(",").map(Number);
  const limit = Number(values.limit);
  const runs = Number(values.runs);
  if (![...sizes, limit, runs].every((count) => Number.isInteger(count) && count > 0)) {
    throw new RangeError("--customers, --limit and --runs are whole numbers above 0");
  }
  return { ...values, sizes, limit, runs };
}

async function runChild(order: SweepOrder): Promise<SweepResult> {
  const child = fork(new URL("./sweep-child.ts", import.meta.url), [JSON.stringify(order)]);
  const exit = once(child, "exit");
  const [result] = await Promise.race([once(child, "message"), exit.then(() => [undefined])]);
  await exit;
  if (typeof result !== "object") throw new Error("a measured process failed");
  return result as SweepResult;
}

type Options = ReturnType<typeof readOptions>;

async function measure(customers: number, { limit: qps, runs, sizes, store }: Options) {
  const order = { customers, qps, store };
  const runsOfLargest = Math.ceil(Math.max(...sizes) / (qps * RUN_SECONDS));
  const cpu: SweepResult[] = [];
  const memory: SweepResult[] = [];
  // A store that lasts can be filled only once.
  const isGenerated = store === "generated";
  for (let run = 0; run < (isGenerated ? runs : 1); run += 1) {
    cpu.push(await runChild({ ...order, leastRuns: 1, measures: "cpu" }));
    if (!isGenerated) continue;
    memory.push(await runChild({ ...order, leastRuns: runsOfLargest, measures: "memory" }));
  }
  const first = cpu[0];
  if (!first) throw new Error("there was no run");
  const { reads, counts, sweepMs, pollRuns, customerWrites } = first;
  return {
    customers,
    pollRuns,
    cpuMsPerCustomer: median(cpu.map((run) => run.cpuMs / run.reads)),
    getsPerCustomer: counts.get / reads,
    scansPerCustomer: counts.scan / reads,
    writesPerCustomer: (counts.put + counts.delete) / reads,
    customerWrites,
    sweepSeconds: sweepMs / 1_000,
    idealSeconds: customers / qps,
    /** Of the time that runs work, the share that customers / limit is. */
    efficiency: customers / qps / ((sweepMs / 1_000) * RUN_SHARE),
    heapMB: isGenerated ? median(memory.map((run) => run.heapBytes)) / 1e6 : undefined,
    rssMB: median(cpu.map((run) => run.rssBytes)) / 1e6,
  };
}

type Result = Awaited<ReturnType<typeof measure>>;

const HEADERS = [
  ...["customers", "CPU ms each", "gets each", "scans each", "writes each", "customer writes"],
  ...["sweep s", "customers/limit s", "ratio", "of working time", "heap MB", "RSS MB"],
];

function toRow(result: Result): string[] {
  return [
    String(result.customers),
    result.cpuMsPerCustomer.toFixed(3),
    result.getsPerCustomer.toFixed(2),
    result.scansPerCustomer.toFixed(3),
    result.writesPerCustomer.toFixed(3),
    String(result.customerWrites),
    result.sweepSeconds.toFixed(0),
    result.idealSeconds.toFixed(0),
    (result.sweepSeconds / result.idealSeconds).toFixed(3),
    result.efficiency.toFixed(3),
    result.heapMB?.toFixed(2) ?? "",
    result.rssMB.toFixed(0),
  ];
}

async function main(): Promise<void> {
  const options = readOptions();
  if (options.help) return console.log(HELP);
  const results: Result[] = [];
  for (const customers of options.sizes) results.push(await measure(customers, options));
  const heaps = results.flatMap(({ heapMB }) => heapMB ?? []);
  const growth = heaps.length > 1 ? (heaps.at(-1) ?? 0) / (heaps[0] ?? 0) : undefined;
  const problems = [
    ...results
      .filter(({ customerWrites }) => customerWrites > 0)
      .map(({ customers }) => `${customers} unchanged customers cost writes`),
    ...(growth !== undefined && growth >= REQUIRED_GROWTH
      ? [`heap grows ${growth.toFixed(2)} times, under ${REQUIRED_GROWTH} is required`]
      : []),
  ];
  const machine = describeMachine();
  if (options.json) {
    const { limit, store } = options;
    console.log(JSON.stringify({ machine, limit, store, results, growth, problems }, undefined, 2));
  } else {
    console.log(formatTable(HEADERS, results.map(toRow)));
    if (growth !== undefined) console.log(`\nheap, last against first: ${growth.toFixed(2)} times`);
    for (const problem of problems) console.log(`MISSED: ${problem}`);
    console.log(machineLine(machine));
  }
  if (problems.length > 0) process.exitCode = 1;
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.stack : String(error));
  process.exitCode = 2;
});
