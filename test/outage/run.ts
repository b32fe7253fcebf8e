import { parseArgs } from "node:util";
import { createSimulation, type Simulation } from "./simulation.ts";

const HELP = `npm run check:outage -- [options]

Simulates a receiver that is down for days while customers' numbers change. Checks that nothing
becomes a dead letter, that the receiver is seldom probed, and that the backlog then arrives in
order and fairly: each customer's first event in the first tenth. Runs the real polling, outbox and store code on a fake clock, one run a minute.

  --days N        how long the receiver is down (default 3)
  --customers N   how many are watched, one number each (default 10000)
  --busy N        customers whose numbers change, over all keys (default 1000)
  --changes N     numbers that change in an hour (default 300)
  --seed N        decides which (default 1)
  --json          prints the result as JSON
  --help          prints this text
`;

const MINUTE_MS = 60_000;
const DAY_MINUTES = 24 * 60;
/** Probes of the schedule in the first hour. Then about one an hour, at most a fifth early. */
const EARLY_PROBES = 20;
/** The backlog must be delivered within four hours. */
const DRAIN_MINUTES = 240;
/** The last customer's first event comes this early in the drain, or in the second round. */
const FIRST_EVENTS = 0.1;
const ROUNDS = 2;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      days: { type: "string", default: "3" },
      customers: { type: "string", default: "10000" },
      busy: { type: "string", default: "1000" },
      changes: { type: "string", default: "300" },
      seed: { type: "string", default: "1" },
      json: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return console.log(HELP);
  const began = performance.now();
  const seconds = () => Math.round((performance.now() - began) / 1000);
  const days = Number(values.days);
  const simulation = await createSimulation({
    customers: Number(values.customers),
    busy: Number(values.busy),
    seed: Number(values.seed),
  });
  // Everything is read once while nothing changes.
  for (let minute = 0; minute < 60; minute += 1) await simulation.minute(0);

  const outage = await runOutage(simulation, days, Number(values.changes), (day, attempts) => {
    if (values.json) return;
    console.log(`day ${day}: ${attempts} attempts so far, ${seconds()} s of real time`);
  });
  const recovery = await runRecovery(simulation);
  const problems = findProblems(simulation, days, outage, recovery);
  const result = {
    days,
    customers: Number(values.customers),
    attemptsWhileDown: outage.attempts,
    deadLetters: outage.deadLetters + recovery.deadLetters,
    eventsInBacklog: recovery.backlog,
    received: simulation.receiver.received,
    ...fairnessOf(simulation),
    minutesToFirstDelivery: recovery.minutesToFirstDelivery,
    minutesToDrain: recovery.minutesToDrain,
    problems,
    realSeconds: seconds(),
  };
  if (values.json) console.log(JSON.stringify(result));
  else for (const [name, value] of Object.entries(result)) console.log(`${name}: ${value}`);
  if (problems.length > 0) process.exitCode = 1;
}

type Outage = { readonly attempts: number; readonly deadLetters: number };

async function runOutage(
  { receiver, minute }: Simulation,
  days: number,
  changesPerHour: number,
  onProgress: (day: string, attempts: number) => void,
): Promise<Outage> {
  receiver.isDown = true;
  receiver.attempts = 0;
  let deadLetters = 0;
  const minutes = Math.round(days * DAY_MINUTES);
  for (let done = 1; done <= minutes; done += 1) {
    deadLetters += (await minute(changesPerHour)).deadLettered;
    if (done % Math.ceil(minutes / 6) === 0) {
      onProgress((done / DAY_MINUTES).toFixed(1), receiver.attempts);
    }
  }
  return { attempts: receiver.attempts, deadLetters };
}

type Recovery = {
  readonly backlog: number;
  readonly deadLetters: number;
  readonly minutesToFirstDelivery: number | null;
  /** After the first delivery. Null if the backlog is not delivered in time. */
  readonly minutesToDrain: number | null;
};

async function runRecovery({ receiver, minute, now, backlog }: Simulation): Promise<Recovery> {
  receiver.isDown = false;
  const waiting = await backlog();
  const upAt = now();
  let firstAt: number | undefined;
  let drainedAt: number | undefined;
  let deadLetters = 0;
  for (let done = 0; done < DRAIN_MINUTES && drainedAt === undefined; done += 1) {
    const report = await minute(0);
    deadLetters += report.deadLettered;
    if (report.delivered > 0) firstAt ??= now();
    if (report.pending === 0 && firstAt !== undefined) drainedAt = now();
  }
  return {
    backlog: waiting,
    deadLetters,
    minutesToFirstDelivery: minutesSince(upAt, firstAt),
    minutesToDrain: minutesSince(firstAt ?? upAt, drainedAt),
  };
}

/**
 * Where in the drain the last customer's first event came, from 0 to 1, and where it would have come
 * if every customer had had one turn before.
 */
function fairnessOf({ receiver }: Simulation) {
  const share = (count: number) => Math.round((1000 * count) / (receiver.received || 1)) / 1000;
  const last = Math.max(0, ...receiver.firstAt.values());
  return { lastFirstEventAt: share(last), earliestPossible: share(receiver.firstAt.size) };
}

function minutesSince(start: number, end: number | undefined): number | null {
  return end === undefined ? null : Math.round((end - start) / MINUTE_MS);
}

function findProblems(
  simulation: Simulation,
  days: number,
  outage: Outage,
  recovery: Recovery,
): string[] {
  const problems = [...simulation.receiver.problems];
  const most = EARLY_PROBES + Math.ceil(days * 24 * 1.25);
  const deadLetters = outage.deadLetters + recovery.deadLetters;
  if (deadLetters > 0) problems.push(`${deadLetters} dead letters`);
  if (outage.attempts > most) problems.push(`${outage.attempts} attempts, more than ${most}`);
  const { lastFirstEventAt, earliestPossible } = fairnessOf(simulation);
  const latest = Math.max(FIRST_EVENTS, ROUNDS * earliestPossible);
  if (lastFirstEventAt > latest) problems.push(`unfair: ${lastFirstEventAt}, later than ${latest}`);
  if (recovery.minutesToDrain === null) problems.push("the backlog is not empty after four hours");
  return problems;
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.stack : String(error));
  process.exitCode = 2;
});
