import { parseArgs } from "node:util";
import { createRandom } from "../schedules/scheduler.ts";
import { CHANGES_HELP } from "./changing-customers.ts";
import { type Delays, runFreshness } from "./freshness-run.ts";
import { describeMachine, formatTable, machineLine } from "./table.ts";

const HELP = `npm run bench:freshness -- [options]

How long a change waits for the read that shows it, against a sweep that reads everyone alike with the
same number of reads. The decisions are poll's own: the lane, its order and its times, whom a sweep
skips, and how far. Only time, reads and changes are simulated. Ends with 1 when a figure is missed.

${CHANGES_HELP} Half of the changes are for the worse. One customer in twenty is exempt from skipping.

  --customers LIST  (default 10000,100000)
  --limit N         calls a second (default 7), of which a run of 57 s uses 0.98
  --days N          after one day in which the schedule settles (default 8)
  --seed N          (default: from the clock; printed)
  --json            prints the results as JSON
  --help            this text
`;

/** Against the uniform sweep. */
const REQUIRED = { mean: 0.6, longest: 2.2 };
const USED_RATIO = (57 / 60) * 0.98;

function readOptions() {
  const { values } = parseArgs({
    options: {
      customers: { type: "string", default: "10000,100000" },
      limit: { type: "string", default: "7" },
      days: { type: "string", default: "8" },
      seed: { type: "string", default: String(Date.now() % 2 ** 31) },
      json: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  const sizes = values.customers.split(",").map(Number);
  const [limit, days] = [Number(values.limit), Number(values.days)];
  if (![...sizes, limit, days].every((count) => Number.isInteger(count) && count > 0)) {
    throw new RangeError("--customers, --limit and --days are whole numbers above 0");
  }
  return { ...values, sizes, limit, days, seed: Number(values.seed) };
}

function main(): void {
  const options = readOptions();
  if (options.help) {
    console.log(HELP);
    return;
  }
  const results = options.sizes.map((customers) => {
    const by = (isUniform: boolean): Delays =>
      runFreshness({
        ...{ customers, isUniform, days: options.days + 1 },
        readsPerSecond: options.limit * USED_RATIO,
        random: createRandom(options.seed),
      });
    const [poll, uniform] = [by(false), by(true)];
    const mean = poll.meanMs / uniform.meanMs;
    const longest = poll.longestMs / uniform.longestMs;
    return { customers, poll, uniform, mean, longest };
  });
  const missed = results.flatMap(({ customers, mean, longest }) => [
    ...(mean <= REQUIRED.mean ? [] : [`mean of ${customers} customers: ${mean.toFixed(2)}`]),
    ...(longest <= REQUIRED.longest ? [] : [`longest of ${customers}: ${longest.toFixed(2)}`]),
  ]);
  const machine = describeMachine();
  if (options.json) {
    console.log(
      JSON.stringify(
        { machine, seed: options.seed, results, required: REQUIRED, missed },
        undefined,
        2,
      ),
    );
  } else {
    const minutes = (ms: number) => (ms / 60_000).toFixed(1);
    const rows = results.map(({ customers, poll, uniform, mean, longest }) => [
      String(customers),
      ...[poll.changes, minutes(poll.meanMs), minutes(uniform.meanMs), mean.toFixed(2)].map(String),
      ...[minutes(poll.longestMs), minutes(uniform.longestMs), longest.toFixed(2)],
    ]);
    const headers = [
      "customers",
      "changes",
      "mean min",
      "uniform",
      "ratio",
      "longest min",
      "uniform",
      "ratio",
    ];
    console.log(formatTable(headers, rows));
    for (const problem of missed) console.log(`MISSED: ${problem}`);
    console.log(`\n${options.limit} calls a second, ${options.days} days, SEED=${options.seed}`);
    console.log(machineLine(machine));
  }
  if (missed.length > 0) process.exitCode = 1;
}

main();
