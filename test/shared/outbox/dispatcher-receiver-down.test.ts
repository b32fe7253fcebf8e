import { describe, expect, it } from "vitest";
import type { AttemptResult } from "../../../shared/webhook/attempt.ts";
import { createDispatcherRig, DELIVERED, DOWN, START } from "./dispatcher-rig.ts";

const SINCE = "2027-01-01T00:00:00.000Z";

describe("the dispatcher", () => {
  it("keeps an event that failed, retries it after 5 s, and ends 6 s after finish", async () => {
    const { add, run, respondWith, sent, pending, receiverRow } = createDispatcherRig();
    await add("a", 2);
    respondWith(() => DOWN);

    expect(await run()).toMatchObject({ delivered: 0, failedAttempts: 2 });
    expect(sent).toEqual([
      { id: "a-1", at: 0 },
      { id: "a-1", at: 5_100 },
    ]);
    expect(await pending("a")).toEqual(["a-1", "a-2"]);
    expect(await receiverRow()).toMatchObject({ state: "closed", failures: 2 });
  });

  it("opens the breaker over several runs, then only probes, then delivers in order", async () => {
    const { add, run, respondWith, sent, clock, receiverRow } = createDispatcherRig();
    await add("a", 2);
    respondWith(() => DOWN);
    for (let count = 0; count < 3; count += 1) {
      await run();
      await clock.advance(50_000);
    }
    expect(await receiverRow()).toMatchObject({ state: "open" });
    const before = sent.length;
    for (let count = 0; count < 60; count += 1) {
      await run();
      await clock.advance(60_000);
    }
    expect(sent.length - before).toBeLessThanOrEqual(6);

    respondWith(() => DELIVERED);
    await clock.advance(3_600_000);
    expect(await run()).toMatchObject({ delivered: 2, receiverState: "closed" });
    expect(sent.slice(-2).map(({ id }) => id)).toEqual(["a-1", "a-2"]);
  });

  it("probes with one test event for all customers", async () => {
    const { add, run, respondWith, sent, clock, store } = createDispatcherRig();
    for (let i = 0; i < 30; i += 1) await add(`c${i}`, 1);
    const open = { schema: 1, state: "open", step: 4, nextProbeAt: START, since: SINCE };
    await store.put("ep/receiver", JSON.stringify(open), "absent");
    respondWith(() => DOWN);

    expect(await run()).toMatchObject({ failedAttempts: 1, receiverState: "open" });
    expect(sent.map(({ id }) => id)).toEqual(["test"]);
    await clock.advance(60_000);
    await run();
    expect(sent).toHaveLength(1);
  });

  it("does not probe if there is nothing to deliver", async () => {
    const { run, sent, store } = createDispatcherRig();
    const open = { schema: 1, state: "open", step: 4, nextProbeAt: START, since: SINCE };
    await store.put("ep/receiver", JSON.stringify(open), "absent");

    expect(await run()).toMatchObject({ failedAttempts: 0, receiverState: "open" });
    expect(sent).toEqual([]);
  });

  it("opens the breaker again if the receiver accepts the test but no event", async () => {
    const { add, run, respondWith, clock, sent } = createDispatcherRig();
    for (let i = 0; i < 50; i += 1) await add(`m${i}`, 1);
    respondWith(({ id }) => (id === "test" ? DELIVERED : DOWN));
    for (let minute = 0; minute < 240; minute += 1) {
      await run();
      await clock.advance(60_000);
    }

    expect(sent.length).toBeLessThan(150);
  });

  it("stops at a 410, keeps the events and logs the state", async () => {
    const { add, run, respondWith, sent, lines, pending } = createDispatcherRig();
    await add("a", 2);
    respondWith(() => ({ kind: "gone", status: 410 }));

    expect(await run()).toMatchObject({ receiverState: "disabled" });
    expect(await run()).toMatchObject({ delivered: 0, receiverState: "disabled" });
    expect(sent).toHaveLength(1);
    expect(await pending("a")).toEqual(["a-1", "a-2"]);
    expect(lines.join()).toContain('"state":"disabled"');
  });

  it("probes with the next due event if the receiver refuses the test event", async () => {
    const { add, run, respondWith, receiverRow, store, sent } = createDispatcherRig();
    const open = { schema: 1, state: "open", step: 0, nextProbeAt: START, since: SINCE };
    await store.put("ep/receiver", JSON.stringify(open), "absent");
    await add("a", 2);
    respondWith(({ id }) => (id === "test" ? { kind: "refused", status: 400 } : DELIVERED));

    expect(await run()).toMatchObject({ delivered: 2, receiverState: "closed" });
    expect(sent.map(({ id }) => id)).toEqual(["test", "a-1", "a-2"]);
    expect(await receiverRow()).toMatchObject({ state: "closed" });
  });

  it("stays open if the receiver refuses the test event and the next due one", async () => {
    const { add, run, respondWith, receiverRow, store, sent, pending } = createDispatcherRig();
    const open = { schema: 1, state: "open", step: 0, nextProbeAt: START, since: SINCE };
    await store.put("ep/receiver", JSON.stringify(open), "absent");
    await add("a", 1);
    respondWith(() => ({ kind: "refused", status: 400 }));

    expect(await run({ stopAt: 1_000 })).toMatchObject({ failedAttempts: 2, deadLettered: 0 });
    expect(sent.map(({ id }) => id)).toEqual(["test", "a-1"]);
    expect(await receiverRow()).toMatchObject({ state: "open", step: 1 });
    expect(await pending("a")).toEqual(["a-1"]);
  });

  it("delivers to nineteen customers while one gets a 429 with a day's Retry-After", async () => {
    const { add, run, respondWith, receiverRow, pending } = createDispatcherRig();
    await add("a", 1);
    const busy: AttemptResult = {
      kind: "failed",
      reason: "status",
      status: 429,
      retryAfterMs: 3_600_000,
    };
    respondWith(({ id }) => (id === "a-1" ? busy : DELIVERED));
    await run();
    for (let i = 0; i < 19; i += 1) await add(`m${i}`, 1);

    expect(await run()).toMatchObject({ delivered: 19, receiverState: "closed" });
    expect(await pending("a")).toEqual(["a-1"]);
    expect((await receiverRow())?.state ?? "closed").toBe("closed");
  });

  it("delivers all to a receiver that takes ten a second, within 25 s", async () => {
    const { add, run, respondWith, clock } = createDispatcherRig();
    for (let i = 0; i < 100; i += 1) await add(`c${i}`, 1);
    const taken: number[] = [];
    respondWith(() => {
      const now = clock.now();
      if (taken.filter((at) => at > now - 1_000).length < 10) {
        taken.push(now);
        return DELIVERED;
      }
      return { kind: "failed", reason: "status", status: 429, retryAfterMs: 1_000 };
    });

    const report = await run({}, clock.sleep(19_000));
    expect(report).toMatchObject({ delivered: 100, receiverState: "closed" });
  });

  it.each([
    ["a critical one that fails alone", "critical", {}],
    ["one that fails alone, of which each run finds more", "info", { found: "a" }],
  ])("probes with another customer's event after %s", async (_, severity, more) => {
    const { add, run, respondWith, clock, receiverRow, pending } = createDispatcherRig();
    await add("a", 1, severity);
    await add("b", 1);
    respondWith(() => DOWN);
    for (let count = 0; count < 3; count += 1) await run();
    expect(await receiverRow()).toMatchObject({ state: "open" });
    respondWith(({ id }) => {
      if (id === "test") return { kind: "refused", status: 400 };
      return id === "b-1" ? DELIVERED : { kind: "failed", reason: "status", status: 500 };
    });

    for (let hour = 0; hour < 6; hour += 1) {
      await clock.advance(3_600_000);
      await run({ stopAt: clock.monotonic() + 1_000, ...more });
    }
    expect(await pending("b")).toEqual([]);
    expect(await pending("a")).toEqual(["a-1"]);
  });

  it("probes with another customer's event after one that was alone when it failed", async () => {
    const { add, run, respondWith, clock, pending } = createDispatcherRig();
    const hour = async () => {
      await clock.advance(3_600_000);
      await run({ stopAt: clock.monotonic() + 1_000 });
    };
    await add("b", 1, "critical");
    respondWith(({ id }) => {
      if (id === "test") return { kind: "refused", status: 400 };
      return id === "b-1" ? { kind: "failed", reason: "status", status: 429 } : DELIVERED;
    });
    for (let count = 0; count < 8; count += 1) await hour();
    expect(await pending("b")).toEqual(["b-1"]);

    await add("a", 1);
    await add("c", 1);
    await hour();
    expect([await pending("a"), await pending("c")]).toEqual([[], []]);
  });

  it("opens the breaker for as long as Retry-After says", async () => {
    const { add, run, respondWith, receiverRow, clock } = createDispatcherRig();
    await add("a", 1);
    respondWith(() => ({ kind: "failed", reason: "status", status: 429, retryAfterMs: 600_000 }));
    await run();

    const row = await receiverRow();
    expect(row?.state).toBe("open");
    expect((row?.nextProbeAt ?? 0) - clock.now()).toBeGreaterThan(590_000);
  });
});
