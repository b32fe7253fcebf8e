import { describe, expect, it } from "vitest";
import { item } from "../../support/watch-builders.ts";
import { createWatchWorld, customers } from "../../support/watch-world.ts";

/** Counts the operations of the store, by name. */
async function worldOf(count: number) {
  const world = createWatchWorld();
  await world.watch(customers(count));
  await world.run();
  const operations: string[] = [];
  world.onStore = (operation, key) => void operations.push(`${operation} ${key}`);
  return { world, operations };
}

describe("what a run costs", () => {
  it("a run with one customer takes eight calls of the store", async () => {
    const { world, operations } = await worldOf(1);
    await world.minute();
    expect(await world.run()).toMatchObject({ read: 1 });
    expect(operations).toHaveLength(8);
  });

  it("an unchanged customer takes at most a fifth of a call", async () => {
    const { world, operations } = await worldOf(350);
    await world.minute();
    const { read } = await world.run();
    expect(read).toBeGreaterThan(340);
    expect(operations.filter((one) => one.startsWith("get c/"))).toEqual([]);
    expect((operations.length - 8) / read).toBeLessThan(0.2);
  });

  it("a new instance with 400 listed customers, 40 ms from its store, reads from the start", async () => {
    const world = createWatchWorld();
    const watch = customers(400);
    world.onStore = () => world.clock.sleep(40);
    await world.run({ watch });
    const early = world.calls.filter(({ at }) => at < 5_000);
    expect(early.length).toBeGreaterThan(30);
    await world.minute();
    world.restart();
    const began = world.clock.monotonic();
    world.forget();
    await world.run({ watch });
    expect(world.calls.filter(({ at }) => at < began + 5_000).length).toBeGreaterThan(30);
    const read = new Set(world.calls.map(({ customer }) => customer));
    expect(read.size).toBeGreaterThan(370);
  });

  it("a run makes several passes when the interval is below a minute", async () => {
    const { world } = await worldOf(1);
    await world.minute();
    world.forget();
    const began = world.clock.monotonic();
    await world.run({ pollIntervalMs: 10_000, runMs: 57_000 });
    const times = world.calls.map(({ at }) => Math.round((at - began) / 1_000));
    expect(times).toEqual([0, 10, 20, 30, 40, 50]);
  });

  it("a change between two passes of a run is reported within the interval", async () => {
    const { world } = await worldOf(1);
    await world.minute();
    const running = world.begin({ pollIntervalMs: 10_000, runMs: 57_000 });
    await world.clock.advance(24_000);
    world.answers.set("c01", [item(undefined, { Status: "BANNED" })]);
    await world.clock.advance(8_000);
    expect(world.sent).toHaveLength(1);
    await world.clock.run(running);
  });
});
