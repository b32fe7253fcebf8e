import { parseArgs } from "node:util";
import { createRandom } from "../schedules/scheduler.ts";
import { CHANGES_HELP } from "./changing-customers.ts";
import { measureHints } from "./detect-hints.ts";
import { type DetectRun, runDetect } from "./detect-run.ts";
import { describeMachine, formatTable, machineLine, summarize } from "./table.ts";

const HELP = `npm run bench:detect -- [options]

How long a change takes from the upstream to the receiver: real runs of poll over a memory store on
a fake clock, one a minute, with numbers that change at random moments. Ends with 1 when a required
figure is missed or an event was lost or invented. One customer read every 10 s has a figure too:
--customers 1 --lane 0 --interval 10.

The delay is from the change until the receiver has accepted its event. Each customer changes again
only after that, so that no change hides another. A round trip to the upstream takes 20 to 200 ms,
the receiver 100 ms, and the timer is up to a second late.

  --customers N  one number each (default 10000)
  --lane N       of them in the priority lane (default 14, which fit into the lane)
  --interval N   POLL_INTERVAL_SECONDS (default 60)
  --limit N      calls a second (default 8)
  --hours N      of simulated time, after one hour without changes (default 3)
  --seed N       decides the changes (default: from the clock; printed)
  --json         prints the results as JSON
  --help         this text

With --hints N, poll has HINT_SECRET, and of 100 changes N have a hint that arrives, a fifth of them up
to 10 s before the upstream's copy has changed. The same changes are measured without hints, with them,
and beside a flood of hints for one customer more. ${CHANGES_HELP} Every second change is for the
worse. The options are then --customers, --limit, --hours (default 24, after four hours in which nothing is
measured), --seed and --json.
`;

/** In seconds: for the priority lane, and for everyone when one customer is read every 10 s. */
const REQUIRED = { mean: 35, worst: 75, ofTenSeconds: 8 };

function readOptions() {
  const { values } = parseArgs({
    options: {
      customers: { type: "string", default: "10000" },
      lane: { type: "string", default: "14" },
      interval: { type: "string", default: "60" },
      limit: { type: "string", default: "8" },
      hours: { type: "string" },
      hints: { type: "string", default: "0" },
      seed: { type: "string", default: String(Date.now() % 2 ** 31) },
      json: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  const arriving = Number(values.hints) / 100;
  const run: Omit<DetectRun, "random"> = {
    customers: Number(values.customers),
    lane: Number(values.lane),
    qps: Number(values.limit),
    interval: Number(values.interval),
    hours: Number(values.hours ?? (arriving > 0 ? 24 : 3)),
  };
  const { lane, ...others } = run;
  if (!Object.values(others).every((count) => Number.isInteger(count) && count > 0) || lane < 0) {
    throw new RangeError("--customers, --interval, --limit and --hours are whole numbers above 0");
  }
  if (!(arriving >= 0 && arriving <= 1)) throw new RangeError("--hints is from 0 to 100");
  return { ...values, run, arriving, seed: Number(values.seed) };
}

async function main(): Promise<void> {
  const options = readOptions();
  const { run, seed, json, help } = options;
  if (help) return console.log(HELP);
  if (options.arriving > 0) return measureHints({ ...options, ...run });
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
