import { loadHistory } from "../../shared/customers/history.ts";
import { ACCOUNT } from "../../shared/schemas/customer-row.ts";
import { deadKey } from "../../shared/schemas/outbox-rows.ts";
import { TEST_EVENT } from "../support/run-deps.ts";
import type { Breakage } from "./breakage.ts";
import { ORDINARY } from "./scenario.ts";
import { createWorld, type World } from "./world.ts";

const ACTIONS = 220;
const CALM_RUNS = 100;
/** Calm runs that no schedule kills. Later ones, which deliver refused events again, may die. */
const WHOLE_RUNS = 8;
const CALM_DEATHS = 0.3;
const CALM_DEATH_STEPS = 80;
const MAX_CALM_STEPS = 20_000;
/** Runs of a blackout. The last begins more than half an hour after the first has ended. */
const BLACKOUT_RUNS = 4;
const KEPT_EVENTS = 20;
const LOSSES = 3;
const STEPS_BEFORE_LOSS = 60;
const SHORT_GAP_MS = 61_000;
/** The whole calm runs then span more than the longest wait that is believed, an hour and 22 min. */
const LONG_GAP_MS = 750_000;

export type Verdict = {
  /** What the schedule found wrong. Empty for a good one. */
  readonly problems: readonly string[];
  readonly events: number;
  readonly deaths: number;
  readonly deadLetters: number;
  /** Responses of 500 to an event while the receiver accepted others. */
  readonly eventFailures: number;
  /** Customers that the upstream never answers as it should. */
  readonly odd: number;
  /** Bodies of the events that the receiver accepted, in order. */
  readonly bodies: readonly string[];
};

/**
 * One random schedule of the real run, outbox and store code: up to four pollers at once, most of
 * them with a lease of their own (correctness must not depend on the lease), dying anywhere. Once
 * all is calm, every event must have reached the receiver or the dead letters.
 */
export async function runSchedule(seed: number, breakage?: Breakage): Promise<Verdict> {
  // The steps below give the event loop no turn, which timers and messages need now and then.
  await new Promise((resolve) => setImmediate(resolve));
  const world = await createWorld(seed, breakage);
  await act(world);
  if (world.scenario.endsInDeath) killAll(world);
  if (world.scenario.hasCrowd) await loseStore(world);
  if (world.scenario.blackout) await blackOut(world);
  world.becomeCalm();
  await runToEnd(world);
  while (world.late.length > 0) world.arriveLate();
  await deliverTheRest(world);
  return judge(world);
}

/** Runs start, die and take steps, the upstream changes, and time passes, all at random. */
async function act(world: World): Promise<void> {
  const { random, scheduler, upstream, running, health } = world;
  const pollers = 1 + Math.floor(random() * 4);
  for (let action = 0; action < ACTIONS; action += 1) {
    const luck = random();
    if (running.size < pollers && luck < 0.2) world.startRun();
    else if (luck < 0.26) upstream.change();
    else if (luck < 0.265) upstream.grow();
    else if (luck < 0.275) {
      const victim = [...running][Math.floor(random() * running.size)];
      if (victim) world.kill(victim);
    } else if (luck < 0.3) scheduler.advance(Math.floor(random() * 4_000));
    else if (luck < 0.32) world.arriveLate();
    else if (luck < 0.325) await world.forget();
    else if (luck < 0.335) health.setDown(!health.isDown());
    else await scheduler.run();
  }
}

function killAll(world: World): void {
  for (const owner of world.running) world.kill(owner);
}

/** The store goes away while a run reads many customers. */
async function loseStore(world: World): Promise<void> {
  const { random, scheduler, health } = world;
  killAll(world);
  for (let run = 0; run < LOSSES; run += 1) {
    health.setDown(false);
    scheduler.advance(SHORT_GAP_MS);
    world.startRun();
    const steps = Math.floor(random() * STEPS_BEFORE_LOSS);
    for (let step = 0; step < steps; step += 1) await scheduler.run();
    health.setDown(true);
    await runToEnd(world);
  }
}

/** Nobody can be read for more than half an hour, which is the account's trouble. */
async function blackOut(world: World): Promise<void> {
  const { scheduler, problems } = world;
  killAll(world);
  world.blackOut();
  for (let run = 0; run < BLACKOUT_RUNS; run += 1) {
    scheduler.advance(LONG_GAP_MS);
    world.startRun();
    await runToEnd(world);
  }
  const failure = (await world.rowOf(ACCOUNT))?.failure;
  if (!failure?.staleAt) problems.push("nobody was read for half an hour, and nothing says so");
}

