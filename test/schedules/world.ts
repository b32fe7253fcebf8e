import { watchCustomers } from "../../shared/customers/watch-list.ts";
import { runPoll } from "../../shared/polling/run-poll.ts";
import { newWarmState, type WarmState } from "../../shared/polling/warm-state.ts";
import { ACCOUNT, CUSTOMER_PREFIX, type CustomerRow } from "../../shared/schemas/customer-row.ts";
import { isStoreFailure } from "../../shared/store/retry-read.ts";
import { createTestStore } from "../support/memory-store.ts";
import { createRunDeps, RUN_SETTINGS, TEST_EVENT } from "../support/run-deps.ts";
import { createBadEvents } from "./bad-events.ts";
import type { Breakage } from "./breakage.ts";
import { createBusyReceiver } from "./busy-receiver.ts";
import { createCallLog } from "./call-log.ts";
import { storeFirstEdition } from "./first-edition.ts";
import type { Manner } from "./odd-customers.ts";
import { createReceiverModel, type LateArrivals, sendOf } from "./receiver-model.ts";
import { createRunChecks } from "./run-checks.ts";
import { drawScenario, ORDINARY, START_MS } from "./scenario.ts";
import { createRandom, createScheduler, type Process } from "./scheduler.ts";
import { createSteppingStore, createStoreHealth } from "./stepping-store.ts";
import { createUpstreamModel, upstreamOf } from "./upstream-model.ts";
import { type Committed, watchStore } from "./watched-store.ts";

const HOUR_MS = 3_600_000;
const SOURCE = "urn:waba-numbers:schedules";

const SETTINGS = { ...RUN_SETTINGS, source: SOURCE, pollIntervalMs: 20_000, qps: 4 };

export type World = Awaited<ReturnType<typeof createWorld>>;

/**
 * Pollers of the real code over one store. The upstream changes, the receiver loses requests and
 * responses, and each poller takes one step at a time in an order that the seed decides.
 */
export async function createWorld(seed: number, breakage?: Breakage) {
  const random = createRandom(seed);
  const scenario = drawScenario(random);
  const scheduler = createScheduler(random, START_MS);
  const upstream = createUpstreamModel(random, ORDINARY, scenario.quiet);
  // A wall clock has whole milliseconds.
  const now = () => Math.floor(scheduler.now());
  const store = createTestStore();
  const committed: Committed = new Map();
  const problems: string[] = [];
  const receiver = createReceiverModel(upstream);
  const late: LateArrivals = [];
  /** In a storm everything may fail. In a blackout only the upstream does, and for everyone. */
  let phase: "storm" | "blackout" | "calm" = "storm";
  const isCalm = () => phase === "calm";
  const badEvents = createBadEvents(random, scheduler.now, isCalm);
  const busyReceiver = createBusyReceiver(random, scheduler.now, badEvents);
  const running = new Set<Process>();
  const idle: WarmState[] = [];
  const counts = { processes: 0, deaths: 0 };
  const log = createCallLog();
  const checks = createRunChecks(log, problems);
  const areClocksRight = scenario.jumpingShare === 0;
  const noteRow = areClocksRight ? checks.noteRow : () => undefined;
  const watched = watchStore(store, { receiver, committed, problems, noteRow });
  const customers = [...ORDINARY, ...scenario.quiet];
  if (scenario.isFirstEdition) {
    const origin = { upstream, source: SOURCE, createdAt: START_MS - HOUR_MS };
    for (const customer of ORDINARY) {
      await storeFirstEdition(watched, customer, origin, receiver.accept);
    }
  }
  await watchCustomers(watched, customers, now);

  const mannerOf = (customer: string): Manner | undefined =>
    phase === "blackout" ? scenario.blackout : scenario.odd.get(customer);
  const health = createStoreHealth(
    scenario.failingShare,
    random,
    () => phase === "storm",
    problems,
  );
  const rules = {
    isCalm,
    answer: (event: { readonly id: string; readonly body: string }) =>
      badEvents.answer(event) ?? busyReceiver.answer(event),
  };

  function callsOf(owner: Process, clock: () => number) {
    const calls = {
      upstream: upstreamOf(owner, {
        ...{ model: upstream, log, scheduler, random, mannerOf, isCalm },
        onCall: health.noteCall,
      }),
      store: createSteppingStore(watched, owner, scheduler, {
        ...{ random, health, hasOwnLease: !scenario.hasCommonLease },
      }),
      send: sendOf(owner, receiver, scheduler, random, late, rules),
    };
    return breakage ? breakage(calls, { owner, scheduler, direct: watched, now: clock }) : calls;
  }

  function startRun(): Process {
    counts.processes += 1;
    const owner: Process = { name: `p${counts.processes}`, dead: false };
    const id = `evt_test_${counts.processes}`;
    running.add(owner);
    const jump = phase === "storm" ? scenario.drawJump() : 0;
    const clock = () => Math.floor(now() + jump);
    const startedAt = scheduler.now();
    const warm = (scenario.hasWarmInstances && idle.pop()) || newWarmState();
    const deps = createRunDeps({
      ...callsOf(owner, clock),
      testEvent: () => ({ ...TEST_EVENT, id }),
      now: clock,
      monotonic: scheduler.now,
      sleep: (ms, signal) => scheduler.sleep(owner, ms, signal),
      random,
      newId: () => owner.name,
    });
    runPoll(deps, SETTINGS, warm).then(
      (report) => {
        running.delete(owner);
        idle.push(warm);
        const storeFailures = health.failuresOf(owner);
        const endedAt = scheduler.now();
        checks.note({ name: owner.name, startedAt, endedAt, report, storeFailures });
      },
      (error: unknown) => {
        running.delete(owner);
        idle.push(warm);
        if (isStoreFailure(error) && health.failuresOf(owner) > 0) return;
        problems.push(`a run threw: ${error instanceof Error ? error.stack : String(error)}`);
      },
    );
    return owner;
  }

  function kill(owner: Process): void {
    scheduler.kill(owner);
    running.delete(owner);
    counts.deaths += 1;
  }

  return {
    ...{ random, scenario, scheduler, upstream, store, receiver, badEvents, busyReceiver },
    ...{ committed, problems, running, counts, late, checks, customers },
    startRun,
    kill,
    health,
    /** From now on only the upstream fails, for everyone. */
    blackOut() {
      phase = "blackout";
    },
    /** From now on nothing changes and nothing fails, but odd customers and refused events stay. */
    becomeCalm() {
      phase = "calm";
    },
    /** The store forgets up to four writes of a customer, which takes it a second. */
    async forget() {
      if (!scenario.isForgetful) return;
      const customer = ORDINARY[Math.floor(random() * ORDINARY.length)] ?? "";
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
    rowOf: (customer: string) => rowOf(store, customer),
    async countPending(of: readonly string[] = [...customers, ACCOUNT]): Promise<number> {
      let pending = 0;
      for (const customer of of) pending += (await rowOf(store, customer))?.pending.length ?? 0;
      return pending;
    },
  };
}

async function rowOf(
  store: ReturnType<typeof createTestStore>,
  customer: string,
): Promise<CustomerRow | undefined> {
  const row = await store.get(`${CUSTOMER_PREFIX}${customer}`);
  return row && (JSON.parse(row.value) as CustomerRow);
}
