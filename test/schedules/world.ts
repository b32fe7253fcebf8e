import { watchCustomers } from "../../shared/customers/watch-list.ts";
import { createLog } from "../../shared/log.ts";
import { runPoll } from "../../shared/polling/run-poll.ts";
import { newWarmState } from "../../shared/polling/warm-state.ts";
import { CUSTOMER_PREFIX, type CustomerRow } from "../../shared/schemas/customer-row.ts";
import { deadKey } from "../../shared/schemas/outbox-rows.ts";
import { LEASE_KEY } from "../../shared/schemas/watch-rows.ts";
import { createMemoryStore } from "../../shared/store/memory.ts";
import type { Store } from "../../shared/store/store.ts";
import type { Breakage } from "./breakages.ts";
import { createPoison } from "./poison.ts";
import { createReceiverModel, type LateArrivals, sendOf } from "./receiver-model.ts";
import { createRandom, createScheduler, type Process } from "./scheduler.ts";
import { createUpstreamModel, upstreamOf } from "./upstream-model.ts";
import { type Committed, watchStore } from "./watched-store.ts";

const CUSTOMERS = ["a", "b"];
const START_MS = 1_800_000_000_000;
const ACTIONS = 220;
const CALM_TICKS = 100;
/** Calm runs that every schedule gets whole; later ones, which see to refused events, may die. */
const WHOLE_TICKS = 8;
const CALM_DEATHS = 0.3;
const CALM_DEATH_STEPS = 80;
const MAX_CALM_STEPS = 20_000;

/** The test event is not the run's own work, and pretended here. */
const TEST_BODY = '{"type":"webhook.test"}';

const silent = createLog({ level: "error", now: () => 0, write: () => undefined });

/** What a run found wrong; empty for a good one. */
export type Verdict = {
  readonly problems: readonly string[];
  readonly events: number;
  readonly deaths: number;
  readonly deadLetters: number;
  /** Answers of 500 to an event that the receiver stumbles over while it takes others. */
  readonly stumbles: number;
  /** Bodies of the events that the receiver took, in order. */
  readonly bodies: readonly string[];
};

/**
 * One random schedule of the real run, outbox and store code: up to four pollers at once, each
 * holding a lease of its own (correctness must not rest on the lease), dying anywhere, against an
 * upstream that changes and a receiver that loses requests and answers.
 */
