import { expect, it } from "vitest";
import { prioritizeRequested } from "../../shared/customers/priority-lane.ts";
import { T0 } from "../support/watch-builders.ts";
import { createWatchWorld, customers } from "../support/watch-world.ts";

const DAY = 86_400_000;

/** The most of these times that lie in one second, wherever it begins. */
function fullestSecond(times: readonly number[]): number {
  const within = (from: number) => times.filter((at) => at >= from && at < from + 1_000);
  return Math.max(...times.map((from) => within(from).length));
}

it.each([
  [1, "the same instance"],
  [5, "another instance"],
  [8, "the same instance"],
  [8, "another instance"],
] as const)(
  "with UPSTREAM_QPS=%i no second has more calls, run after run of %s",
  async (qps, who) => {
    const world = createWatchWorld();
    await world.watch(customers(99));
    for (let run = 0; run < 10; run += 1) {
      // An operator's invoke comes at any time, also right after a run.
      await world.run({ qps, runMs: 3_000, pollIntervalMs: 1_000 });
      if (who === "another instance") world.restart();
    }
    expect(world.calls.length).toBeGreaterThan(10 * qps);
    expect(fullestSecond(world.calls.map(({ at }) => at))).toBeLessThanOrEqual(qps);
  },
);

it("no second has more syncs either, which have a limit of their own", async () => {
  const world = createWatchWorld();
  await world.watch(customers(6));
  for (const customer of customers(6))
    await prioritizeRequested(world.store, customer, T0 + DAY, T0);
  for (let run = 0; run < 5; run += 1) {
    await world.run({ qps: 270, runMs: 1_000, pollIntervalMs: 10, sync: "lane" });
    world.restart();
  }
  const syncs = world.calls.filter(({ action }) => action === "ChatappSyncPhoneNumber");
  expect(syncs.length).toBeGreaterThan(16);
  expect(fullestSecond(syncs.map(({ at }) => at))).toBeLessThanOrEqual(8);
});

it("a run that overlaps another makes no call of its own", async () => {
  const world = createWatchWorld();
  await world.watch(customers(99));
  const [first, second] = await world.clock.run(Promise.all([world.begin(), world.begin()]));
  expect([first.leaseHeld, second.leaseHeld]).toEqual([false, true]);
  expect(fullestSecond(world.calls.map(({ at }) => at))).toBeLessThanOrEqual(8);
});
