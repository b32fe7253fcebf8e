import { describe, expect, it } from "vitest";
import { commitRow, loadCustomer } from "../../../shared/customers/customer.ts";
import { loadHistory } from "../../../shared/customers/history.ts";
import { unwatchCustomer } from "../../../shared/customers/watch-list.ts";
import { markDelivered } from "../../../shared/outbox/pending.ts";
import type { CustomerRow } from "../../../shared/schemas/customer-row.ts";
import type { Store } from "../../../shared/store/store.ts";
import { createTestStore } from "../../support/memory-store.ts";

const AT = "2026-01-02T00:00:00.000Z";
const NOW = Date.parse(AT);
const EARLIER = "2026-01-01T00:00:00.000Z";

const eventOf = (seq: number, bytes = 2) => ({
  id: `evt_${seq}`,
  seq,
  type: "t",
  body: "x".repeat(bytes),
});
const upTo = (count: number, bytes?: number) =>
  Array.from({ length: count }, (_, index) => eventOf(index + 1, bytes));
const seqs = (events: readonly { readonly seq: number }[]) => events.map(({ seq }) => seq);

async function storeWith(row: Partial<CustomerRow>): Promise<Store> {
  const store = createTestStore();
  const all = { schema: 2, seq: 1000, numbers: {}, pending: [], ...row };
  await store.put("c/acme", JSON.stringify(all), "absent");
  return store;
}

async function rowOf(store: Store): Promise<CustomerRow> {
  const found = await loadCustomer(store, "acme");
  if (!found) throw new Error("no row");
  return found.value;
}

const historyOf = async (store: Store, since?: string) =>
  loadHistory(store, "acme", await rowOf(store), since);
const accept = (store: Store, seq: number, now = NOW) =>
  markDelivered(store, "acme", [eventOf(seq)], now);
const keys = async (store: Store, prefix = "sent/") =>
  (await store.scan(prefix, "", 1_000)).map(({ key }) => key);

describe("a customer's history", () => {
  it("lies beside its row, written before the row gives the events up", async () => {
    const store = await storeWith({ pending: upTo(3) });
    const writes: string[] = [];
    const put: Store["put"] = (key, ...rest) => {
      writes.push(key);
      return store.put(key, ...rest);
    };
    await markDelivered({ ...store, put }, "acme", upTo(2), NOW);
    expect(writes).toEqual(["sent/acme/00", "c/acme"]);
    expect(await rowOf(store)).toEqual({
      ...{ schema: 2, seq: 1000, numbers: {}, pending: [eventOf(3)] },
      history: { writes: 1, lastAt: AT },
    });
    expect(await historyOf(store)).toEqual({
      events: upTo(2).map((event) => ({ ...event, deliveredAt: AT })),
      cutAt: undefined,
    });
  });

  it("keeps the last 20 events, however they were accepted, and when the last one fell out", async () => {
    const store = await storeWith({ pending: upTo(22) });
    for (let seq = 1; seq <= 22; seq += 1) await accept(store, seq, NOW + seq * 1000);
    const { events, cutAt } = await historyOf(store);
    expect(seqs(events)).toEqual(Array.from({ length: 20 }, (_, index) => index + 3));
    expect(cutAt).toBe("2026-01-02T00:00:02.000Z");
    expect(await keys(store)).toHaveLength(20);
  });

  it("keeps of many accepted together the last 20, and at most 64 KB", async () => {
    const store = await storeWith({ pending: upTo(30) });
    await markDelivered(store, "acme", upTo(30), NOW);
    expect(seqs((await historyOf(store)).events).at(0)).toBe(11);
    const large = await storeWith({ pending: upTo(3, 32_768) });
    await markDelivered(large, "acme", upTo(3), NOW);
    const { events, cutAt } = await historyOf(large);
    expect([seqs(events), cutAt]).toEqual([[2, 3], AT]);
  });

  it("has each event once after a process died before the row was written", async () => {
    const store = await storeWith({ pending: upTo(3) });
    const put: Store["put"] = (key, ...rest) =>
      key === "c/acme" ? Promise.reject(new Error("killed")) : store.put(key, ...rest);
    await markDelivered({ ...store, put }, "acme", upTo(2), NOW).catch(() => undefined);
    await markDelivered(store, "acme", upTo(3), NOW);
    expect(seqs((await historyOf(store)).events)).toEqual([1, 2, 3]);
    expect(await keys(store)).toEqual(["sent/acme/00"]);
  });

  it("holds what two runs accepted at once", async () => {
    const store = await storeWith({ pending: upTo(3) });
    const known = await loadCustomer(store, "acme");
    await markDelivered(store, "acme", upTo(2), NOW, known);
    await markDelivered(store, "acme", [eventOf(1), eventOf(3)], NOW, known);
    expect(seqs((await historyOf(store)).events)).toEqual([1, 2, 3]);
  });

  it("gives way to an acknowledgement if its oldest row cannot be read", async () => {
    const store = await storeWith({ pending: upTo(2) });
    await store.put("sent/acme/00", "?", "absent");
    await accept(store, 1);
    await accept(store, 2);
    expect((await rowOf(store)).pending).toEqual([]);
    expect(seqs((await historyOf(store)).events)).toEqual([2]);
  });

  it("is read only of customers that had a delivery since then", async () => {
    const store = await storeWith({ pending: upTo(1) });
    await accept(store, 1);
    const row = await rowOf(store);
    const scan = () => Promise.reject(new Error("read"));
    expect(await loadHistory({ scan }, "acme", row, "2026-01-02T00:00:00.001Z")).toEqual({
      events: [],
      cutAt: undefined,
    });
    expect(seqs((await historyOf(store, "2026-01-02T01:00:00+01:00")).events)).toEqual([1]);
  });

  it("goes with a customer that is no longer watched, and with one in flight", async () => {
    const store = await storeWith({ pending: upTo(2) });
    await accept(store, 1);
    const known = await loadCustomer(store, "acme");
    await unwatchCustomer(store, "acme", { listed: false, drop: true, now: () => NOW });
    expect(await keys(store)).toEqual([]);
    await markDelivered(store, "acme", [eventOf(2)], NOW, known);
    expect(await keys(store)).toEqual([]);
  });
});

