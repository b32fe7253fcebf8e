import { describe, expect, it } from "vitest";
import { customerKey, newCustomerRow } from "../../../shared/schemas/customer-row.ts";
import { encodeRow } from "../../../shared/store/rows.ts";
import { createDispatcherRig, START } from "./dispatcher-rig.ts";

describe("the dispatcher", () => {
  it("delivers the pending events of earlier runs in order, and removes the markers", async () => {
    const { add, run, sent, pending, markers } = createDispatcherRig();
    await add("a", 3);
    await add("b", 2);

    expect(await run()).toMatchObject({ delivered: 5, failedAttempts: 0, receiverState: "closed" });
    expect(sent.map(({ id }) => id).filter((id) => id.startsWith("a"))).toEqual([
      "a-1",
      "a-2",
      "a-3",
    ]);
    expect(await pending("a")).toEqual([]);
    expect(await markers()).toEqual([]);
  });

  it("never sends two events of one customer at once, and at most twenty in all", async () => {
    const { add, run, mostAtOnce } = createDispatcherRig();
    for (let i = 0; i < 60; i += 1) await add(`c${i}`, 2);

    expect(await run()).toMatchObject({ delivered: 120 });
    expect(mostAtOnce()).toBe(20);
  });

  it("starts no attempt from stopAt on", async () => {
    const { add, run, sent } = createDispatcherRig();
    await add("a", 20);

    await run({ stopAt: 1_000 });
    expect(sent.every(({ at }) => at < 1_000)).toBe(true);
    expect(sent).toHaveLength(10);
  });

  it.each([50, 250, 450])(
    "delivers to others while a customer with %i markers waits",
    async (count) => {
      const { add, run, store, clock, pending } = createDispatcherRig();
      await add("b", 1);
      const events = Array.from({ length: count }, (_, i) => ({
        id: `a-${i}`,
        seq: 2_000 + i,
        type: "t",
        body: "{}",
        refusals: i === 0 ? { count: 3, nextAt: START + 72_000_000 } : undefined,
      }));
      const row = { ...newCustomerRow(1_000), seq: 2_000 + count, pending: events };
      await store.put(customerKey("a"), encodeRow(row), "absent");
      for (const { seq } of events) {
        await store.put(
          `due/a/${String(seq).padStart(16, "0")}`,
          encodeRow({ schema: 1 }),
          "absent",
        );
      }
      // Reads last for the whole run, so finish is called late.
      await run({}, clock.sleep(40_000));

      expect(await pending("b")).toEqual([]);
    },
  );

  it("keeps the marker of an event that is still being stored", async () => {
    const { add, run, markers, store } = createDispatcherRig();
    await add("a", 1);
    await store.put("due/a/0000000000001002", encodeRow({ schema: 1 }), "absent");

    await run();
    expect(await markers()).toEqual(["due/a/0000000000001002"]);
  });

  it("deletes the markers of a customer without a row", async () => {
    const { run, markers, store } = createDispatcherRig();
    await store.put("due/gone/0000000000001002", encodeRow({ schema: 1 }), "absent");

    await run();
    expect(await markers()).toEqual([]);
  });
});
