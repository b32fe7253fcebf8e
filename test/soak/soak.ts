import { randomBytes } from "node:crypto";
import { watchCustomers } from "../../shared/customers/watch-list.ts";
import { createLog } from "../../shared/log.ts";
import { runPoll } from "../../shared/polling/run-poll.ts";
import { newWarmState } from "../../shared/polling/warm-state.ts";
import type { NumberEvent } from "../../shared/schemas/event.ts";
import { openStore } from "../../shared/store/open-store.ts";
import { scanAll } from "../../shared/store/rows.ts";
import type { Store } from "../../shared/store/store.ts";
import type { AttemptResult, OutgoingEvent } from "../../shared/webhook/attempt.ts";
import { createRandom } from "../schedules/scheduler.ts";
import { createFakeClock, type FakeClock } from "../support/fake-clock.ts";
import { createFakeUpstream } from "../support/fake-upstream.ts";
import { createRunDeps, RUN_SETTINGS } from "../support/run-deps.ts";

const MINUTE_MS = 60_000;
const START_MS = 1_800_000_000_000;
const SEND_MS = 20;
const SETTINGS = { ...RUN_SETTINGS, pollIntervalMs: 5 * MINUTE_MS };
/** Numbers of the customers that change whole. */
const BULKS = [50, 200, 400];
/** In every cycle each of them changes once, and the receiver is down at its end. */
const CYCLE = 500;
const BULK_RUNS = 120;
const DOWN_RUNS = 10;
const SMALL_CHANGES = 2;
/** Enough for what waits after the last outage. */
const SETTLE_RUNS = 90;

export type Soak = Awaited<ReturnType<typeof createSoak>>;

/** One warm instance of the real poll on a fake clock, and a real store. */
export async function createSoak(storeUrl: string, customers: number, seed: number) {
  const random = createRandom(seed);
  const clock = createFakeClock(START_MS);
  const small = Array.from({ length: customers }, (_, index) => `s${100 + index}`);
  const bulks = BULKS.map((numbers, index) => ({ id: `bulk${index}`, numbers }));
  const ids = [...small, ...bulks.map(({ id }) => id)];
  const isRed = new Map<string, boolean>();
  const lines = (customer: string) => bulks.find(({ id }) => id === customer)?.numbers ?? 1;
  const numberOf = (customer: string, line: number) =>
    `49${100 + ids.indexOf(customer)}${1_000 + line}`;
  const upstream = createFakeUpstream({
    query: ({ customer }) =>
      Array.from({ length: lines(customer) }, (_, line) => ({
        PhoneNumber: numberOf(customer, line),
        Status: "CONNECTED",
        QualityRating: isRed.get(customer) ? "RED" : "GREEN",
      })),
  });
  const receiver = createSoakReceiver();
  const opened = await openStore(storeUrl, {
    newVersion: () => randomBytes(12).toString("base64url"),
    now: Date.now,
  });
  const written = new Map<string, number>();
  const store = countBytes(stopTime(opened, clock), written);
  const deps = createRunDeps({
    ...{ ...clock, store, upstream, random },
    async send(event) {
      await clock.sleep(SEND_MS);
      return receiver.accept(event);
    },
    log: createLog({ level: "error", now: clock.now, write: console.error }),
  });
  const warm = newWarmState();
  await watchCustomers(opened, ids, clock.now);

  const change = (customer: string) => void isRed.set(customer, !isRed.get(customer));
  async function run(): Promise<void> {
    const began = clock.now();
    await clock.run(runPoll(deps, SETTINGS, warm));
    await clock.advance(Math.max(0, MINUTE_MS - (clock.now() - began)));
  }

  let minutes = 0;
  return {
    async minute(): Promise<void> {
      minutes += 1;
      const inCycle = minutes % CYCLE;
      // Nothing changes before the first read.
      if (minutes === 1) return run();
      receiver.isDown = inCycle >= CYCLE - DOWN_RUNS;
      for (let left = SMALL_CHANGES; left > 0; left -= 1) {
        change(small[Math.floor(random() * small.length)] ?? "");
      }
      const bulk = bulks[inCycle / BULK_RUNS - 1];
      if (bulk) change(bulk.id);
      await run();
    },
    /** Delivers what waits. */
    async settle(): Promise<void> {
      receiver.isDown = false;
      for (let left = SETTLE_RUNS; left > 0; left -= 1) await run();
    },
    events: () => receiver.received(),
    problems: () => [
      ...receiver.problems,
      ...ids.flatMap((customer) => {
        const known = receiver.quality(numberOf(customer, 0));
        const now = isRed.get(customer) ? "RED" : "GREEN";
        // A number that never changed has no event.
        return known === now || (known === undefined && now === "GREEN")
          ? []
          : [`${customer} is ${now} upstream, and ${known} at the receiver`];
      }),
    ],
    /** By customer that changes whole: its events, and the bytes of all rows written for it. */
    costs: () =>
      bulks.map(({ id, numbers }) => ({
        pending: numbers,
        events: receiver.eventsOf(id),
        bytes: written.get(id) ?? 0,
      })),
    async rows(): Promise<number> {
      let count = 0;
      for await (const _ of scanAll(opened, "")) count += 1;
      return count;
    },
    close: () => opened.close(),
  };
}

/** A receiver that remembers the least that shows a loss: a sequence and a value by number. */
function createSoakReceiver() {
  const lastSequence = new Map<string, string>();
  const quality = new Map<string, string>();
  const events = new Map<string, number>();
  const receiver = {
    isDown: false,
    problems: [] as string[],
    accept({ body }: OutgoingEvent): AttemptResult {
      if (receiver.isDown) return { kind: "failed", reason: "network" };
      const { partitionkey, sequence, subject, data } = JSON.parse(body) as NumberEvent;
      if (partitionkey !== undefined) {
        if (sequence <= (lastSequence.get(partitionkey) ?? "")) {
          receiver.problems.push(`out of order: ${sequence} of ${partitionkey}`);
        }
        lastSequence.set(partitionkey, sequence);
        for (const { from, to } of data.changes) {
          if (from !== (quality.get(subject) ?? "GREEN")) receiver.problems.push(`gap: ${subject}`);
          quality.set(subject, to);
        }
        events.set(partitionkey, (events.get(partitionkey) ?? 0) + 1);
      }
      return { kind: "delivered", status: 204 };
    },
    quality: (phoneNumber: string) => quality.get(phoneNumber),
    eventsOf: (customer: string) => events.get(customer) ?? 0,
    received: () => [...events.values()].reduce((sum, count) => sum + count, 0),
  };
  return receiver;
}

/** The clock stands still while the real store works. */
function stopTime(store: Store, clock: Pick<FakeClock, "hold">): Store {
  const held = async <T>(work: Promise<T>): Promise<T> => {
    const release = clock.hold();
    try {
      return await work;
    } finally {
      release();
    }
  };
  return {
    get: (key) => held(store.get(key)),
    put: (key, value, expected, version) => held(store.put(key, value, expected, version)),
    delete: (key, expected) => held(store.delete(key, expected)),
    scan: (prefix, after, limit) => held(store.scan(prefix, after, limit)),
    close: () => store.close(),
  };
}

function countBytes(store: Store, written: Map<string, number>): Store {
  return {
    ...store,
    put(key, value, expected, version) {
      const customer = key.split("/")[1] ?? "";
      written.set(customer, (written.get(customer) ?? 0) + Buffer.byteLength(value));
      return store.put(key, value, expected, version);
    },
  };
}