describe("a history that an earlier version left in the row", () => {
  const OLD = upTo(20).map((event) => ({ ...event, deliveredAt: EARLIER }));
  const inside = { delivered: OLD, deliveredCutAt: "2025-12-31T00:00:00.000Z" };
  const expectMoved = (row: CustomerRow) => {
    expect(row).not.toHaveProperty("delivered");
    expect(row).not.toHaveProperty("deliveredCutAt");
  };

  it("is read where it is", async () => {
    const store = await storeWith(inside);
    expect(await historyOf(store)).toEqual({ events: OLD, cutAt: "2025-12-31T00:00:00.000Z" });
    expect((await historyOf(store, AT)).events).toEqual([]);
  });

  it("moves with the next acknowledgement and loses no event", async () => {
    const store = await storeWith({ ...inside, pending: [eventOf(21)] });
    await accept(store, 21);
    const row = await rowOf(store);
    expectMoved(row);
    expect(row.history).toEqual({ writes: 2, lastAt: AT });
    expect(row.fullUntil).toBe("2025-12-31T00:00:00.000Z");
    const { events, cutAt } = await historyOf(store);
    expect(seqs(events)).toEqual(Array.from({ length: 21 }, (_, index) => index + 1));
    expect(cutAt).toBe("2025-12-31T00:00:00.000Z");
  });

  it("moves with the next read that changes the row", async () => {
    const store = await storeWith(inside);
    const before = await loadCustomer(store, "acme");
    if (!before) throw new Error("no row");
    expect(await commitRow(store, "acme", before, { ...before.value, seq: 1001 })).toBe("stored");
    const row = await rowOf(store);
    expectMoved(row);
    expect(row).toMatchObject({ seq: 1001, history: { writes: 1, lastAt: EARLIER } });
    expect((await historyOf(store)).events).toEqual(OLD);
  });
});

describe("fullUntil", () => {
  it("is when an acknowledgement made room for a customer that may have been held back", async () => {
    const store = await storeWith({ pending: upTo(498) });
    await accept(store, 1);
    expect((await rowOf(store)).fullUntil).toBe(AT);
    await accept(store, 2, NOW + 1);
    expect((await rowOf(store)).fullUntil).toBe(AT);
  });

  it("counts what an earlier version kept of its deliveries", async () => {
    const old = { ...eventOf(1), deliveredAt: EARLIER };
    const store = await storeWith({ pending: upTo(497), delivered: [old] });
    await accept(store, 1);
    expect((await rowOf(store)).fullUntil).toBe(AT);
  });

  it("comes back from the future at the next acknowledgement", async () => {
    const store = await storeWith({ pending: upTo(1), fullUntil: "2027-01-01T00:00:00.000Z" });
    await accept(store, 1);
    expect((await rowOf(store)).fullUntil).toBe(AT);
  });
});
