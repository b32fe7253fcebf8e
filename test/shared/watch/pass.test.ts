import { randomUUID } from "node:crypto";
import { describe, expect, it } from "vitest";
import type { Pass } from "../../../shared/schemas/watch-rows.ts";
import { createMemoryStore } from "../../../shared/store/memory.ts";
import type { Row, Store } from "../../../shared/store/store.ts";
import { type PassOptions, type PassWalk, startPass } from "../../../shared/watch/pass.ts";
import { T0 } from "../../support/watch-builders.ts";

const FRESH: Pass = { cursor: "", startedAt: 0, done: true };

async function storeWith(keys: readonly string[]): Promise<Store> {
  const store = createMemoryStore({ newVersion: randomUUID });
  for (const key of keys) await store.put(key, "{}", "absent");
  return store;
}

const numbered = (count: number) =>
  Array.from({ length: count }, (_, index) => `c/${String(index).padStart(3, "0")}`);

async function startWalk(keys: readonly string[], options: Partial<PassOptions> = {}) {
  const waits: number[] = [];
  const walk = startPass({
    store: await storeWith(keys),
    prefix: "c/",
    pass: FRESH,
    everyMs: 60_000,
    now: () => T0,
    wait: async (ms) => {
      waits.push(ms);
      return false;
    },
    accept: () => true,
    ...options,
  });
  return { walk, waits };
}

async function takeAll(walk: PassWalk): Promise<Row[]> {
  const rows: Row[] = [];
  for (let row = await walk.next(); row; row = await walk.next()) rows.push(row);
  return rows;
}

async function finishAll(walk: PassWalk): Promise<string[]> {
  const rows = await takeAll(walk);
  for (const row of rows) walk.finish(row);
  return rows.map(({ key }) => key);
}

describe("a pass", () => {
  it("walks every row of its prefix in order, over as many pages as it takes", async () => {
    const keys = numbered(120);
    const { walk } = await startWalk(["b/1", ...keys, "d/1"]);
    expect(await finishAll(walk)).toEqual(keys);
    expect(walk.progress()).toEqual({
      cursor: "c/119",
      startedAt: T0,
      done: true,
      full: { startedAt: T0, endedAt: T0 },
    });
  });

  it("gives each row once to workers that ask at the same time", async () => {
    const { walk } = await startWalk(numbered(120));
    const taken = await Promise.all(Array.from({ length: 10 }, () => takeAll(walk)));
    expect(
      taken
        .flat()
        .map(({ key }) => key)
        .sort(),
    ).toEqual(numbered(120));
  });

  it("passes over rows that it does not accept", async () => {
    const { walk } = await startWalk(["c/1", "c/~account", "c/2"], {
      accept: (row) => !row.key.includes("~"),
    });
    expect(await finishAll(walk)).toEqual(["c/1", "c/2"]);
  });

  it("never moves its cursor past a row that is unfinished", async () => {
    const { walk } = await startWalk(numbered(4));
    const [first, second, third, fourth] = await takeAll(walk);
    if (!first || !second || !third || !fourth) throw new Error("four rows were stored");
    walk.finish(second);
    walk.finish(fourth);
    expect(walk.progress()).toEqual({ cursor: "", startedAt: T0, done: false });
    walk.finish(first);
    expect(walk.progress()).toEqual({ cursor: "c/001", startedAt: T0, done: false });
    walk.finish(third);
    expect(walk.progress()).toEqual({
      cursor: "c/003",
      startedAt: T0,
      done: true,
      full: { startedAt: T0, endedAt: T0 },
    });
  });

  it("is not done while rows of it have not been asked for", async () => {
    const { walk } = await startWalk(numbered(2));
    const row = await walk.next();
    if (row) walk.finish(row);
    expect(walk.progress()).toEqual({ cursor: "c/000", startedAt: T0, done: false });
  });

  it("goes on behind the cursor of an earlier tick, also when that row is gone", async () => {
    const pass = { cursor: "c/001x", startedAt: T0 - 70_000, done: false };
    const { walk } = await startWalk(numbered(4), { pass });
    expect(await finishAll(walk)).toEqual(["c/002", "c/003"]);
    expect(walk.progress()).toEqual({
      cursor: "c/003",
      startedAt: T0 - 70_000,
      done: true,
      full: { startedAt: T0 - 70_000, endedAt: T0 },
    });
  });

  it("does not begin before its interval is over", async () => {
    const pass = { cursor: "c/003", startedAt: T0 - 59_999, done: true };
    const { walk, waits } = await startWalk(numbered(4), { pass });
    expect(await finishAll(walk)).toEqual([]);
    expect(waits).toEqual([1]);
    expect(walk.progress()).toEqual(pass);
  });

  it("begins when its interval is over, or when it was waited for", async () => {
    const due = { cursor: "c/003", startedAt: T0 - 60_000, done: true };
    const exact = await startWalk(numbered(2), { pass: due });
    expect(await finishAll(exact.walk)).toEqual(["c/000", "c/001"]);
    expect(exact.waits).toEqual([]);
    const early = { ...due, startedAt: T0 - 59_000 };
    const waited = await startWalk(numbered(2), { pass: early, wait: async () => true });
    expect(await finishAll(waited.walk)).toEqual(["c/000", "c/001"]);
  });

  it("begins although the last one seems to have begun in the future", async () => {
    const pass = { cursor: "c/003", startedAt: T0 + 86_400_000, done: true };
    const { walk } = await startWalk(numbered(2), { pass });
    expect(await finishAll(walk)).toEqual(["c/000", "c/001"]);
    expect(walk.progress().startedAt).toBe(T0);
  });

  it("that an earlier tick began is followed in this tick by one that is due, and by no other", async () => {
    const pass = { cursor: "c/002", startedAt: T0 - 60_000, done: false };
    const { walk } = await startWalk(numbered(4), { pass, everyMs: 1 });
    expect(await finishAll(walk)).toEqual(["c/003"]);
    expect(walk.turn()).toBe(true);
    expect(await finishAll(walk)).toEqual(numbered(4));
    expect(walk.progress()).toEqual({
      cursor: "c/003",
      startedAt: T0,
      done: true,
      full: { startedAt: T0, endedAt: T0 },
    });
    expect(walk.turn()).toBe(false);
  });

  it("is followed by none that is not due, nor while rows are unfinished", async () => {
    const pass = { cursor: "c/002", startedAt: T0 - 30_000, done: false };
    const { walk } = await startWalk(numbered(4), { pass });
    const rows = await takeAll(walk);
    expect(walk.turn()).toBe(false);
    for (const row of rows) walk.finish(row);
    expect(walk.turn()).toBe(true);
    expect(await takeAll(walk)).toEqual([]);
    expect(walk.turn()).toBe(false);
    expect(walk.progress()).toEqual({
      cursor: "c/003",
      startedAt: T0 - 30_000,
      done: true,
      full: { startedAt: T0 - 30_000, endedAt: T0 },
    });
  });

  it("stands where it was after the store failed", async () => {
    const store = await storeWith(numbered(2));
    let fails = true;
    const scan: Store["scan"] = (...range) => {
      if (fails) throw new Error("down");
      return store.scan(...range);
    };
    const { walk } = await startWalk([], { store: { scan } });
    await expect(walk.next()).rejects.toThrow("down");
    expect(walk.progress()).toEqual({ cursor: "", startedAt: T0, done: false });
    fails = false;
    expect(await finishAll(walk)).toEqual(["c/000", "c/001"]);
  });
});
