import { fork } from "node:child_process";
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { BREAKAGES } from "./breakages.ts";
import { runHintSchedule } from "./hints.ts";
import { runSchedule } from "./schedule.ts";

const HELP = `npm run check:schedules -- [options]

Runs the real polling, outbox and store code through random schedules: up to four pollers at once,
dying anywhere, with requests and answers lost, stores that fail or forget, wrong clocks, customers
that cannot be read, and receivers that say when to come again. Each seed is one schedule and gives
the same run every time. Exits 1 when a schedule breaks a promise, and prints its seed.

  --seeds N      how many schedules (default 300000)
  --from N       the first seed (default 1)
  --seed N       replays one and prints everything that is wrong with it
  --hints        runs schedules of random hints instead, each with and without them
  --breakage X   breaks one rule on purpose: ${Object.keys(BREAKAGES).join(", ")}
  --jobs N       processes (default: one per core)
  --json         prints the result as JSON
  --help         this text
`;

const REPORT_EVERY = 500;
const SHOWN_PROBLEMS = 10;

type Range = { readonly from: number; readonly step: number; readonly until: number };
type FailedSeed = { readonly seed: number; readonly problems: readonly string[] };
type Progress = {
  readonly done: number;
  readonly events: number;
  readonly deaths: number;
  readonly odd: number;
  readonly deadLetters: number;
  readonly eventFailures: number;
  readonly failures: readonly FailedSeed[];
};

/** What a job runs: schedules of hints, or the others with a rule that is broken, if any. */
type Kind = { readonly hints: boolean; readonly breakage: string | undefined };

const NO_TROUBLE = { deaths: 0, odd: 0, deadLetters: 0, eventFailures: 0 };

async function runOne(seed: number, { hints, breakage }: Kind) {
  if (hints) return { ...NO_TROUBLE, ...(await runHintSchedule(seed)) };
  return runSchedule(seed, breakage ? BREAKAGES[breakage] : undefined);
}

async function runRange(
  range: Range,
  kind: Kind,
  report: (progress: Progress) => void,
): Promise<void> {
  // Most of what a stack costs here is for requests that end as they should. A replay shows it.
  if (range.until - range.from > 1) Error.stackTraceLimit = 0;
  const fresh = () => ({
    done: 0,
    events: 0,
    deaths: 0,
    odd: 0,
    deadLetters: 0,
    eventFailures: 0,
    failures: [] as FailedSeed[],
  });
  let progress = fresh();
  for (let seed = range.from; seed < range.until; seed += range.step) {
    const verdict = await runOne(seed, kind);
    progress.done += 1;
    progress.events += verdict.events;
    progress.deaths += verdict.deaths;
    progress.odd += verdict.odd;
    progress.deadLetters += verdict.deadLetters;
    progress.eventFailures += verdict.eventFailures;
    if (verdict.problems.length > 0) progress.failures.push({ seed, problems: verdict.problems });
    if (progress.done === REPORT_EVERY) {
      report(progress);
      progress = fresh();
    }
  }
  report(progress);
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      seeds: { type: "string", default: "300000" },
      from: { type: "string", default: "1" },
      seed: { type: "string" },
      breakage: { type: "string" },
      hints: { type: "boolean", default: false },
      jobs: { type: "string", default: String(availableParallelism()) },
      json: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return console.log(HELP);
  if (values.breakage !== undefined && !BREAKAGES[values.breakage]) {
    throw new Error(`--breakage must be one of: ${Object.keys(BREAKAGES).join(", ")}`);
  }
  const only = values.seed === undefined ? undefined : wholeNumber("--seed", values.seed);
  const from = only ?? wholeNumber("--from", values.from);
  const seeds = only === undefined ? wholeNumber("--seeds", values.seeds) : 1;
  const jobs = Math.min(wholeNumber("--jobs", values.jobs), seeds);
  const until = from + seeds;
  const kind = { hints: values.hints, breakage: values.breakage };
  const began = performance.now();
  const failures: FailedSeed[] = [];
  const counts = { done: 0, events: 0, deaths: 0, odd: 0, deadLetters: 0, eventFailures: 0 };
  const total = { ...counts, failures };
  let announced = 0;

  await Promise.all(
    Array.from({ length: jobs }, (_, job) =>
      runJob({ from: from + job, step: jobs, until }, kind, (progress) => {
        total.done += progress.done;
        total.events += progress.events;
        total.deaths += progress.deaths;
        total.odd += progress.odd;
        total.deadLetters += progress.deadLetters;
        total.eventFailures += progress.eventFailures;
        total.failures.push(...progress.failures);
        if (!values.json) for (const failed of progress.failures) describeFailure(failed, kind);
        if (values.json || total.done - announced < seeds / 10) return;
        announced = total.done;
        const seconds = Math.round((performance.now() - began) / 1000);
        console.log(
          `${total.done} of ${seeds} schedules, ${total.failures.length} bad, ${seconds} s`,
        );
      }),
    ),
  );

  const seconds = Math.round((performance.now() - began) / 1000);
  if (values.json) {
    console.log(JSON.stringify({ ...total, from, seeds, seconds }));
  } else {
    const { done, events, deaths, odd, deadLetters, eventFailures } = total;
    console.log(
      `${done} schedules, ${events} events, ${deaths} deaths, ${deadLetters} dead letters, ` +
        `${eventFailures} failures of single events, ${odd} odd customers, ` +
        `${failures.length} bad, ${seconds} s`,
    );
  }
  if (total.failures.length > 0) process.exitCode = 1;
}

/** As soon as it is known: the rest may take an hour. */
function describeFailure({ seed, problems }: FailedSeed, { hints }: Kind): void {
  const options = `${hints ? "--hints " : ""}--seed ${seed}`;
  console.log(`seed ${seed} (replay: npm run check:schedules -- ${options})`);
  for (const problem of problems.slice(0, SHOWN_PROBLEMS)) console.log(`  ${problem}`);
}

/** One range in a process of its own. */
function runJob(range: Range, kind: Kind, report: (progress: Progress) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = fork(new URL(import.meta.url), { env: { ...process.env, SCHEDULE_JOB: "1" } });
    child.send({ range, kind });
    child.on("message", (message) => report(message as Progress));
    child.on("error", reject);
    child.on("exit", (code) =>
      code === 0 ? resolve() : reject(new Error(`a job ended with exit code ${code}`)),
    );
  });
}

function wholeNumber(name: string, text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new Error(`${name} must be a whole number above 0`);
}

if (process.env.SCHEDULE_JOB) {
  process.once("message", (message) => {
    const { range, kind } = message as { range: Range; kind: Kind };
    runRange(range, kind, (progress) => process.send?.(progress)).then(
      () => process.disconnect(),
      (error: unknown) => {
        console.error(error);
        process.exit(1);
      },
    );
  });
} else {
  main().catch((error: unknown) => {
    console.error(error instanceof Error ? error.message : String(error));
    process.exitCode = 2;
  });
}
