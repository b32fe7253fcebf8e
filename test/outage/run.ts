import { parseArgs } from "node:util";
import { watchCustomers } from "../../shared/customers/watch-list.ts";
import { createLog } from "../../shared/log.ts";
import { runPoll } from "../../shared/polling/run-poll.ts";
import { newWarmState } from "../../shared/polling/warm-state.ts";
import type { NumberEvent } from "../../shared/schemas/event.ts";
import { createMemoryStore } from "../../shared/store/memory.ts";
import { createRandom } from "../schedules/scheduler.ts";
import { createFakeClock } from "../support/fake-clock.ts";
import { createFakeUpstream } from "../support/fake-upstream.ts";

const HELP = `npm run check:outage -- [options]

Lets the receiver be down for days of simulated time while customers' numbers change, and checks that
nothing becomes a dead letter, that the receiver is probed seldom, and that the backlog then arrives
in order. Runs the real tick, outbox and store code on a fake clock, one tick a minute.

  --days N        how long the receiver is down (default 3)
  --customers N   how many are watched, one number each (default 10000)
  --changes N     numbers that change in an hour (default 300)
  --seed N        decides which (default 1)
  --json          prints the result as JSON
  --help          this text
`;

const MINUTE_MS = 60_000;
const START_MS = 1_800_000_000_000;
const ANSWER_MS = 100;
/** Probes of the schedule in the first hour, then about one an hour, each a fifth early at most. */
const EARLY_PROBES = 20;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      days: { type: "string", default: "3" },
      customers: { type: "string", default: "10000" },
      changes: { type: "string", default: "300" },
      seed: { type: "string", default: "1" },
      json: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return console.log(HELP);
  const days = Number(values.days);
  const random = createRandom(Number(values.seed));
  const clock = createFakeClock(START_MS);
  let versions = 0;
  const newVersion = () => {
    versions += 1;
    return String(versions);
  };
  const store = createMemoryStore({ newVersion });
  const ids = Array.from(
    { length: Number(values.customers) },
    (_, i) => `c${String(i).padStart(6, "0")}`,
  );
  const quality = new Map(ids.map((id) => [id, "GREEN"]));
  await watchCustomers(store, ids, clock.now);

  let isDown = false;
  let attempts = 0;
  const problems: string[] = [];
  const lastSequence = new Map<string, string>();
  const known = new Map<string, string>();
  let received = 0;

  async function send({ body }: { readonly body: string }) {
    attempts += 1;
    await clock.sleep(ANSWER_MS);
    if (isDown) return { kind: "failed", reason: "network" } as const;
    const event = JSON.parse(body) as NumberEvent;
    if (!event.data) return { kind: "delivered", status: 204 } as const;
    const { partitionkey, sequence, data } = event;
    if (sequence <= (lastSequence.get(partitionkey) ?? ""))
      problems.push(`out of order: ${sequence}`);
    lastSequence.set(partitionkey, sequence);
    for (const { from, to } of data.changes) {
      if (from !== (known.get(partitionkey) ?? "GREEN")) problems.push(`gap before ${sequence}`);
      known.set(partitionkey, to);
    }
    received += 1;
    return { kind: "delivered", status: 204 } as const;
  }

  const upstream = createFakeUpstream({
    query: ({ customer }) => [
      { PhoneNumber: `49${customer.slice(1)}`, QualityRating: quality.get(customer) },
    ],
  });

  const memory = newWarmState();
  let carry = 0;
  async function minute(changesPerHour: number) {
    carry += changesPerHour / 60;
    for (; carry >= 1; carry -= 1) {
      const id = ids[Math.floor(random() * ids.length)] ?? "";
      const values = ["GREEN", "YELLOW", "RED"].filter((value) => value !== quality.get(id));
      quality.set(id, values[Math.floor(random() * values.length)] ?? "");
    }
    const began = clock.now();
    const report = await clock.run(
      runPoll(
        {
          store,
          upstream,
          send,
          testEvent: () => ({ id: "evt_test", body: "{}" }),
          now: clock.now,
          monotonic: clock.monotonic,
          sleep: clock.sleep,
          random,
          newId: () => "outage",
          log: createLog({ level: "error", now: clock.now, write: console.error }),
          expire: async () => "",
        },
        {
          source: "urn:waba-numbers:outage",
          receiverId: "receiver",
          qps: 8,
          runMs: 50_000,
          pollIntervalMs: 60 * MINUTE_MS,
          watch: [],
          discover: false,
          sync: "off",
        },
        memory,
      ),
    );
    await clock.advance(Math.max(0, MINUTE_MS - (clock.now() - began)));
    return report;
  }

  const realStart = performance.now();
  // Everything is read once while nothing changes.
  for (let m = 0; m < 60; m += 1) await minute(0);
  isDown = true;
  attempts = 0;
  let deadLetters = 0;
  const minutes = Math.round(days * 24 * 60);
  for (let m = 1; m <= minutes; m += 1) {
    deadLetters += (await minute(Number(values.changes))).deadLettered;
    if (!values.json && m % Math.ceil(minutes / 6) === 0) {
      const seconds = Math.round((performance.now() - realStart) / 1000);
      console.log(
        `day ${(m / 1440).toFixed(1)}: ${attempts} attempts so far, ${seconds} s of real time`,
      );
    }
  }
  const probes = attempts;
  isDown = false;
  const upAt = clock.now();
  let firstAt: number | undefined;
  let drainedAt: number | undefined;
  const backlog = (await store.scan("due/", "", 1_000_000)).length;
  for (let m = 0; m < 240 && drainedAt === undefined; m += 1) {
    const report = await minute(0);
    deadLetters += report.deadLettered;
    if (report.delivered > 0) firstAt ??= clock.now();
    if (report.pending === 0 && firstAt !== undefined) drainedAt = clock.now();
  }

  const mostProbes = EARLY_PROBES + Math.ceil(days * 24 * 1.25);
  if (deadLetters > 0) problems.push(`${deadLetters} dead letters`);
  if (probes > mostProbes) problems.push(`${probes} attempts, at most ${mostProbes} are meant`);
  if (drainedAt === undefined) problems.push("the backlog is not drained after four hours");
  const result = {
    days,
    customers: ids.length,
    attemptsWhileDown: probes,
    deadLetters,
    eventsInBacklog: backlog,
    received,
    minutesToFirstDelivery: minutesSince(upAt, firstAt),
    minutesToDrain: minutesSince(firstAt ?? upAt, drainedAt),
    problems,
    realSeconds: Math.round((performance.now() - realStart) / 1000),
  };
  if (values.json) console.log(JSON.stringify(result));
  else for (const [name, value] of Object.entries(result)) console.log(`${name}: ${value}`);
  if (problems.length > 0) process.exitCode = 1;
}

function minutesSince(start: number, end: number | undefined): number | null {
  return end === undefined ? null : Math.round((end - start) / MINUTE_MS);
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.stack : String(error));
  process.exitCode = 2;
});