async function deliverTheRest(world: World): Promise<void> {
  const { random, scheduler, scenario, busyReceiver, upstream } = world;
  const gapMs = scenario.hasLongGaps ? LONG_GAP_MS : SHORT_GAP_MS;
  const runs: string[] = [];
  let half = 0;
  for (let run = 0; run < CALM_RUNS; run += 1) {
    const isWhole = run < WHOLE_RUNS;
    scheduler.advance(isWhole ? gapMs : 25 * 3_600_000);
    if (run < 3 && busyReceiver.held() !== undefined) upstream.change();
    const { name } = world.startRun();
    const dies = !isWhole && random() < CALM_DEATHS;
    await runToEnd(world, dies ? Math.floor(random() * CALM_DEATH_STEPS) : undefined);
    runs.push(name);
    if (isWhole) checkOthersAreRead(world, runs);
    if (run === 2) world.changeForgotten();
    if (run === WHOLE_RUNS / 2) half = world.receiver.received();
    if (run === WHOLE_RUNS - 1) {
      await checkOthersAreServed(world, world.receiver.received() - half);
      // A run that the account's refusal ends lasts seconds and has an event of the account, stale
      // or recovered. A receiver that takes one in such a run would never have them all.
      busyReceiver.release(scenario.patience > 1);
    }
    if (run > 2 + scenario.patience && (await world.countPending()) === 0) break;
  }
}

/** However odd its neighbours are, an ordinary customer is read in calm runs. */
function checkOthersAreRead({ checks, problems, scenario }: World, runs: readonly string[]): void {
  const latest = runs.slice(-1 - scenario.patience);
  if (latest.length <= scenario.patience) return;
  for (const customer of ORDINARY) {
    if (latest.some((run) => checks.wasRead(run, customer))) continue;
    problems.push(`${latest.join(", ")} read ${customer} not at all`);
  }
}

/**
 * A change is delivered within the whole calm runs, unless its own event is at fault. A receiver
 * that takes few events at a time has at least taken some in the last of these runs.
 */
async function checkOthersAreServed(world: World, lately: number): Promise<void> {
  const { scenario, badEvents, busyReceiver, problems } = world;
  if (badEvents.areAny || !scenario.hasLongGaps || (busyReceiver.isBusy && lately > 0)) return;
  const held = busyReceiver.held();
  for (const customer of [...world.customers, ACCOUNT]) {
    if (customer === held) continue;
    const pending = await world.countPending([customer]);
    if (pending > 0) problems.push(`${pending} events of ${customer} wait without a reason`);
  }
}

async function runToEnd(world: World, deathAfter?: number): Promise<void> {
  const { scheduler, running, problems } = world;
  for (let steps = 0; running.size > 0 && (await scheduler.run()); steps += 1) {
    if (steps < MAX_CALM_STEPS && steps !== deathAfter) continue;
    if (steps >= MAX_CALM_STEPS) problems.push("the runs never end");
    killAll(world);
  }
}

async function judge(world: World): Promise<Verdict> {
  const { receiver, committed, store, counts, badEvents, scenario } = world;
  const problems = [...world.problems];
  if ((await world.countPending()) > 0) problems.push("events are still pending at the end");
  for (const [id, { customer, seq }] of committed) {
    if (receiver.has(id) || (await store.get(deadKey(customer, seq)))) continue;
    problems.push(`lost: ${id} of ${customer} is neither received nor a dead letter`);
  }
  problems.push(...receiver.differences(ORDINARY), ...receiver.problems);
  problems.push(...(await findUnnamed(world)), ...(await findForgotten(world)));
  return {
    problems,
    events: committed.size,
    deaths: counts.deaths,
    deadLetters: receiver.deadLetters(),
    eventFailures: badEvents.failures(),
    odd: scenario.odd.size,
    bodies: receiver.bodies().filter((body) => body !== TEST_EVENT.body),
  };
}

/** The last events that the receiver accepted are kept, wherever an edition has put them. */
async function findForgotten({ committed, receiver, store, rowOf }: World): Promise<string[]> {
  const problems: string[] = [];
  for (const customer of ORDINARY) {
    const row = await rowOf(customer);
    if (!row || receiver.forgiven.has(customer)) continue;
    const kept = (await loadHistory(store, customer, row)).events.map(({ id }) => id);
    const events = [...committed].filter(([, event]) => event.customer === customer);
    const accepted = events.filter(([id]) => receiver.has(id) && !receiver.isDead(id));
    const last = accepted.sort(([, a], [, b]) => a.seq - b.seq).slice(-KEPT_EVENTS);
    for (const [id] of last) {
      if (!kept.includes(id)) problems.push(`${id} of ${customer} is missing in its history`);
    }
  }
  return problems;
}

/** Who cannot be read is named in its own row, however well its neighbours are. */
async function findUnnamed({ scenario, rowOf }: World): Promise<string[]> {
  const manners = [...scenario.odd.values()];
  const refusals = manners.filter(({ outcome }) => outcome === "account").length;
  const problems: string[] = [];
  for (const [customer, { outcome }] of scenario.odd) {
    const failure = (await rowOf(customer))?.failure;
    if (outcome === "throttled" || (outcome === "account" && refusals > 1)) continue;
    // Where runs end early, a customer may not have been tried twice yet in more than half an hour.
    if (scenario.patience > 1 ? failure : failure?.staleAt) continue;
    problems.push(`${customer} was never read, and its row does not say so`);
  }
  return problems;
}
