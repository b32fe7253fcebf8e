import { watchCustomers } from "../../shared/customers/watch-list.ts";
import { runPoll } from "../../shared/polling/run-poll.ts";
import { newWarmState } from "../../shared/polling/warm-state.ts";
import { CUSTOMER_PREFIX, type CustomerRow } from "../../shared/schemas/customer-row.ts";
import { createTestStore } from "../support/memory-store.ts";
import { createRunDeps, RUN_SETTINGS, TEST_EVENT } from "../support/run-deps.ts";
import { createBadEvents } from "./bad-events.ts";
import type { Breakage } from "./breakages.ts";
import { createReceiverModel, type LateArrivals, sendOf } from "./receiver-model.ts";
import { createRandom, createScheduler, type Process } from "./scheduler.ts";
import { createSteppingStore } from "./stepping-store.ts";
import { createUpstreamModel, upstreamOf } from "./upstream-model.ts";
import { type Committed, watchStore } from "./watched-store.ts";

export const CUSTOMERS = ["a", "b"];
/** In this share of the schedules the store forgets writes. */
const FORGETFUL_SEEDS = 0.2;
/** In this share of the others some pollers have a clock that is wrong by hours, this share. */
const JUMPING_SEEDS = 0.2;
const JUMPING_POLLERS = 0.2;
const HOUR_MS = 3_600_000;
const START_MS = 1_800_000_000_000;

const SETTINGS = {
  ...RUN_SETTINGS,
  source: "urn:waba-numbers:schedules",
  pollIntervalMs: 1_000,
};

export type World = Awaited<ReturnType<typeof createWorld>>;

/**
 * Pollers of the real code over one store. The upstream changes, the receiver loses requests and
 * responses, and each poller takes one step at a time in an order that the seed decides.
 */
export async function createWorld(seed: number, breakage?: Breakage) {
  const random = createRandom(seed);
  const scheduler = createScheduler(random, START_MS);
  const upstream = createUpstreamModel(random, CUSTOMERS);
  // A wall clock has whole milliseconds.
  const now = () => Math.floor(scheduler.now());
  const store = createTestStore();
  const committed: Committed = new Map();
  const problems: string[] = [];
  const receiver = createReceiverModel(upstream);
  const late: LateArrivals = [];
  const calm = { isCalm: false };
  const isCalm = () => calm.isCalm;
  const isForgetful = random() < FORGETFUL_SEEDS;
  const jumpingShare = !isForgetful && random() < JUMPING_SEEDS ? JUMPING_POLLERS : 0;
  /** From three hours behind to six hours ahead. */
  const drawJump = () => (random() < jumpingShare ? (random() * 9 - 3) * HOUR_MS : 0);
  const badEvents = createBadEvents(random, scheduler.now, isCalm);
  const running = new Set<Process>();
  const counts = { processes: 0, deaths: 0 };
  const watched = watchStore(store, receiver, committed, problems);
  await watchCustomers(store, CUSTOMERS, now);

  function callsOf(owner: Process) {
    const calls = {
      upstream: upstreamOf(owner, upstream, scheduler, random, isCalm),
      store: createSteppingStore(watched, owner, scheduler, random),
      send: sendOf(owner, receiver, scheduler, random, late, { isCalm, ...badEvents }),
    };
    return breakage ? breakage(calls, { owner, scheduler, direct: watched }) : calls;
  }

  function startRun(): void {
    counts.processes += 1;
    const owner: Process = { name: `p${counts.processes}`, dead: false };
    const id = `evt_test_${counts.processes}`;
    running.add(owner);
    const jump = isCalm() ? 0 : drawJump();
    const deps = createRunDeps({
      ...callsOf(owner),
      testEvent: () => ({ ...TEST_EVENT, id }),
      now: () => Math.floor(now() + jump),
      monotonic: scheduler.now,
      sleep: (ms, signal) => scheduler.sleep(owner, ms, signal),
      random,
      newId: () => owner.name,
    });
    runPoll(deps, SETTINGS, newWarmState()).then(
      () => running.delete(owner),
      (error: unknown) => {
        running.delete(owner);
        problems.push(`a run threw: ${error instanceof Error ? error.stack : String(error)}`);
      },
    );
  }

  function kill(owner: Process): void {
    scheduler.kill(owner);
    running.delete(owner);
    counts.deaths += 1;
  }

  return {
    ...{ random, scheduler, upstream, store, receiver, badEvents },
    ...{ committed, problems, running, counts, late },
    startRun,
    kill,
    /** From now on nothing changes and nothing fails, but refused events stay refused. */
    becomeCalm() {
      calm.isCalm = true;
    },
    /** The store forgets up to four writes of a customer, which takes it a second. */
    async forget() {
      if (!isForgetful) return;
      const customer = CUSTOMERS[Math.floor(random() * CUSTOMERS.length)] ?? "";
      scheduler.advance(1_000);
      await watched.forgetWrites(customer, 1 + Math.floor(random() * 4));
    },
    /** What the store forgot is right for the receiver after the next change at the latest. */
    changeForgotten() {
      for (const customer of receiver.forgiven) upstream.changeAll(customer);
    },
    /** A request arrives that its sender has given up. */
    arriveLate() {
      const event = late.splice(Math.floor(random() * late.length), 1)[0];
      if (event) receiver.accept(event);
    },
    async countPending(): Promise<number> {
      let pending = 0;
      for (const customer of CUSTOMERS) {
        const row = await store.get(`${CUSTOMER_PREFIX}${customer}`);
        if (row) pending += (JSON.parse(row.value) as CustomerRow).pending.length;
      }
      return pending;
    },
  };
}
