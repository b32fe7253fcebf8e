import { beforeEach, describe, expect, it } from "vitest";
import { createMarkHinted } from "../../../shared/customers/hints.ts";
import { StoreUnavailableError } from "../../../shared/errors.ts";
import { item } from "../../support/watch-builders.ts";
import { createWatchWorld, customers, type WatchWorld } from "../../support/watch-world.ts";

let world: WatchWorld;
beforeEach(() => {
  world = createWatchWorld();
});

const RED = [item(undefined, { QualityRating: "RED" })];
/** An interval that lets nobody but the hints read in the time of a test. */
const NEVER = { pollIntervalMs: 86_400_000 };
const begin = (settings = {}) => world.begin({ hints: true, ...NEVER, ...settings });
const callsOf = (customer: string) =>
  world.calls.filter((call) => call.customer === customer).map(({ at }) => at);
/** Through a new instance, which remembers nothing. */
const hint = (customer: string) => createMarkHinted(world.clock.now)(world.store, customer);
const marks = async () => (await world.store.scan("hint/", "", 100)).map(({ key }) => key);

/** Customers that have been read, a minute ago. */
async function known(...names: readonly string[]): Promise<void> {
  await world.watch(names);
  await world.run(NEVER);
  await world.minute();
  world.forget();
}

describe("without HINT_SECRET", () => {
  it("no mark is looked at, and no run gets longer", async () => {
    await known("acme");
    await hint("acme");
    const scans: string[] = [];
    world.onStore = (operation, key) => void (operation === "scan" && scans.push(key));
    await world.run(NEVER);
    expect(scans).not.toContain("hint/");
    expect(callsOf("acme")).toEqual([]);
    expect(world.clock.monotonic()).toBeLessThan(120_000);
  });
});

describe("a hint", () => {
  it("during a run has its customer read within 2 s, whatever the interval, and its event sent", async () => {
    await known("acme", "other");
    const run = begin();
    await world.clock.advance(20_000);
    world.answers.set("acme", RED);
    const hintedAt = world.clock.monotonic();
    await hint("acme");
    await world.clock.advance(3_000);
    expect(callsOf("acme")).toHaveLength(1);
    expect((callsOf("acme")[0] ?? 0) - hintedAt).toBeLessThanOrEqual(2_000);
    expect(world.sent).toHaveLength(1);
    await world.clock.run(run);
    // It saw the change, so it is not repeated.
    expect(callsOf("acme")).toHaveLength(1);
    expect(callsOf("other")).toEqual([]);
    expect(await marks()).toEqual([]);
  });

  it("before a run is read in its first seconds", async () => {
    await known("acme");
    await hint("acme");
    await world.minute();
    const run = begin();
    await world.clock.advance(1_000);
    expect(callsOf("acme")).toHaveLength(1);
    await world.clock.run(run);
  });

  it("that comes before the upstream's copy has changed is repeated after 15 s and 60 s, across runs", async () => {
    await known("acme");
    await hint("acme");
    await world.clock.advance(1_000);
    const startedAt = world.clock.monotonic();
    await world.clock.run(begin());
    await world.clock.advance(10_000 - (world.clock.monotonic() - startedAt - 50_000));
    world.restart();
    await world.clock.run(begin());
    await world.clock.run(begin());
    const after = callsOf("acme").map((at) => Math.round((at - (callsOf("acme")[0] ?? 0)) / 1_000));
    expect(after.slice(0, 2)).toEqual([0, 15]);
    expect(after[2]).toBeGreaterThanOrEqual(60);
    expect(after[2]).toBeLessThanOrEqual(62);
    expect(after).toHaveLength(3);
  });

  it("repeat that is more than 60 s late is dropped", async () => {
    await known("acme");
    await hint("acme");
    await world.clock.advance(1_000);
    await world.clock.run(begin({ runMs: 5_000 }));
    await world.clock.advance(120_000);
    await world.clock.run(begin());
    expect(callsOf("acme")).toHaveLength(1);
  });

  it("within 10 s of a read is read at their end", async () => {
    await known("acme");
    await hint("acme");
    await world.clock.advance(1_000);
    const run = begin();
    await world.clock.advance(3_000);
    world.answers.set("acme", RED);
    await hint("acme");
    await world.clock.run(run);
    const [first = 0, second = 0, ...more] = callsOf("acme");
    expect(second - first).toBeGreaterThanOrEqual(10_000);
    expect(second - first).toBeLessThanOrEqual(12_000);
    expect(more).toEqual([]);
    expect(world.sent).toHaveLength(1);
  });

  it("read that overtakes a slow one of the sweep makes no event of its own", async () => {
    await known("acme");
    let isFirst = true;
    world.answers.set("acme", async () => {
      if (!isFirst) return RED;
      isFirst = false;
      await world.clock.sleep(8_000);
      return [item()];
    });
    const run = begin({ pollIntervalMs: 60_000 });
    await world.clock.advance(2_000);
    await hint("acme");
    await world.clock.run(run);
    const types = world.sent.map(({ event }) => JSON.parse(event.body).type);
    expect(types).toEqual(["whatsapp.phone_number.changed"]);
    expect(world.lines.filter((line) => line.includes("store forgot"))).toEqual([]);
  });

  it("of somebody who is not watched, or removed, reads nobody", async () => {
    await known("acme");
    await world.watch(["gone"], { removedAt: "2026-01-01T00:00:00.000Z" });
    for (const customer of ["stranger", "gone"]) await hint(customer);
    await world.clock.advance(1_000);
    await world.clock.run(begin());
    expect([callsOf("stranger"), callsOf("gone")]).toEqual([[], []]);
    expect(await marks()).toEqual([]);
  });

  it("marked by a clock that is a day ahead is read all the same", async () => {
    await known("acme");
    await createMarkHinted(() => world.clock.now() + 86_400_000)(world.store, "acme");
    const run = begin();
    await world.clock.advance(5_000);
    expect(callsOf("acme")).toHaveLength(1);
    await world.clock.run(run);
  });

  it("whose mark cannot be read is a hint as well", async () => {
    await known("acme");
    await world.store.put("hint/acme", "garbage", "absent");
    const run = begin();
    await world.clock.advance(5_000);
    expect(callsOf("acme")).toHaveLength(1);
    await world.clock.run(run);
  });

  it.each(["hint/", "c/"])(
    "is not lost to a store that fails for seconds at %s",
    async (prefix) => {
      await known("acme");
      const run = begin();
      await world.clock.advance(10_000);
      await hint("acme");
      world.onStore = (_operation, key) => {
        if (key.startsWith(prefix)) throw new StoreUnavailableError("scan");
      };
      await world.clock.advance(5_000);
      world.onStore = () => undefined;
      await world.clock.advance(3_000);
      expect(callsOf("acme")).toHaveLength(1);
      await world.clock.run(run);
    },
  );
});

