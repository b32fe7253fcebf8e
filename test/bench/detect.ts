import { parseArgs } from "node:util";
import { createRandom } from "../schedules/scheduler.ts";
import { type DetectRun, runDetect } from "./detect-run.ts";
import { describeMachine, formatTable, machineLine, median } from "./table.ts";

const HELP = `npm run bench:detect -- [options]

How long a change takes from the upstream to the receiver: real runs of poll over a memory store on
a fake clock, one a minute, with numbers that change at random moments. Ends with 1 when a required
figure is missed or an event was lost or invented. One customer read every 10 s has a figure too:
--customers 1 --lane 0 --interval 10.

The delay is from the change until the receiver has accepted its event. Each customer changes again
only after that, so that no change hides another. A round trip to the upstream takes 20 to 200 ms,
the receiver 100 ms, and the timer is up to a second late.

  --customers N  one number each (default 10000)
  --lane N       of them in the priority lane (default 40, which fit into a tenth of the calls)
  --interval N   POLL_INTERVAL_SECONDS (default 60)
  --limit N      calls a second (default 8)
  --hours N      of simulated time, after one hour without changes (default 3)
  --seed N       decides the changes (default: from the clock; printed)
  --hints N      with HINT_SECRET, and N of 100 changes with a hint that arrives, a fifth of them up to
                 10 s before the upstream's copy has changed. Those in the lane have none. A customer then changes once in four
                 hours. Runs a second time without hints, and a third time with a flood of hints for
                 one customer
  --json         prints the results as JSON
  --help         this text
`;

/** In seconds: for the priority lane, and for everyone when one customer is read every 10 s. */
const REQUIRED = { mean: 35, worst: 75, ofTenSeconds: 8 };

