import { parseArgs } from "node:util";
import { createRandom } from "../schedules/scheduler.ts";
import { createFakeClock } from "../support/fake-clock.ts";
import {
  CELLS,
  type Cell,
  LIMIT,
  othersAt,
  othersSeconds,
  tripOf,
  WAYS,
  type Way,
} from "./pacing-cells.ts";
import { realClock, startRealNetwork } from "./pacing-real.ts";
import {
  createPacingServer,
  createVirtualTransport,
  type PacingResult,
  type PacingRun,
  runPacing,
} from "./pacing-run.ts";
import { describeMachine, formatTable, machineLine, median } from "./table.ts";

const HELP = `npm run bench:pacing -- [options]

How much of the upstream's limit of ${LIMIT} calls a second the pace uses, and how many of its calls are
throttled: under three ways of counting a second, three round trips, alone and beside another caller
of the account. Long runs on a virtual clock, unless --real. Ends with 1 when a required figure is
missed.

share: accepted calls / (the limit less what the other caller got). Median over the runs (and the
least); throttled: the most in any run. The other caller sends at random, 0, 2, 5 and 8 calls a
second for 60 s each, and never backs off. Half of the runs spend the whole round trip before the
server counts, the others half of it after. In real time all do the former, and their round trips
are longer than the delays by what the machine takes. The first burst flatters short runs: by 0.017 in
60 s, by 0.002 in 600 s.

  --seconds N  length of the runs alone (default 600; with --real 60)
  --seeds N    runs for each cell and way (default 5; with --real 1)
  --seed N     of the first run (default: from the clock; printed)
  --real       real time and HTTP on loopback, all cells at once: 4 minutes
  --json       prints the results as JSON
  --help       this text
`;

const PHASE_SECONDS = 60;

type Run = { readonly cell: Cell; readonly way: Way; readonly seed: number };
type Outcome = {
  readonly cell: Cell;
  readonly results: readonly PacingResult[];
};

function planRun({ cell, way }: Run, seconds: number): PacingRun {
  const trip = tripOf(cell, way);
  if (!cell.beside) return { limit: LIMIT, seconds, trip };
  const others = othersAt(PHASE_SECONDS);
  return { limit: LIMIT, seconds: othersSeconds(PHASE_SECONDS), trip, others };
}

async function runVirtual(run: Run, seconds: number): Promise<PacingResult> {
  const clock = createFakeClock(0);
  const random = createRandom(run.seed);
  const server = createPacingServer(run.cell.policy, LIMIT, random, clock);
  const transport = createVirtualTransport(server, clock);
  return clock.run(runPacing(planRun(run, seconds), server, transport, random, clock));
}

async function runReal(run: Run, seconds: number): Promise<PacingResult> {
  const random = createRandom(run.seed);
  const server = createPacingServer(run.cell.policy, LIMIT, random, realClock);
  const network = await startRealNetwork(server);
  try {
    return await runPacing(planRun(run, seconds), server, network.transport, random, realClock);
  } finally {
    await network.close();
  }
}

function summarize({ cell, results }: Outcome) {
  const shares = results.map((result) => result.share);
  const throttled = Math.max(...results.map((result) => result.throttled));
  const throttledShare = Math.max(...results.map((result) => result.throttledShare));
  const share = median(shares);
  const isThrottledOk = cell.beside
    ? throttledShare < cell.required.throttledShare
    : throttled === 0;
  return {
    policy: cell.policy,
    roundTrip: cell.roundTrip,
    beside: cell.beside,
    runs: results.length,
    roundTripMs: median(results.map((result) => result.roundTripMs)),
    share,
    leastShare: Math.min(...shares),
    requiredShare: cell.required.share,
    throttled,
    throttledShare,
    requiredThrottledShare: cell.required.throttledShare,
    othersThrottledShare: median(results.map((result) => result.othersThrottledShare)),
    ok: share >= cell.required.share && isThrottledOk,
  };
}

type Summary = ReturnType<typeof summarize>;

const percent = (share: number) => `${(share * 100).toFixed(1)} %`;

function toRow(summary: Summary): string[] {
  const { beside, throttled, throttledShare } = summary;
  return [
    beside ? "beside 0/2/5/8 a second" : "alone",
    summary.roundTrip,
    summary.roundTripMs.toFixed(1),
    summary.policy,
    summary.share.toFixed(3),
    summary.leastShare.toFixed(3),
    `>= ${summary.requiredShare.toFixed(2)}`,
    beside ? percent(throttledShare) : String(throttled),
    beside ? "< 6 %" : "0",
    beside ? percent(summary.othersThrottledShare) : "",
    summary.ok ? "yes" : "NO",
  ];
}

const HEADERS = [
  ...["", "round trip", "mean ms", "policy", "share", "least", "required"],
  ...["throttled", "required", "other's throttled", "reached"],
];

function readOptions() {
  const { values } = parseArgs({
    options: {
      seconds: { type: "string" },
      seeds: { type: "string" },
      seed: { type: "string" },
      real: { type: "boolean", default: false },
      json: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  return {
    ...values,
    seconds: Number(values.seconds ?? (values.real ? 60 : 600)),
    seeds: Number(values.seeds ?? (values.real ? 1 : 5)),
    seed: Number(values.seed ?? Date.now() % 2 ** 31),
  };
}

async function main(): Promise<void> {
  const options = readOptions();
  if (options.help) {
    console.log(HELP);
    return;
  }
  const wanted = [options.seconds, options.seeds];
  if (!wanted.every((count) => Number.isInteger(count) && count > 0)) {
    throw new RangeError("--seconds and --seeds are whole numbers above 0");
  }
  const ways: readonly Way[] = options.real ? ["out"] : WAYS;
  const runsOf = (cell: Cell): Run[] =>
    ways.flatMap((way) =>
      Array.from({ length: options.seeds }, (_, n) => ({ cell, way, seed: options.seed + n })),
    );
  const outcomes: Outcome[] = options.real
    ? await Promise.all(
        CELLS.map(async (cell) => {
          const runs = runsOf(cell).map((run) => runReal(run, options.seconds));
          return { cell, results: await Promise.all(runs) };
        }),
      )
    : [];
  for (const cell of options.real ? [] : CELLS) {
    const results: PacingResult[] = [];
    for (const run of runsOf(cell)) results.push(await runVirtual(run, options.seconds));
    outcomes.push({ cell, results });
  }

  const summaries = outcomes.map(summarize);
  const machine = describeMachine();
  const clock = options.real ? "real time" : "virtual clock";
  if (options.json) {
    const { seed, seconds } = options;
    console.log(JSON.stringify({ machine, clock, seed, seconds, cells: summaries }, undefined, 2));
  } else {
    console.log(formatTable(HEADERS, summaries.map(toRow)));
    console.log(
      `\n${clock}, alone for ${options.seconds} s, SEED=${options.seed}, ${machineLine(machine)}`,
    );
  }
  if (!summaries.every((summary) => summary.ok)) process.exitCode = 1;
}

await main();
