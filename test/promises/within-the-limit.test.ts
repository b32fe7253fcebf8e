import { expect, it } from "vitest";
import { createWatchWorld, customers } from "../support/watch-world.ts";

/** The most of these times that lie in one second, wherever it begins. */
function fullestSecond(times: readonly number[]): number {
  const within = (from: number) => times.filter((at) => at >= from && at < from + 1_000);
  return Math.max(...times.map((from) => within(from).length));
}

it.each([1, 5, 8])("with UPSTREAM_QPS=%i no second has more calls, run after run", async (qps) => {
  const world = createWatchWorld();
  await world.watch(customers(99));
  for (let run = 0; run < 3; run += 1) {
    await world.run({ qps });
    await world.clock.advance(2_000);
  }
  expect(world.calls.length).toBeGreaterThan(98);
  expect(fullestSecond(world.calls.map(({ at }) => at))).toBeLessThanOrEqual(qps);
});

it("a run that overlaps another makes no call of its own", async () => {
  const world = createWatchWorld();
  await world.watch(customers(99));
  const [first, second] = await world.clock.run(Promise.all([world.begin(), world.begin()]));
  expect([first.leaseHeld, second.leaseHeld]).toEqual([false, true]);
  expect(fullestSecond(world.calls.map(({ at }) => at))).toBeLessThanOrEqual(8);
});
