import { watchCustomers } from "../../shared/customers/watch-list.ts";
import { createLog } from "../../shared/log.ts";
import { runPoll } from "../../shared/polling/run-poll.ts";
import { newWarmState } from "../../shared/polling/warm-state.ts";
import { createRandom } from "../schedules/scheduler.ts";
import { createFakeClock } from "../support/fake-clock.ts";
import { createFakeUpstream } from "../support/fake-upstream.ts";
import { createTestStore } from "../support/memory-store.ts";
import { createRunDeps, RUN_SETTINGS } from "../support/run-deps.ts";
import { createOutageReceiver } from "./receiver.ts";

const MINUTE_MS = 60_000;
const START_MS = 1_800_000_000_000;
const ANSWER_MS = 100;
const QUALITIES = ["GREEN", "YELLOW", "RED"];

const SETTINGS = { ...RUN_SETTINGS, pollIntervalMs: 60 * MINUTE_MS };

export type SimulationOptions = {
  readonly customers: number;
  /** So many of them, spread over all keys, have numbers that change. */
  readonly busy: number;
  readonly seed: number;
};

/** Runs the real poll on a fake clock, one run a minute, while numbers change upstream. */
export async function createSimulation({ customers, busy, seed }: SimulationOptions) {
  const random = createRandom(seed);
  const clock = createFakeClock(START_MS);
  const store = createTestStore();
  const ids = Array.from({ length: customers }, (_, i) => `c${String(i).padStart(6, "0")}`);
  const quality = new Map(ids.map((id) => [id, "GREEN"]));
  const receiver = createOutageReceiver();
  const upstream = createFakeUpstream(
    {
      query: ({ customer }) => [
        { PhoneNumber: `49${customer.slice(1)}`, QualityRating: quality.get(customer) },
      ],
    },
    { now: clock.now },
  );
  async function send(event: { readonly id: string; readonly body: string }) {
    await clock.sleep(ANSWER_MS);
    return receiver.accept(event);
  }
  const log = createLog({ level: "error", now: clock.now, write: console.error });
  // As Date.now: a sequence is made of whole milliseconds.
  const now = () => Math.floor(clock.now());
  const deps = createRunDeps({ ...clock, now, store, upstream, send, random, log });
  const memory = newWarmState();
  await watchCustomers(store, ids, clock.now);

  const busyIds = ids.filter((_, i) => (i + 1) % Math.max(1, Math.round(customers / busy)) === 0);

  function changeOne(): void {
    const id = busyIds[Math.floor(random() * busyIds.length)] ?? "";
    const others = QUALITIES.filter((value) => value !== quality.get(id));
    quality.set(id, others[Math.floor(random() * others.length)] ?? "");
  }

  let due = 0;
  return {
    receiver,
    now: clock.now,
    /** Customers with pending events. */
    backlog: async () => (await store.scan("due/", "", 1_000_000)).length,
    async minute(changesPerHour: number) {
      for (due += changesPerHour / 60; due >= 1; due -= 1) changeOne();
      const began = clock.now();
      const report = await clock.run(runPoll(deps, SETTINGS, memory));
      await clock.advance(Math.max(0, MINUTE_MS - (clock.now() - began)));
      return report;
    },
  };
}

export type Simulation = Awaited<ReturnType<typeof createSimulation>>;
