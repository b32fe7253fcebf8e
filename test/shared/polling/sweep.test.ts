import { describe, expect, it } from "vitest";
import type { ReadRequest } from "../../../shared/polling/read-source.ts";
import { createSweep, type SweepOptions, type SweepSource } from "../../../shared/polling/sweep.ts";
import type { ScanState } from "../../../shared/schemas/watch-rows.ts";
import type { Store } from "../../../shared/store/store.ts";
import { createTestStore } from "../../support/memory-store.ts";
import { iso, rowOf, T0 } from "../../support/watch-builders.ts";

const NEVER_BEGUN: ScanState = { cursor: "", startedAt: 0, done: true };
const HOUR = 3_600_000;
const SETTLED = { baselineAt: iso(-900 * HOUR), observedAt: iso(-900 * HOUR) };

async function storeWith(ids: readonly string[], row: object = {}): Promise<Store> {
  const store = createTestStore();
  for (const id of ids)
    await store.put(`c/${id}`, JSON.stringify({ ...rowOf({}), ...row }), "absent");
  return store;
}

const numbered = (count: number) =>
  Array.from({ length: count }, (_, index) => String(index).padStart(3, "0"));

async function startSweep(ids: readonly string[], options: Partial<SweepOptions> = {}) {
  const kept = await storeWith(ids);
  let scans = 0;
  const store: Pick<Store, "scan"> = {
    scan(...page) {
      scans += 1;
      return kept.scan(...page);
    },
  };
  const sweep = createSweep({
    store,
    saved: { sweep: NEVER_BEGUN },
    everyMs: 60_000,
    now: () => T0,
    leftMs: () => 50_000,
    ...options,
  });
  return { sweep, scans: () => scans };
}

async function takeAll(sweep: SweepSource): Promise<ReadRequest[]> {
  const requests: ReadRequest[] = [];
  for (let next = await sweep.next(); next; next = await sweep.next()) requests.push(next);
  return requests;
}

async function finishAll(sweep: SweepSource): Promise<string[]> {
  const requests = await takeAll(sweep);
  for (const request of requests) request.finish();
  return requests.map(({ customer }) => customer);
}

const reached = (sweep: SweepSource) => {
  const { cursor, startedAt, done, full } = sweep.progress().sweep;
  return { cursor, startedAt, done, full };
};

