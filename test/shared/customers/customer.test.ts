import { randomUUID } from "node:crypto";
import { beforeEach, describe, expect, it } from "vitest";
import {
  clearMarkers,
  commitRow,
  loadCustomer,
  updateCustomer,
} from "../../../shared/customers/customer.ts";
import type { CustomerRow, PendingEvent } from "../../../shared/schemas/customer-row.ts";
import { dueKey } from "../../../shared/schemas/outbox-rows.ts";
import { createMemoryStore } from "../../../shared/store/memory.ts";
import type { Store } from "../../../shared/store/store.ts";

const NOW = 1_800_000_000_000;

let memory: Store;
let store: Store;
/** Every write that was tried, in order. */
let writes: string[];
beforeEach(() => {
  memory = createMemoryStore({ newVersion: randomUUID });
  writes = [];
  const put: Store["put"] = (key, value, expected, version) => {
    writes.push(`put ${key}`);
    return memory.put(key, value, expected, version);
  };
  store = { ...memory, put };
});

const eventOf = (seq: number): PendingEvent => ({ id: `evt_${seq}`, seq, type: "t", body: "{}" });
const rowOf = (seq: number, pending: readonly number[] = []): CustomerRow => ({
  schema: 1,
  seq,
  numbers: {},
  pending: pending.map(eventOf),
});

async function put(row: CustomerRow) {
  const known = await memory.get("c/acme");
  await memory.put("c/acme", JSON.stringify(row), known?.version ?? "absent");
}

async function putMarkers(customer: string, from: number, to: number) {
  for (let seq = from; seq <= to; seq += 1) {
    await memory.put(dueKey(customer, seq), '{"schema":1}', "absent");
  }
}

const keys = async (prefix: string) =>
  (await memory.scan(prefix, "", 10_000)).map(({ key }) => key);

describe("updateCustomer and commitRow", () => {
  it.each<[string, (row: CustomerRow, next: CustomerRow) => Promise<unknown>]>([
    ["updateCustomer", (_row, next) => updateCustomer(store, "acme", () => ({ put: next }))],
    [
      "commitRow",
      async (row, next) => {
        const stored = await loadCustomer(store, "acme");
        const before = { value: row, version: stored?.version ?? "" };
        return commitRow(store, "acme", before, next);
      },
    ],
  ])("%s writes the marker of new events before the row", async (_name, write) => {
    await put(rowOf(10, [10]));
    await write(rowOf(10, [10]), rowOf(12, [10, 11, 12]));
    expect(writes).toEqual(["put due/acme/0000000000000012", "put c/acme"]);
    expect((await loadCustomer(store, "acme"))?.value.seq).toBe(12);
  });

  it("write no marker for a row without new events", async () => {
    await put(rowOf(10, [10]));
    await updateCustomer(store, "acme", () => ({ put: rowOf(99, [10]) }));
    expect(writes).toEqual(["put c/acme"]);
  });

  it("write nothing for a row that is too large", async () => {
    await put(rowOf(10));
    const next = { ...rowOf(11, [11]), text: "x".repeat(1_500_000) };
    const update = updateCustomer(store, "acme", () => ({ put: next }));
    await expect(update).rejects.toMatchObject({ code: "ERR_CUSTOMER_TOO_LARGE" });
    expect(writes).toEqual([]);
  });
});

describe("clearMarkers", () => {
  it("deletes more than 100 markers of one customer, and no other customer's", async () => {
    await put(rowOf(250));
    await putMarkers("acme", 1, 250);
    await putMarkers("acme2", 1, 2);
    await clearMarkers(store, "acme", NOW);
    expect(await keys("due/")).toEqual([dueKey("acme2", 1), dueKey("acme2", 2)]);
  });

  it("deletes all markers of a customer without a row", async () => {
    await putMarkers("acme", 1, 101);
    await clearMarkers(store, "acme", NOW);
    expect(await keys("due/")).toEqual([]);
  });

  it("keeps the markers from the oldest pending event on", async () => {
    await put(rowOf(150, [120, 150]));
    await putMarkers("acme", 1, 150);
    await clearMarkers(store, "acme", NOW);
    const left = await keys("due/");
    expect(left).toHaveLength(31);
    expect(left[0]).toBe(dueKey("acme", 120));
  });

  it("keeps a marker above the row's sequence, whose row may be about to be written", async () => {
    await put(rowOf(5));
    await putMarkers("acme", 4, 6);
    await clearMarkers(store, "acme", NOW);
    expect(await keys("due/")).toEqual([dueKey("acme", 6)]);
  });

  describe("of a row that was never written, as by a clock ahead", () => {
    const HOUR = 3_600_000;
    const marker = dueKey("acme", 6);

    it("deletes the marker an hour after it was first seen", async () => {
      await put(rowOf(5));
      await putMarkers("acme", 6, 6);
      expect(await clearMarkers(store, "acme", NOW)).toBe(true);
      expect(await clearMarkers(store, "acme", NOW + HOUR - 1)).toBe(true);
      expect(await keys("due/")).toEqual([marker]);
      await clearMarkers(store, "acme", NOW + HOUR);
      expect(await keys("due/")).toEqual([]);
    });

    it("keeps the marker while an event is pending", async () => {
      await put(rowOf(5, [5]));
      await putMarkers("acme", 6, 6);
      for (const at of [NOW, NOW + HOUR]) await clearMarkers(store, "acme", at);
      expect(await keys("due/")).toEqual([marker]);
    });

    it("neither notes nor deletes the marker by a clock that nothing confirms", async () => {
      await put(rowOf(5));
      await memory.put(marker, '{"schema":1,"seenAt":1}', "absent");
      const before = await memory.get(marker);
      expect(await clearMarkers(store, "acme", undefined)).toBe(true);
      expect(await memory.get(marker)).toEqual(before);
      expect(writes).toEqual([]);
    });
  });
});
