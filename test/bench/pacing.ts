import { parseArgs } from "node:util";
import { createRandom } from "../schedules/scheduler.ts";
import { createFakeClock } from "../support/fake-clock.ts";
import {
  CELLS,
  type Cell,
  LIMIT,
  planRun,
  RUN_EVERY_SECONDS,
  RUN_SECONDS,
  SETTINGS,
  type Setting,
  WAYS,
  type Way,
} from "./pacing-cells.ts";
import { realClock, startRealNetwork } from "./pacing-real.ts";
import {
  createPacingServer,
  createVirtualTransport,
  type PacingResult,
  runPacing,
} from "./pacing-run.ts";
import { describeMachine, formatTable, machineLine, median } from "./table.ts";

const HELP = `npm run bench:pacing -- [options]

How much of the upstream's limit of ${LIMIT} calls a second the rate limiter uses, and how many of its
calls are throttled. Measured under three ways of counting a second and three round trips: alone,
beside another caller of the account, and as poll calls: in runs of ${RUN_SECONDS} s out of ${RUN_EVERY_SECONDS}, each of
which begins where the last ended, and in ten short ones without a pause (seams). Long runs on a virtual clock, unless --real. Ends with 1 when a required figure is
missed. Beside another caller one is required for the shortest round trip only.

share      accepted calls / (the limit less what the other caller got). Median over the runs (least)
throttled  the most in any run

The other caller sends at random, 0, 2, 5 and 8 calls a second for 60 s each, and never backs off.
Half of the runs spend the whole round trip before the server counts, the others half of it after.
In real time all do the former, and the machine makes their round trips longer than the delays. The
first burst flatters a short run: by 0.02 in 50 s, by 0.002 in 600 s. The share of runs is that of
whole minutes.

  --seconds N  length of the runs alone (default 600; with --real 60)
  --seeds N    runs for each cell and way (default 5; with --real 1)
  --seed N     of the first run (default: from the clock; printed)
  --real       real time and HTTP on loopback, nine cells at once: 6 minutes
  --json       prints the results as JSON
  --help       this text
`;

type Run = { readonly cell: Cell; readonly way: Way; readonly seed: number };
type Outcome = {
  readonly cell: Cell;
  readonly results: readonly PacingResult[];
};

async function runVirtual(run: Run, seconds: number): Promise<PacingResult> {
  const clock = createFakeClock(0);
  const random = createRandom(run.seed);
  const server = createPacingServer(run.cell.policy, LIMIT, random, clock);
  const transport = createVirtualTransport(server, clock);
  return clock.run(
    runPacing(planRun(run.cell, run.way, seconds), server, transport, random, clock),
  );
}

async function runReal(run: Run, seconds: number): Promise<PacingResult> {
  const random = createRandom(run.seed);
  const server = createPacingServer(run.cell.policy, LIMIT, random, realClock);
  const network = await startRealNetwork(server);
  try {
    return await runPacing(
      planRun(run.cell, run.way, seconds),
      server,
      network.transport,
      random,
      realClock,
    );
  } finally {
    await network.close();
  }
}

function summarize({ cell, results }: Outcome) {
  const shares = results.map((result) => result.share);
  const throttled = Math.max(...results.map((result) => result.throttled));
  const throttledShare = Math.max(...results.map((result) => result.throttledShare));
  const share = median(shares);
  const { required } = cell;
  return {
    policy: cell.policy,
    roundTrip: cell.roundTrip,
    setting: cell.setting,
    runs: results.length,
    roundTripMs: median(results.map((result) => result.roundTripMs)),
    share,
    leastShare: Math.min(...shares),
    requiredShare: required?.share,
    throttled,
    throttledShare,
    requiredThrottledShare: required?.throttledShare,
    othersThrottledShare: median(results.map((result) => result.othersThrottledShare)),
    /** Undefined where nothing is required. */
    ok:
      required &&
      share >= required.share &&
      (required.throttledShare === 0 ? throttled === 0 : throttledShare < required.throttledShare),
  };
}

type Summary = ReturnType<typeof summarize>;

const percent = (share: number) => `${(share * 100).toFixed(1)} %`;

const SETTING_NAMES: Readonly<Record<Setting, string>> = {
  alone: "alone",
  runs: `alone, runs of ${RUN_SECONDS} s in ${RUN_EVERY_SECONDS}`,
  seams: "alone, ten runs without a pause",
  beside: "beside 0/2/5/8 a second",
};

function toRow(summary: Summary): string[] {
  const { setting, throttled, throttledShare, requiredShare } = summary;
  const isBeside = setting === "beside";
  const isBound = requiredShare !== undefined;
  return [
    SETTING_NAMES[setting],
    summary.roundTrip,
    summary.roundTripMs.toFixed(1),
    summary.policy,
    summary.share.toFixed(3),
    summary.leastShare.toFixed(3),
    isBound ? `>= ${requiredShare.toFixed(2)}` : "none",
    isBeside ? percent(throttledShare) : String(throttled),
    isBound ? (isBeside ? "< 6 %" : "0") : "none",
    isBeside ? percent(summary.othersThrottledShare) : "",
    isBound ? (summary.ok ? "yes" : "NO") : "",
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
  const outcomes: Outcome[] = [];
  for (const setting of options.real ? SETTINGS : []) {
    const cells = CELLS.filter((cell) => cell.setting === setting);
    const measured = cells.map(async (cell) => {
      const runs = runsOf(cell).map((run) => runReal(run, options.seconds));
      return { cell, results: await Promise.all(runs) };
    });
    outcomes.push(...(await Promise.all(measured)));
  }
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
  if (summaries.some((summary) => summary.ok === false)) process.exitCode = 1;
}

await main();
