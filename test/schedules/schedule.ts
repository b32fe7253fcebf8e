import { deadKey } from "../../shared/schemas/outbox-rows.ts";
import { TEST_EVENT } from "../support/run-deps.ts";
import type { Breakage } from "./breakages.ts";
import { CUSTOMERS, createWorld, type World } from "./world.ts";

const ACTIONS = 220;
const CALM_RUNS = 100;
/** Calm runs that no schedule kills. Later ones, which deliver refused events again, may die. */
const WHOLE_RUNS = 8;
const CALM_DEATHS = 0.3;
const CALM_DEATH_STEPS = 80;
const MAX_CALM_STEPS = 20_000;

export type Verdict = {
  /** What the schedule found wrong. Empty for a good one. */
  readonly problems: readonly string[];
  readonly events: number;
  readonly deaths: number;
  readonly deadLetters: number;
  /** Responses of 500 to an event while the receiver accepted others. */
  readonly eventFailures: number;
  /** Bodies of the events that the receiver accepted, in order. */
  readonly bodies: readonly string[];
};

/**
 * One random schedule of the real run, outbox and store code: up to four pollers at once, each with
 * a lease of its own (correctness must not depend on the lease), dying anywhere. Once all is calm,
 * every event must have reached the receiver or the dead letters.
 */
export async function runSchedule(seed: number, breakage?: Breakage): Promise<Verdict> {
  const world = await createWorld(seed, breakage);
  await act(world);
  world.becomeCalm();
  await runToEnd(world);
  while (world.late.length > 0) world.arriveLate();
  await deliverTheRest(world);
  return judge(world);
}

/** Runs start, die and take steps, the upstream changes, and time passes, all at random. */
async function act(world: World): Promise<void> {
  const { random, scheduler, upstream, running } = world;
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
    else await scheduler.run();
  }
}

async function deliverTheRest(world: World): Promise<void> {
  const { random, scheduler } = world;
  for (let run = 0; run < CALM_RUNS; run += 1) {
    scheduler.advance(run < WHOLE_RUNS ? 61_000 : 25 * 3_600_000);
    world.startRun();
    const dies = run >= WHOLE_RUNS && random() < CALM_DEATHS;
    await runToEnd(world, dies ? Math.floor(random() * CALM_DEATH_STEPS) : undefined);
    if (run === 2) world.changeForgotten();
    if (run > 4 && (await world.countPending()) === 0) break;
  }
}

async function runToEnd(world: World, deathAfter?: number): Promise<void> {
  const { scheduler, running, problems } = world;
  for (let steps = 0; running.size > 0 && (await scheduler.run()); steps += 1) {
    if (steps < MAX_CALM_STEPS && steps !== deathAfter) continue;
    if (steps >= MAX_CALM_STEPS) problems.push("the runs never end");
    for (const owner of running) world.kill(owner);
  }
}

async function judge(world: World): Promise<Verdict> {
  const { receiver, committed, store, counts, badEvents } = world;
  const problems = [...world.problems];
  if ((await world.countPending()) > 0) problems.push("events are still pending at the end");
  for (const [id, { customer, seq }] of committed) {
    if (receiver.has(id) || (await store.get(deadKey(customer, seq)))) continue;
    problems.push(`lost: ${id} of ${customer} is neither received nor a dead letter`);
  }
  problems.push(...receiver.differences(CUSTOMERS), ...receiver.problems);
  return {
    problems,
    events: committed.size,
    deaths: counts.deaths,
    deadLetters: receiver.deadLetters(),
    eventFailures: badEvents.failures(),
    bodies: receiver.bodies().filter((body) => body !== TEST_EVENT.body),
  };
}
