import { describe, expect, it } from "vitest";
import { createDispatcherRig } from "./dispatcher-rig.ts";

describe("the dispatcher with a backlog", () => {
  it("delivers the last customer's first event among the first tenth", async () => {
    const { add, run, sent } = createDispatcherRig();
    for (let i = 100; i < 250; i += 1) await add(`c${i}`, 40);
    await add("zzz", 1);

    await run();
    const place = sent.findIndex(({ id }) => id === "zzz-1");
    expect(place).toBeGreaterThan(0);
    expect(place).toBeLessThan(600);
  });

  it("begins the next run with the customers that had no turn", async () => {
    const { add, run, sent } = createDispatcherRig();
    for (let i = 100; i < 300; i += 1) await add(`c${i}`, 3);
    // 20 at once, for 100 ms each.
    for (let runs = 0; runs < 5; runs += 1) await run({ stopAt: 250 + runs * 250 });

    const first = sent.filter(({ id }) => id.endsWith("-1"));
    expect(first.length).toBeGreaterThan(180);
  });

  it("gives critical events three turns of four, and the others the fourth", async () => {
    const { add, run, sent } = createDispatcherRig();
    for (let i = 100; i < 140; i += 1) await add(`a${i}`, 1);
    for (let i = 100; i < 140; i += 1) await add(`z${i}`, 1, "critical");

    await run();
    const firstForty = sent.slice(0, 40).filter(({ id }) => id.startsWith("z"));
    expect(firstForty).toHaveLength(30);
  });

  it("stores half of a customer's acknowledgements at once, or twenty", async () => {
    const { add, run, countCalls, pending, markers } = createDispatcherRig();
    await add("a", 100);
    const calls = countCalls();

    // 50, 25, 20 and 5, each with a row of its history.
    expect(await run()).toMatchObject({ delivered: 100 });
    expect(calls.puts).toBe(8);
    expect(calls.gets).toBeLessThanOrEqual(8);
    expect(await pending("a")).toEqual([]);
    expect(await markers()).toEqual([]);
  });

  it("writes at most twice as much for an event of 400 pending as for one of 50", async () => {
    const perEvent = async (pending: number) => {
      const { add, run, countCalls } = createDispatcherRig();
      for (let i = 100; i < 100 + 400 / pending; i += 1) await add(`c${i}`, pending);
      const calls = countCalls();
      expect(await run()).toMatchObject({ delivered: 400 });
      return calls.bytes / 400;
    };
    expect((await perEvent(400)) / (await perEvent(50))).toBeLessThan(2);
  });

  it("holds the acknowledgements of more rows than it has room for", async () => {
    const { add, run, countCalls, sent } = createDispatcherRig();
    // 45 rows with 400 KB of bodies each are 18 MB.
    for (let i = 100; i < 145; i += 1) await add(`c${i}`, 40, "info", 10_000);
    const calls = countCalls();

    expect(await run()).toMatchObject({ delivered: 1_800 });
    expect(new Set(sent.map(({ id }) => id)).size).toBe(1_800);
    expect(calls.puts).toBeLessThan(1_800 / 3);
    expect(calls.gets).toBeLessThan(1_800);
  });

  it("reads and deletes once for a customer with one event, and writes its history and row", async () => {
    const { add, run, countCalls } = createDispatcherRig();
    for (let i = 100; i < 200; i += 1) await add(`c${i}`, 1);
    const calls = countCalls();

    expect(await run()).toMatchObject({ delivered: 100 });
    expect(calls.gets + calls.scans).toBeLessThanOrEqual(120);
    expect(calls.puts).toBe(200);
    expect(calls.deletes).toBe(100);
  });

  it("stores what it has acknowledged at the end of the run", async () => {
    const { add, run, pending, sent } = createDispatcherRig();
    await add("a", 20);

    await run({ stopAt: 450 });
    expect(await pending("a")).toHaveLength(20 - sent.length);
    expect(sent.length).toBeGreaterThan(3);
  });
});
