import { randomUUID } from "node:crypto";
import { describe, expect, it } from "vitest";
import {
  createResumableScan,
  type ResumableScan,
  type ScanOptions,
} from "../../../shared/polling/resumable-scan.ts";
import type { ScanState } from "../../../shared/schemas/watch-rows.ts";
import { createMemoryStore } from "../../../shared/store/memory.ts";
import type { Row, Store } from "../../../shared/store/store.ts";
import { T0 } from "../../support/watch-builders.ts";

const FRESH: ScanState = { cursor: "", startedAt: 0, done: true };

async function storeWith(keys: readonly string[]): Promise<Store> {
  const store = createMemoryStore({ newVersion: randomUUID });
  for (const key of keys) await store.put(key, "{}", "absent");
  return store;
}

const numbered = (count: number) =>
  Array.from({ length: count }, (_, index) => `c/${String(index).padStart(3, "0")}`);

async function startWalk(keys: readonly string[], options: Partial<ScanOptions> = {}) {
  const waits: number[] = [];
  const scan = createResumableScan({
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
  return { scan, waits };
}

async function takeAll(scan: ResumableScan): Promise<Row[]> {
  const rows: Row[] = [];
  for (let row = await scan.next(); row; row = await scan.next()) rows.push(row);
  return rows;
}

async function finishAll(scan: ResumableScan): Promise<string[]> {
  const rows = await takeAll(scan);
  for (const row of rows) scan.finish(row);
  return rows.map(({ key }) => key);
}

describe("a pass", () => {
  it("scans every row of its prefix in order, over as many pages as it takes", async () => {
    const keys = numbered(120);
    const { scan } = await startWalk(["b/1", ...keys, "d/1"]);
    expect(await finishAll(scan)).toEqual(keys);
    expect(scan.progress()).toEqual({
      cursor: "c/119",
      startedAt: T0,
      done: true,
      full: { startedAt: T0, endedAt: T0 },
    });
  });

  it("gives each row once to workers that ask at the same time", async () => {
    const { scan } = await startWalk(numbered(120));
    const taken = await Promise.all(Array.from({ length: 10 }, () => takeAll(scan)));
    expect(
      taken
        .flat()
        .map(({ key }) => key)
        .sort(),
    ).toEqual(numbered(120));
  });

  it("passes over rows that it does not accept", async () => {
    const { scan } = await startWalk(["c/1", "c/~account", "c/2"], {
      accept: (row) => !row.key.includes("~"),
    });
    expect(await finishAll(scan)).toEqual(["c/1", "c/2"]);
  });

  it("never moves its cursor past a row that is unfinished", async () => {
    const { scan } = await startWalk(numbered(4));
    const [first, second, third, fourth] = await takeAll(scan);
    if (!first || !second || !third || !fourth) throw new Error("four rows were stored");
    scan.finish(second);
    scan.finish(fourth);
    expect(scan.progress()).toEqual({ cursor: "", startedAt: T0, done: false });
    scan.finish(first);
    expect(scan.progress()).toEqual({ cursor: "c/001", startedAt: T0, done: false });
    scan.finish(third);
    expect(scan.progress()).toEqual({
      cursor: "c/003",
      startedAt: T0,
      done: true,
      full: { startedAt: T0, endedAt: T0 },
    });
  });

  it("is not done while rows of it have not been asked for", async () => {
    const { scan } = await startWalk(numbered(2));
    const row = await scan.next();
    if (row) scan.finish(row);
    expect(scan.progress()).toEqual({ cursor: "c/000", startedAt: T0, done: false });
  });

  it("goes on behind the cursor of an earlier tick, also when that row is gone", async () => {
    const pass = { cursor: "c/001x", startedAt: T0 - 70_000, done: false };
    const { scan } = await startWalk(numbered(4), { pass });
    expect(await finishAll(scan)).toEqual(["c/002", "c/003"]);
    expect(scan.progress()).toEqual({
      cursor: "c/003",
      startedAt: T0 - 70_000,
      done: true,
      full: { startedAt: T0 - 70_000, endedAt: T0 },
    });
  });

  it("does not begin before its interval is over", async () => {
    const pass = { cursor: "c/003", startedAt: T0 - 59_999, done: true };
    const { scan, waits } = await startWalk(numbered(4), { pass });
    expect(await finishAll(scan)).toEqual([]);
    expect(waits).toEqual([1]);
    expect(scan.progress()).toEqual(pass);
  });

  it("begins when its interval is over, or when it was waited for", async () => {
    const due = { cursor: "c/003", startedAt: T0 - 60_000, done: true };
    const exact = await startWalk(numbered(2), { pass: due });
    expect(await finishAll(exact.scan)).toEqual(["c/000", "c/001"]);
    expect(exact.waits).toEqual([]);
    const early = { ...due, startedAt: T0 - 59_000 };
    const waited = await startWalk(numbered(2), { pass: early, wait: async () => true });
    expect(await finishAll(waited.scan)).toEqual(["c/000", "c/001"]);
  });

  it("begins although the last one seems to have begun in the future", async () => {
    const pass = { cursor: "c/003", startedAt: T0 + 86_400_000, done: true };
    const { scan } = await startWalk(numbered(2), { pass });
    expect(await finishAll(scan)).toEqual(["c/000", "c/001"]);
    expect(scan.progress().startedAt).toBe(T0);
  });

  it("that an earlier tick began is followed in this tick by one that is due, and by no other", async () => {
    const pass = { cursor: "c/002", startedAt: T0 - 60_000, done: false };
    const { scan } = await startWalk(numbered(4), { pass, everyMs: 1 });
    expect(await finishAll(scan)).toEqual(["c/003"]);
    expect(scan.restartIfDone()).toBe(true);
    expect(await finishAll(scan)).toEqual(numbered(4));
    expect(scan.progress()).toEqual({
      cursor: "c/003",
      startedAt: T0,
      done: true,
      full: { startedAt: T0, endedAt: T0 },
    });
    expect(scan.restartIfDone()).toBe(false);
  });

  it("is followed by none that is not due, nor while rows are unfinished", async () => {
    const pass = { cursor: "c/002", startedAt: T0 - 30_000, done: false };
    const { scan } = await startWalk(numbered(4), { pass });
    const rows = await takeAll(scan);
    expect(scan.restartIfDone()).toBe(false);
    for (const row of rows) scan.finish(row);
    expect(scan.restartIfDone()).toBe(true);
    expect(await takeAll(scan)).toEqual([]);
    expect(scan.restartIfDone()).toBe(false);
    expect(scan.progress()).toEqual({
      cursor: "c/003",
      startedAt: T0 - 30_000,
      done: true,
      full: { startedAt: T0 - 30_000, endedAt: T0 },
    });
  });

  it("stands where it was after the store failed", async () => {
    const store = await storeWith(numbered(2));
    let fails = true;
    const failing: Store["scan"] = (...range) => {
      if (fails) throw new Error("down");
      return store.scan(...range);
    };
    const { scan } = await startWalk([], { store: { scan: failing } });
    await expect(scan.next()).rejects.toThrow("down");
    expect(scan.progress()).toEqual({ cursor: "", startedAt: T0, done: false });
    fails = false;
    expect(await finishAll(scan)).toEqual(["c/000", "c/001"]);
  });
});
