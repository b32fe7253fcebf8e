import { describe, expect, it } from "vitest";
import { customerKey, customerRowSchema } from "../../../shared/schemas/customer-row.ts";
import { readRow } from "../../../shared/store/rows.ts";
import type { AttemptResult } from "../../../shared/webhook/attempt.ts";
import { createDispatcherRig, DELIVERED, DOWN } from "./dispatcher-rig.ts";

describe("the dispatcher", () => {
  it("delivers the events of others while one event always gets a 500", async () => {
    const { add, run, respondWith, clock, pending } = createDispatcherRig();
    await add("a", 2);
    respondWith(({ id }) =>
      id === "a-1" ? { kind: "failed", reason: "status", status: 500 } : DELIVERED,
    );
    let delivered = 0;
    for (let minute = 0; minute < 7 * 24 * 60; minute += 10) {
      if (minute === 180) for (let i = 0; i < 50; i += 1) await add(`m${i}`, 1);
      delivered += (await run()).delivered;
      await clock.advance(600_000);
    }

    expect(delivered).toBe(50);
    expect(await pending("a")).toEqual(["a-1", "a-2"]);

    respondWith(() => DELIVERED);
    await clock.advance(3_600_000);
    expect(await run()).toMatchObject({ delivered: 2, deadLettered: 0 });
  });

  it("delivers the events of others after an outage while one event always gets a 500", async () => {
    const { add, run, respondWith, clock, sent } = createDispatcherRig();
    await add("a", 1);
    for (let i = 0; i < 50; i += 1) await add(`m${i}`, 1);
    respondWith(() => DOWN);
    for (let minute = 0; minute < 180; minute += 1) {
      await run();
      await clock.advance(60_000);
    }
    respondWith(({ id }) =>
      id === "a-1" ? { kind: "failed", reason: "status", status: 500 } : DELIVERED,
    );
    let delivered = 0;
    for (let minute = 0; minute < 90; minute += 1) {
      delivered += (await run()).delivered;
      await clock.advance(60_000);
    }

    expect(delivered).toBe(50);
    expect(sent.filter(({ id }) => id === "a-1").length).toBeLessThan(40);
  });

  it("ends the wait of a 429 that was stored by a clock six hours ahead", async () => {
    const { add, run, respondWith, clock, pending } = createDispatcherRig();
    await add("a", 1);
    await add("b", 1);
    const busy: AttemptResult = {
      kind: "failed",
      reason: "status",
      status: 429,
      retryAfterMs: 60_000,
    };
    respondWith(({ id }) => (id === "a-1" ? busy : DELIVERED));
    await run({}, Promise.resolve(), () => clock.now() + 6 * 3_600_000);
    expect(await pending("a")).toEqual(["a-1"]);

    respondWith(() => DELIVERED);
    expect(await run()).toMatchObject({ delivered: 1 });
  });

  it("blames the receiver, not the event, for a 400 if it refuses the test event as well", async () => {
    const { add, run, respondWith, pending, sent, store } = createDispatcherRig();
    await add("a", 1);
    respondWith(() => ({ kind: "refused", status: 400 }));

    expect(await run()).toMatchObject({ deadLettered: 0 });
    expect(sent.map(({ id }) => id)).toEqual(["a-1", "test", "a-1", "test"]);
    const row = await readRow(store, customerKey("a"), customerRowSchema);
    expect(row?.value.pending[0]?.refusals).toBeUndefined();
    expect(await pending("a")).toEqual(["a-1"]);
  });

  it("counts the refusals of an event through troubles between them", async () => {
    const { add, run, respondWith, clock } = createDispatcherRig();
    await add("a", 1);
    let attempts = 0;
    respondWith(({ id }) => {
      if (id !== "a-1") return DELIVERED;
      attempts += 1;
      if (attempts % 2 === 0) return { kind: "failed", reason: "status", status: 500 };
      return { kind: "refused", status: 422 };
    });
    let deadLettered = 0;
    for (let hour = 0; hour < 150 && deadLettered === 0; hour += 1) {
      await add(`m${hour}`, 1);
      deadLettered += (await run()).deadLettered;
      await clock.advance(3_600_000);
    }

    expect(deadLettered).toBe(1);
  });

  it("moves a refused event beside another one in its dead-letter place, in one attempt", async () => {
    const { add, run, respondWith, sent, store, pending } = createDispatcherRig();
    await add("a", 1);
    await store.put("dead/a/0000000000001001", '{"schema":1,"other":"event"}', "absent");
    const known = await store.get("c/a");
    const row = JSON.parse(known?.value ?? "{}");
    row.pending[0].refusals = { count: 9, nextAt: 0 };
    await store.put("c/a", JSON.stringify(row), known?.version ?? "absent");
    respondWith(({ id }) => (id === "a-1" ? { kind: "refused", status: 422 } : DELIVERED));

    expect(await run()).toMatchObject({ deadLettered: 1 });
    expect(sent.map(({ id }) => id)).toEqual(["a-1", "test"]);
    expect(await pending("a")).toEqual([]);
    const dead = await store.get("dead/a/0000000000001001/a-1");
    expect(JSON.parse(dead?.value ?? "{}")).toMatchObject({ event: { id: "a-1" } });
  });

  it("moves an event to the dead letters that is refused ten times, then delivers the next", async () => {
    const { add, run, respondWith, sent, clock, store, pending } = createDispatcherRig();
    await add("a", 2);
    respondWith(({ id }) => (id === "a-1" ? { kind: "refused", status: 422 } : DELIVERED));
    let deadLettered = 0;
    for (let hour = 0; hour < 90 && deadLettered === 0; hour += 1) {
      deadLettered += (await run()).deadLettered;
      await clock.advance(3_600_000);
    }
    await run();

    expect(deadLettered).toBe(1);
    expect(sent.filter(({ id }) => id === "a-1")).toHaveLength(10);
    const dead = await store.get("dead/a/0000000000001001");
    expect(JSON.parse(dead?.value ?? "{}")).toMatchObject({ status: 422, event: { id: "a-1" } });
    expect(await pending("a")).toEqual([]);
    expect(sent.at(-1)?.id).toBe("a-2");
  });
});