describe("createSweep", () => {
  it("a sweep hands out every customer in order with its row, and scans no page after a short one", async () => {
    const { sweep, scans } = await startSweep(numbered(25));
    const [first] = await takeAll(sweep);
    expect(first).toMatchObject({ customer: "000", from: "sweep", known: { version: "v1" } });
    expect(scans()).toBe(3);
    const again = await startSweep([...numbered(25), "~account", "~watch.000"]);
    expect(await finishAll(again.sweep)).toEqual(numbered(25));
    expect(reached(again.sweep)).toEqual({
      ...{ cursor: "c/024", startedAt: T0, done: true },
      full: { startedAt: T0, endedAt: T0 },
    });
  });

  it("a sweep gives each customer once to workers that ask at the same time", async () => {
    const { sweep } = await startSweep(numbered(60));
    const taken = await Promise.all(Array.from({ length: 10 }, () => takeAll(sweep)));
    expect(
      taken
        .flat()
        .map(({ customer }) => customer)
        .sort(),
    ).toEqual(numbered(60));
  });

  it("a sweep's cursor never passes an unfinished customer, and then it is done", async () => {
    const { sweep } = await startSweep(numbered(4));
    const [first, second, third, fourth] = await takeAll(sweep);
    second?.finish();
    fourth?.finish();
    expect(reached(sweep)).toMatchObject({ cursor: "", done: false });
    first?.finish();
    expect(reached(sweep)).toMatchObject({ cursor: "c/001", done: false });
    third?.finish();
    expect(reached(sweep)).toMatchObject({ cursor: "c/003", done: true });
  });

  it("a sweep continues after an earlier run's cursor, even if that row is gone", async () => {
    const saved = { sweep: { cursor: "c/001x", startedAt: T0 - 70_000, done: false } };
    const { sweep } = await startSweep(numbered(4), { saved });
    expect(await finishAll(sweep)).toEqual(["002", "003"]);
    expect(reached(sweep).full).toEqual({ startedAt: T0 - 70_000, endedAt: T0 });
  });

  it.each([
    ["an interval after the last one began", T0 - 60_000, 4],
    ["not before", T0 - 59_999, 0],
    ["at once if the last one seems to begin in the future", T0 + 86_400_000, 4],
  ])("a sweep begins %s", async (_when, startedAt, count) => {
    const saved = { sweep: { cursor: "c/003", startedAt, done: true } };
    const { sweep } = await startSweep(numbered(4), { saved });
    expect(await finishAll(sweep)).toHaveLength(count);
  });

  it.each([
    ["what is due within a tenth of the interval", 60_000, 55_000, true],
    ["nothing later", 60_000, 50_000, false],
    ["each pass when the interval is below a minute", 30_000, 5_000, true],
  ])("a run stays for %s", async (_what, everyMs, agoMs, isAwaited) => {
    const saved = { sweep: { cursor: "c/003", startedAt: T0 - agoMs, done: true } };
    const { sweep } = await startSweep(numbered(4), { saved, everyMs });
    expect(await sweep.next()).toBeUndefined();
    expect(sweep.outlook().isAwaited).toBe(isAwaited);
  });

  it("a run does not stay for a pass after its end", async () => {
    const saved = { sweep: { cursor: "", startedAt: T0 - 5_000, done: true } };
    const { sweep } = await startSweep([], { saved, everyMs: 30_000, leftMs: () => 20_000 });
    expect(sweep.outlook()).toEqual({ inMs: 25_000, isAwaited: false });
  });

  it("a sweep makes passes of one run as long as they are due", async () => {
    let now = T0;
    const { sweep } = await startSweep(numbered(2), { everyMs: 10_000, now: () => now });
    expect(await finishAll(sweep)).toEqual(["000", "001"]);
    expect(await finishAll(sweep)).toEqual([]);
    now += 10_000;
    expect(await finishAll(sweep)).toEqual(["000", "001"]);
  });

  it("a sweep needs no second read of a customer that another source has read since it began", async () => {
    const { sweep } = await startSweep(["a"]);
    const request = await sweep.next();
    const read = (beganAt: number) => request?.dueIn({ beganAt, at: beganAt, seenAt: undefined });
    expect([read(T0), read(T0 - 1_000), read(T0 - 58_000), read(T0 + 9e9)]).toEqual([
      "skip",
      "skip",
      2_000,
      0,
    ]);
    request?.finish();
    await sweep.next();
    // It vouches for the customer from the read that it relied on.
    expect(sweep.progress().sweeps?.[0]).toMatchObject({ startedAt: T0, since: T0 - 1_000 });
  });

  it("a sweep skips by plan, and counts who needs how many reads", async () => {
    const store = await storeWith(numbered(100), SETTLED);
    const plan = { customers: [0, 0, 10_000], msPerRead: 100 };
    const options = { store, saved: { sweep: NEVER_BEGUN, plan } };
    const { sweep } = await startSweep([], options);
    const read = await finishAll(sweep);
    expect(read.length).toBeGreaterThan(10);
    expect(read.length).toBeLessThan(40);
    const { sweeps, plan: next } = sweep.progress();
    expect(sweeps).toMatchObject([{ number: 1, most: 4 }]);
    expect(next?.customers).toEqual([0, 0, 100]);
  });

  it("an invalid sweep confirms nothing, neither what ended in this run nor what goes on", async () => {
    const full = { startedAt: T0 - 900_000, endedAt: T0 - 800_000 };
    const saved = { sweep: { ...NEVER_BEGUN, full } };
    const { sweep } = await startSweep(numbered(2), { saved });
    await finishAll(sweep);
    expect(reached(sweep).full).toEqual({ startedAt: T0, endedAt: T0 });
    sweep.invalidate();
    expect(reached(sweep).full).toEqual(full);
    expect(sweep.progress().sweeps).toEqual([{ number: 0, most: 1, ...full }]);
    const open = await startSweep(numbered(2), { saved });
    const requests = await takeAll(open.sweep);
    open.sweep.invalidate();
    for (const request of requests) request.finish();
    expect(reached(open.sweep)).toMatchObject({ done: true, full });
  });

  it("a sweep stays where it was when the store fails", async () => {
    const store = await storeWith(numbered(2));
    let fails = true;
    const failing: Store["scan"] = (...range) => {
      if (fails) throw new Error("down");
      return store.scan(...range);
    };
    const { sweep } = await startSweep([], { store: { scan: failing } });
    await expect(sweep.next()).rejects.toThrow("down");
    fails = false;
    expect(await finishAll(sweep)).toEqual(["000", "001"]);
  });

  it("an unreadable row is handed out without its value, so that its read reports it", async () => {
    const store = createTestStore();
    await store.put("c/a", "not JSON", "absent");
    const { sweep } = await startSweep([], { store });
    expect((await takeAll(sweep)).map(({ customer, known }) => [customer, known])).toEqual([
      ["a", undefined],
    ]);
  });
});
