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

const NEVER_BEGUN: ScanState = { cursor: "", startedAt: 0, done: true };

async function storeWith(keys: readonly string[]): Promise<Store> {
  const store = createMemoryStore({ newVersion: randomUUID });
  for (const key of keys) await store.put(key, "{}", "absent");
  return store;
}

const numbered = (count: number) =>
  Array.from({ length: count }, (_, index) => `c/${String(index).padStart(3, "0")}`);

async function startScan(keys: readonly string[], options: Partial<ScanOptions> = {}) {
  const waits: number[] = [];
  const scan = createResumableScan({
    store: await storeWith(keys),
    prefix: "c/",
    saved: NEVER_BEGUN,
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

describe("createResumableScan", () => {
  it("a scan reads every row of its prefix in order, page by page", async () => {
    const keys = numbered(120);
    const { scan } = await startScan(["b/1", ...keys, "d/1"]);
    expect(await finishAll(scan)).toEqual(keys);
    expect(scan.progress()).toEqual({
      cursor: "c/119",
      startedAt: T0,
      done: true,
      full: { startedAt: T0, endedAt: T0 },
    });
  });

  it("a scan gives each row once to workers that ask at the same time", async () => {
    const { scan } = await startScan(numbered(120));
    const taken = await Promise.all(Array.from({ length: 10 }, () => takeAll(scan)));
    expect(
      taken
        .flat()
        .map(({ key }) => key)
        .sort(),
    ).toEqual(numbered(120));
  });

  it("a scan skips rows that are not accepted", async () => {
    const { scan } = await startScan(["c/1", "c/~account", "c/2"], {
      accept: (row) => !row.key.includes("~"),
    });
    expect(await finishAll(scan)).toEqual(["c/1", "c/2"]);
  });

  it("a scan's cursor never passes an unfinished row", async () => {
    const { scan } = await startScan(numbered(4));
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

  it("a scan is not done while a row has not been handed out", async () => {
    const { scan } = await startScan(numbered(2));
    const row = await scan.next();
    if (row) scan.finish(row);
    expect(scan.progress()).toEqual({ cursor: "c/000", startedAt: T0, done: false });
  });

  it("a scan continues after an earlier run's cursor, even if that row is gone", async () => {
    const saved = { cursor: "c/001x", startedAt: T0 - 70_000, done: false };
    const { scan } = await startScan(numbered(4), { saved });
    expect(await finishAll(scan)).toEqual(["c/002", "c/003"]);
    expect(scan.progress()).toEqual({
      cursor: "c/003",
      startedAt: T0 - 70_000,
      done: true,
      full: { startedAt: T0 - 70_000, endedAt: T0 },
    });
  });

  it("a scan begins no pass before the interval is over", async () => {
    const saved = { cursor: "c/003", startedAt: T0 - 59_999, done: true };
    const { scan, waits } = await startScan(numbered(4), { saved });
    expect(await finishAll(scan)).toEqual([]);
    expect(waits).toEqual([1]);
    expect(scan.progress()).toEqual(saved);
  });

  it("a scan begins a pass when the interval is over or was waited out", async () => {
    const due = { cursor: "c/003", startedAt: T0 - 60_000, done: true };
    const exact = await startScan(numbered(2), { saved: due });
    expect(await finishAll(exact.scan)).toEqual(["c/000", "c/001"]);
    expect(exact.waits).toEqual([]);
    const early = { ...due, startedAt: T0 - 59_000 };
    const waited = await startScan(numbered(2), { saved: early, wait: async () => true });
    expect(await finishAll(waited.scan)).toEqual(["c/000", "c/001"]);
  });

  it("a scan begins a pass although the last one seems to begin in the future", async () => {
    const saved = { cursor: "c/003", startedAt: T0 + 86_400_000, done: true };
    const { scan } = await startScan(numbered(2), { saved });
    expect(await finishAll(scan)).toEqual(["c/000", "c/001"]);
    expect(scan.progress().startedAt).toBe(T0);
  });

  it("a scan that ends an earlier run's pass begins one more that is due, never two", async () => {
    const saved = { cursor: "c/002", startedAt: T0 - 60_000, done: false };
    const { scan } = await startScan(numbered(4), { saved, everyMs: 1 });
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

  it("a scan begins no further pass that is not due, or while rows are unfinished", async () => {
    const saved = { cursor: "c/002", startedAt: T0 - 30_000, done: false };
    const { scan } = await startScan(numbered(4), { saved });
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

  it("a scan stays where it was when the store fails", async () => {
    const store = await storeWith(numbered(2));
    let fails = true;
    const failing: Store["scan"] = (...range) => {
      if (fails) throw new Error("down");
      return store.scan(...range);
    };
    const { scan } = await startScan([], { store: { scan: failing } });
    await expect(scan.next()).rejects.toThrow("down");
    expect(scan.progress()).toEqual({ cursor: "", startedAt: T0, done: false });
    fails = false;
    expect(await finishAll(scan)).toEqual(["c/000", "c/001"]);
  });
});
