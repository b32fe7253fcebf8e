import { describe, expect, it } from "vitest";
import { customerKey, customerRowSchema } from "../../../shared/schemas/customer-row.ts";
import { readRow } from "../../../shared/store/rows.ts";
import { createDispatcherRig, DELIVERED, DOWN } from "./dispatcher-rig.ts";

describe("the dispatcher", () => {
  it("lets an event that always gets a 500 stop nobody else, whenever the others come", async () => {
    const { add, run, answerWith, clock, pending } = createDispatcherRig();
    await add("a", 2);
    answerWith(({ id }) =>
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

    answerWith(() => DELIVERED);
    await clock.advance(3_600_000);
    expect(await run()).toMatchObject({ delivered: 2, deadLettered: 0 });
  });

  it("is not stopped by such an event after an outage either", async () => {
    const { add, run, answerWith, clock, sent } = createDispatcherRig();
    await add("a", 1);
    for (let i = 0; i < 50; i += 1) await add(`m${i}`, 1);
    answerWith(() => DOWN);
    for (let minute = 0; minute < 180; minute += 1) {
      await run();
      await clock.advance(60_000);
    }
    answerWith(({ id }) =>
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

  it("takes a 400 for trouble of the receiver while that refuses the test event as well", async () => {
    const { add, run, answerWith, pending, sent, store } = createDispatcherRig();
    await add("a", 1);
    answerWith(() => ({ kind: "refused", status: 400 }));

    expect(await run()).toMatchObject({ deadLettered: 0 });
    expect(sent.map(({ id }) => id)).toEqual(["a-1", "test", "a-1", "test"]);
    const row = await readRow(store, customerKey("a"), customerRowSchema);
    expect(row?.value.pending[0]?.refusals).toBeUndefined();
    expect(await pending("a")).toEqual(["a-1"]);
  });

  it("buries an event refused ten times by a receiver that takes others, and goes on behind it", async () => {
    const { add, run, answerWith, sent, clock, store, pending } = createDispatcherRig();
    await add("a", 2);
    answerWith(({ id }) => (id === "a-1" ? { kind: "refused", status: 422 } : DELIVERED));
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