export async function runSchedule(seed: number, breakage?: Breakage): Promise<Verdict> {
  const random = createRandom(seed);
  const scheduler = createScheduler(random, START_MS);
  const upstream = createUpstreamModel(random, CUSTOMERS);
  let versions = 0;
  const newVersion = () => {
    versions += 1;
    return `v${versions}`;
  };
  const base = createMemoryStore({ newVersion });
  const committed: Committed = new Map();
  const problems: string[] = [];
  const receiver = createReceiverModel(upstream);
  const late: LateArrivals = [];
  let isCalm = false;
  const poison = createPoison(random, scheduler.now, () => isCalm);
  let deaths = 0;
  let processes = 0;
  const running = new Set<Process>();

  const watched = watchStore(base, receiver, committed, problems);
  await watchCustomers(base, CUSTOMERS, scheduler.now);

  function startTick(): void {
    processes += 1;
    const owner: Process = { name: `p${processes}`, dead: false };
    const send = sendOf(owner, receiver, scheduler, random, late, {
      isCalm: () => isCalm,
      isPoison: poison.isPoison,
      isStumble: poison.isStumble,
    });
    const calls = {
      upstream: upstreamOf(owner, upstream, scheduler, random, () => isCalm),
      store: steppingStore(watched, owner, scheduler.step, random),
      send,
    };
    const broken = breakage ? breakage(calls, { owner, scheduler, direct: watched }) : calls;
    const memory = newWarmState();
    running.add(owner);
    const tick = runPoll(
      {
        ...broken,
        testEvent: () => ({ id: `evt_test_${processes}`, body: TEST_BODY }),
        now: scheduler.now,
        monotonic: scheduler.now,
        sleep: (ms, signal) => scheduler.sleep(owner, ms, signal),
        random,
        newId: () => owner.name,
        log: silent,
        expire: () => Promise.resolve(""),
      },
      {
        source: "urn:waba-numbers:schedules",
        receiverId: "receiver",
        qps: 8,
        runMs: 50_000,
        pollIntervalMs: 1_000,
        watch: [],
        discover: false,
        sync: "off",
      },
      memory,
    );
    tick.then(
      () => running.delete(owner),
      (error: unknown) => {
        running.delete(owner);
        problems.push(`a tick threw: ${error instanceof Error ? error.stack : String(error)}`);
      },
    );
  }

  const pollers = 1 + Math.floor(random() * 4);
  for (let action = 0; action < ACTIONS; action += 1) {
    const luck = random();
    if (running.size < pollers && luck < 0.2) startTick();
    else if (luck < 0.26) upstream.change();
    else if (luck < 0.265) upstream.grow();
    else if (luck < 0.275) {
      const victim = [...running][Math.floor(random() * running.size)];
      if (victim) {
        scheduler.kill(victim);
        running.delete(victim);
        deaths += 1;
      }
    } else if (luck < 0.3) scheduler.advance(Math.floor(random() * 4_000));
    else if (luck < 0.32) arriveLate();
    else await scheduler.run();
  }

  isCalm = true;
  await runToEnd();
  while (late.length > 0) arriveLate();
  for (let tick = 0; tick < CALM_TICKS; tick += 1) {
    scheduler.advance(tick < WHOLE_TICKS ? 61_000 : 25 * 3_600_000);
    startTick();
    const dies = tick >= WHOLE_TICKS && random() < CALM_DEATHS;
    await runToEnd(dies ? Math.floor(random() * CALM_DEATH_STEPS) : undefined);
    if (tick > 2 && (await countPending(base)) === 0) break;
  }

  if ((await countPending(base)) > 0) problems.push("events are still pending at the end");
  for (const [id, { customer, seq }] of committed) {
    if (receiver.has(id)) continue;
    const isDead = (await base.get(deadKey(customer, seq))) !== undefined;
    if (!isDead) problems.push(`lost: ${id} of ${customer} is neither received nor a dead letter`);
  }
  problems.push(...receiver.differences(CUSTOMERS));
  problems.push(...receiver.problems);
  return {
    problems,
    events: committed.size,
    deaths,
    deadLetters: receiver.deadLetters(),
    stumbles: poison.stumbles(),
    bodies: receiver.bodies().filter((body) => body !== TEST_BODY),
  };

  async function runToEnd(deathAfter?: number): Promise<void> {
    for (let steps = 0; running.size > 0 && (await scheduler.run()); steps += 1) {
      if (steps === deathAfter) killAll();
      if (steps < MAX_CALM_STEPS) continue;
      problems.push("the ticks never end");
      killAll();
    }
  }

  function killAll(): void {
    for (const owner of running) scheduler.kill(owner);
    deaths += running.size;
    running.clear();
  }

  function arriveLate(): void {
    const event = late.splice(Math.floor(random() * late.length), 1)[0];
    if (event) receiver.accept(event);
  }
}

/** Rows whose every read and write matters to the promise; the others get a place now and then. */
const VITAL = /^(c|due|dead)\//;
const OTHER_SHARE = 0.2;

/** Each operation of a process has a place before it and one after it. */
function steppingStore(
  store: Store,
  owner: Process,
  step: (owner: Process) => Promise<void>,
  random: () => number,
): Store {
  const around = async <T>(key: string, operation: () => Promise<T>): Promise<T> => {
    const pause = () =>
      VITAL.test(key) || random() < OTHER_SHARE ? step(owner) : Promise.resolve();
    await pause();
    const result = await operation();
    await pause();
    return result;
  };
  // Every poller holds a lease of its own: they all work at once.
  const own = (key: string) => (key === LEASE_KEY ? `${key}/${owner.name}` : key);
  return {
    get: (key) => around(key, () => store.get(own(key))),
    put: (key, value, expected) => around(key, () => store.put(own(key), value, expected)),
    delete: (key, expected) => around(key, () => store.delete(own(key), expected)),
    scan: (prefix, after, limit) => around(prefix, () => store.scan(prefix, after, limit)),
    close: () => store.close(),
  };
}

async function countPending(store: Store): Promise<number> {
  let pending = 0;
  for (const customer of CUSTOMERS) {
    const row = await store.get(`${CUSTOMER_PREFIX}${customer}`);
    if (row) pending += (JSON.parse(row.value) as CustomerRow).pending.length;
  }
  return pending;
}