function readOptions() {
  const { values } = parseArgs({
    options: {
      customers: { type: "string", default: "10000" },
      lane: { type: "string", default: "40" },
      interval: { type: "string", default: "60" },
      limit: { type: "string", default: "8" },
      hours: { type: "string", default: "3" },
      hints: { type: "string", default: "0" },
      seed: { type: "string", default: String(Date.now() % 2 ** 31) },
      json: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  const run: Omit<DetectRun, "random" | "hints"> = {
    customers: Number(values.customers),
    lane: Number(values.lane),
    qps: Number(values.limit),
    interval: Number(values.interval),
    hours: Number(values.hours),
  };
  const { lane, ...others } = run;
  if (!Object.values(others).every((count) => Number.isInteger(count) && count > 0) || lane < 0) {
    throw new RangeError("--customers, --interval, --limit and --hours are whole numbers above 0");
  }
  const arriving = Number(values.hints) / 100;
  if (!(arriving >= 0 && arriving <= 1)) throw new RangeError("--hints is from 0 to 100");
  return { ...values, run, arriving, seed: Number(values.seed) };
}

function summarize(name: string, delaysMs: readonly number[]) {
  const sorted = delaysMs.map((ms) => ms / 1_000).sort((a, b) => a - b);
  return {
    name,
    changes: sorted.length,
    mean: sorted.reduce((sum, seconds) => sum + seconds, 0) / sorted.length,
    median: median(sorted),
    p95: sorted[Math.floor(sorted.length * 0.95)] ?? Number.NaN,
    worst: sorted.at(-1) ?? Number.NaN,
  };
}

/** In seconds: of all changes, of those with a hint, and as shares of what there is without hints. */
const REQUIRED_WITH_HINTS = { mean: 80, hinted: 5, sweepRatio: 1.25, floodRatio: 1.05 };

type Hinted = ReturnType<typeof readOptions>;

async function measureHints({ run, arriving, seed, json }: Hinted): Promise<void> {
  const detect = (share: number, flood: boolean) =>
    runDetect({
      ...run,
      random: createRandom(seed),
      hints: { arriving: share, early: 0.2, flood },
    });
  const without = await detect(0, false);
  const hinted = await detect(arriving, false);
  const flooded = await detect(arriving, true);
  const meanOf = (delays: readonly number[]) => summarize("", delays).mean;
  const groups = [
    summarize("all without hints", without.sweep),
    summarize("all", [...hinted.sweep, ...hinted.hinted]),
    summarize("with a hint", hinted.hinted),
    summarize("without one", hinted.sweep),
    summarize("with a hint, beside a flood", flooded.hinted),
    summarize("without one, beside a flood", flooded.sweep),
  ];
  const facts = {
    mean: groups[1]?.mean ?? Number.NaN,
    hinted: meanOf(hinted.hinted),
    sweepRatio: meanOf(hinted.sweep) / meanOf(without.sweep),
    floodRatio: Math.max(
      meanOf(flooded.sweep) / meanOf(hinted.sweep),
      meanOf(flooded.hinted) / meanOf(hinted.hinted),
    ),
  };
  const missed = [without, hinted, flooded].flatMap(({ problems }) => problems);
  for (const [name, most] of Object.entries(REQUIRED_WITH_HINTS)) {
    const value = facts[name as keyof typeof facts];
    if (!(value <= most))
      missed.push(`${name} is ${value.toFixed(2)}, and must be at most ${most}`);
  }
  if (flooded.floodGapMs < 10_000) missed.push("the flooded customer was read twice in 10 s");
  const machine = describeMachine();
  if (json) {
    const { floodGapMs } = flooded;
    const required = REQUIRED_WITH_HINTS;
    const result = { machine, seed, ...run, groups, facts, floodGapMs, required, missed };
    console.log(JSON.stringify(result, undefined, 2));
  } else {
    const rows = groups.map((group) => [
      group.name,
      String(group.changes),
      ...[group.mean, group.median, group.p95, group.worst].map((value) => value.toFixed(1)),
    ]);
    console.log(formatTable(["delay in s", "changes", "mean", "median", "95 %", "worst"], rows));
    for (const [name, most] of Object.entries(REQUIRED_WITH_HINTS)) {
      console.log(`${name} ${facts[name as keyof typeof facts].toFixed(2)} (at most ${most})`);
    }
    console.log(
      `flooded customer: ${flooded.floodGapMs / 1_000} s between two reads (at least 10)`,
    );
    for (const problem of missed) console.log(`MISSED: ${problem}`);
    console.log(
      `\n${run.customers} customers, ${run.qps} calls a second, ${run.hours} h, ` +
        `${arriving * 100} % of the hints arriving, SEED=${seed}\n${machineLine(machine)}`,
    );
  }
  if (missed.length > 0) process.exitCode = 1;
}

async function main(): Promise<void> {
  const options = readOptions();
  const { run, seed, json, help } = options;
  if (help) return console.log(HELP);
  if (options.arriving > 0) return measureHints(options);
  const { lane, sweep, problems } = await runDetect({ ...run, random: createRandom(seed) });
  const groups = [summarize("priority lane", lane), summarize("sweep", sweep)] as const;
  const [{ mean, worst }, sweepGroup] = groups;
  const isSmall = run.customers === 1 && run.interval === 10;
  const missed = [
    ...problems,
    ...(isSmall && !(sweepGroup.mean <= REQUIRED.ofTenSeconds)
      ? ["the mean of one customer is over the required figure"]
      : []),
    ...(run.lane === 0 || mean <= REQUIRED.mean
      ? []
      : ["the priority lane's mean is over the required figure"]),
    ...(run.lane === 0 || worst <= REQUIRED.worst
      ? []
      : ["the priority lane's worst is over the required figure"]),
  ];
  const machine = describeMachine();
  if (json) {
    const required = REQUIRED;
    console.log(JSON.stringify({ machine, seed, ...run, groups, required, missed }, undefined, 2));
  } else {
    const rows = groups.map((group, index) => [
      group.name,
      String(group.changes),
      ...[group.mean, group.median, group.p95, group.worst].map((value) => value.toFixed(1)),
      index === 0 ? `mean <= ${REQUIRED.mean}, worst <= ${REQUIRED.worst}` : "",
    ]);
    const headers = ["delay in s", "changes", "mean", "median", "95 %", "worst", "required"];
    console.log(formatTable(headers, rows));
    for (const problem of missed) console.log(`MISSED: ${problem}`);
    console.log(
      `\n${run.customers} customers, ${run.lane} in the lane, ${run.qps} calls a second, ` +
        `${run.hours} h, SEED=${seed}\n${machineLine(machine)}`,
    );
  }
  if (missed.length > 0) process.exitCode = 1;
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.stack : String(error));
  process.exitCode = 2;
});
