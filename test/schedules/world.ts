import { createLog } from "../../shared/log.ts";
import { CUSTOMER_PREFIX, type CustomerRow } from "../../shared/schemas/customer-row.ts";
import { DUE_PREFIX, deadKey, parseEventKey } from "../../shared/schemas/outbox-rows.ts";
import { LEASE_KEY } from "../../shared/schemas/watch-rows.ts";
import { createMemoryStore } from "../../shared/store/memory.ts";
import type { Store } from "../../shared/store/store.ts";
import { newTickMemory, runTick } from "../../shared/watch/tick.ts";
import { watchCustomers } from "../../shared/watch/watch-list.ts";
import type { Breakage } from "./breakages.ts";
import { createReceiverModel, type LateArrivals, sendOf } from "./receiver-model.ts";
import { createRandom, createScheduler, type Process } from "./scheduler.ts";
import { createUpstreamModel, upstreamOf } from "./upstream-model.ts";

const CUSTOMERS = ["a", "b"];
const START_MS = 1_800_000_000_000;
const ACTIONS = 220;
const CALM_TICKS = 60;
const MAX_CALM_STEPS = 20_000;

const silent = createLog({ level: "error", now: () => 0, write: () => undefined });

/** What a run found wrong; empty for a good one. */
export type Verdict = {
  readonly problems: readonly string[];
  readonly events: number;
  readonly deaths: number;
  readonly deadLetters: number;
};

/**
 * One random schedule of the real tick, outbox and store code: up to four pollers at once, each
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
  const committed = new Map<string, { customer: string; seq: number }>();
  const deadIds = new Set<string>();
  const problems: string[] = [];
  const receiver = createReceiverModel(upstream, (id) => deadIds.has(id));
  const late: LateArrivals = [];
  const poisonShare = random() < 0.15 ? 0.1 : 0;
  const poison = new Map<string, boolean>();
  const isPoison = (id: string) => {
    if (poisonShare === 0 || id.startsWith("evt_test")) return false;
    const decided = poison.get(id) ?? random() < poisonShare;
    poison.set(id, decided);
    return decided;
  };
  let isCalm = false;
  let deaths = 0;
  let processes = 0;
  const running = new Set<Process>();

  const watched = await watchStore(base, committed, deadIds, problems);
  await watchCustomers(base, CUSTOMERS, scheduler.now);

  function startTick(): void {
    processes += 1;
    const owner: Process = { name: `p${processes}`, dead: false };
    const send = sendOf(owner, receiver, scheduler, random, late, {
      isCalm: () => isCalm,
      isPoison,
    });
    const calls = {
      upstream: upstreamOf(owner, upstream, scheduler, random, () => isCalm),
      store: steppingStore(watched, owner, scheduler.step, random),
      send,
    };
    const broken = breakage ? breakage(calls, { owner, scheduler, direct: watched }) : calls;
    const memory = newTickMemory();
    running.add(owner);
    const tick = runTick(
      {
        ...broken,
        testEvent: () => ({ id: `evt_test_${processes}`, body: '{"type":"webhook.test"}' }),
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
        endpoint: "receiver",
        qps: 8,
        tickMs: 50_000,
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
    scheduler.advance(tick < 8 ? 61_000 : 25 * 3_600_000);
    startTick();
    await runToEnd();
    if (tick > 2 && (await countPending(base)) === 0) break;
  }

  if ((await countPending(base)) > 0) problems.push("events are still pending at the end");
  for (const [id, { customer, seq }] of committed) {
    if (receiver.has(id)) continue;
    const isDead = (await base.get(deadKey(customer, seq))) !== undefined;
    if (!isDead) problems.push(`lost: ${id} of ${customer} is neither received nor a dead letter`);
  }
  if (deadIds.size === 0) problems.push(...receiver.differences(CUSTOMERS));
  problems.push(...receiver.problems);
  return { problems, events: committed.size, deaths, deadLetters: deadIds.size };

  async function runToEnd(): Promise<void> {
    for (let steps = 0; running.size > 0 && (await scheduler.run()); steps += 1) {
      if (steps < MAX_CALM_STEPS) continue;
      problems.push("the ticks never end");
      for (const owner of running) scheduler.kill(owner);
      running.clear();
    }
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

/** Looks at every write as it lands: an event that is pending must have a marker at all times. */
async function watchStore(
  store: Store,
  committed: Map<string, { customer: string; seq: number }>,
  deadIds: Set<string>,
  problems: string[],
): Promise<Store> {
  async function checkMarkers(customer: string): Promise<void> {
    const row = await store.get(`${CUSTOMER_PREFIX}${customer}`);
    const pending = row ? (JSON.parse(row.value) as CustomerRow).pending : [];
    for (const { id, seq } of pending) committed.set(id, { customer, seq });
    const newest = pending.at(-1);
    if (!newest) return;
    const markers = await store.scan(`${DUE_PREFIX}${customer}/`, "", 1_000);
    if (markers.some(({ key }) => parseEventKey(key).seq >= newest.seq)) return;
    problems.push(`${newest.id} of ${customer} is pending without a marker`);
  }
  return {
    ...store,
    async put(key, value, expected) {
      const outcome = await store.put(key, value, expected);
      if (outcome === "stored" && key.startsWith("dead/")) {
        deadIds.add((JSON.parse(value) as { event: { id: string } }).event.id);
      }
      if (key.startsWith(CUSTOMER_PREFIX)) await checkMarkers(key.slice(CUSTOMER_PREFIX.length));
      return outcome;
    },
    async delete(key, expected) {
      const outcome = await store.delete(key, expected);
      if (key.startsWith(DUE_PREFIX)) await checkMarkers(parseEventKey(key).customer);
      return outcome;
    },
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