describe("a flood of hints", () => {
  it("for one customer causes at most one read in 10 s", async () => {
    await known("acme");
    const mark = createMarkHinted(world.clock.now);
    const run = begin();
    for (let tenth = 0; tenth < 450; tenth += 1) {
      await mark(world.store, "acme");
      await world.clock.advance(100);
    }
    await world.clock.run(run);
    const calls = callsOf("acme");
    expect(calls.length).toBeGreaterThanOrEqual(4);
    for (const [index, at] of calls.entries()) {
      if (index > 0) expect(at - (calls[index - 1] ?? 0)).toBeGreaterThanOrEqual(10_000);
    }
  });

  it("for one customer causes at most one read in 10 s when another instance takes over", async () => {
    await known("acme");
    // Each read sees a change, so none is repeated.
    let names = 0;
    world.answers.set("acme", () => {
      names += 1;
      return [item(undefined, { VerifiedName: `Name ${names}` })];
    });
    for (let instance = 0; instance < 3; instance += 1) {
      const run = begin({ runMs: 25_000 });
      for (let tenth = 0; tenth < 250; tenth += 1) {
        await hint("acme");
        await world.clock.advance(100);
      }
      await world.clock.run(run);
      world.restart();
    }
    const calls = callsOf("acme");
    expect(calls.length).toBeGreaterThanOrEqual(6);
    for (const [index, at] of calls.entries()) {
      if (index > 0) expect(at - (calls[index - 1] ?? 0)).toBeGreaterThanOrEqual(10_000);
    }
  });

  it("for customers who are not watched takes nothing of the others' share", async () => {
    await known("acme");
    await world.watch(["gone"], { removedAt: "2026-01-01T00:00:00.000Z" });
    const run = begin({ qps: 5, runMs: 30_000 });
    for (let tenth = 0; tenth < 250; tenth += 1) {
      for (const stranger of ["gone", "stranger"]) await hint(stranger);
      await world.clock.advance(100);
    }
    const hintedAt = world.clock.monotonic();
    await hint("acme");
    await world.clock.run(run);
    expect(callsOf("acme")[0]).toBeLessThanOrEqual(hintedAt + 3_000);
    expect([callsOf("gone"), callsOf("stranger")]).toEqual([[], []]);
  });

  it("for many takes at most a fifth of a run's calls, the newest first, and leaves the rest marked", async () => {
    const names = customers(99);
    await known(...names);
    for (const name of names) {
      await hint(name);
      await world.clock.advance(10);
    }
    await world.clock.advance(1_000);
    await world.clock.run(begin({ qps: 5, runMs: 30_000 }));
    expect(world.calls.length).toBe(30);
    expect(world.calls[0]?.customer).toBe("c99");
    expect((await marks()).length).toBe(69);
  });
});
