import { randomUUID } from "node:crypto";
import { beforeEach, describe, expect, it } from "vitest";
import { recordAddIntent } from "../../../shared/customers/add-intent.ts";
import { StoreUnavailableError } from "../../../shared/errors.ts";
import { createMemoryStore } from "../../../shared/store/memory.ts";
import type { Store } from "../../../shared/store/store.ts";

/** 2026-01-02T03:04:05Z */
const NOW = 1_767_323_045_000;
const NUMBER = { cc: "49", national: "15112345678" };
const OTHER = { cc: "49", national: "15112345679" };

let store: Store;
beforeEach(() => {
  store = createMemoryStore({ newVersion: randomUUID });
});

const record = (id: string, number = NUMBER, now = NOW) =>
  recordAddIntent(store, "acme", number, id, now);

async function read(key: string) {
  const row = await store.get(key);
  return row && JSON.parse(row.value);
}

async function write(key: string, row: object): Promise<void> {
  const before = await store.get(key);
  await store.put(key, JSON.stringify(row), before?.version ?? "absent");
}

const ADDED = { cc: "49", addedAt: "2026-01-02T03:04:05.000Z" };
const KEY = "4915112345678";
const OTHER_KEY = "4915112345679";
const added = (adds: Readonly<Record<string, readonly string[]>>) =>
  Object.fromEntries(Object.entries(adds).map(([key, ids]) => [key, { ...ADDED, adds: ids }]));
const BARE = { schema: 1, seq: NOW, numbers: {}, pending: [] };
const NUMBERS = { "49301": { fields: { status: "CONNECTED" }, observedAt: "2026" } };

describe("recordAddIntent", () => {
  it("stores a row that names the add, and puts the number into the priority lane", async () => {
    await record("a");
    const onboarding = added({ [KEY]: ["a"] });
    expect(await read("c/acme")).toEqual({ ...BARE, addIntents: ["a"], onboarding });
    expect(await read("hot/acme")).toEqual({ schema: 1, addedAt: NOW });
  });

  it("leaves the row of a customer that stands on its own as it was", async () => {
    await write("c/acme", { ...BARE, numbers: NUMBERS });
    const intent = await record("a");
    await intent.undo();
    expect(await read("c/acme")).toEqual({ ...BARE, numbers: NUMBERS });
    expect(await read("hot/acme")).toBeUndefined();
  });

  it("keeps keys of the row that its schema does not name", async () => {
    await write("c/acme", { ...BARE, addIntents: ["a"], later: { x: 1 } });
    await record("b");
    const onboarding = added({ [KEY]: ["b"] });
    const addIntents = ["a", "b"];
    expect(await read("c/acme")).toEqual({ ...BARE, addIntents, later: { x: 1 }, onboarding });
  });

  it("removes the row with its last intent", async () => {
    const [a, b] = [await record("a"), await record("b", OTHER)];
    await a.undo();
    const onboarding = added({ [OTHER_KEY]: ["b"] });
    expect(await read("c/acme")).toEqual({ ...BARE, addIntents: ["b"], onboarding });
    expect(await read("hot/acme")).toBeDefined();
    await b.undo();
    expect(await store.scan("", "", 10)).toEqual([]);
  });

  it("keeps a row for which a read has found numbers", async () => {
    const intent = await record("a");
    await write("c/acme", { ...BARE, numbers: NUMBERS });
    await intent.undo();
    expect(await read("c/acme")).toEqual({ ...BARE, numbers: NUMBERS });
  });

  it("keeps a row with pending events", async () => {
    const intent = await record("a");
    const pending = [{ id: "e", seq: NOW + 1, type: "whatsapp.watch.stale", body: "{}" }];
    await write("c/acme", { ...BARE, pending, addIntents: ["a"] });
    await intent.undo();
    expect(await read("c/acme")).toEqual({ ...BARE, pending, addIntents: [] });
  });

  it("withdraws an intent only once", async () => {
    const a = await record("a");
    await a.undo();
    await record("b");
    await a.undo();
    const onboarding = added({ [KEY]: ["b"] });
    expect(await read("c/acme")).toEqual({ ...BARE, addIntents: ["b"], onboarding });
  });

  it("keeps the time at which a number was first added", async () => {
    await record("a");
    const again = await record("b", NUMBER, NOW + 60_000);
    await again.undo();
    expect((await read("c/acme")).onboarding).toEqual(added({ [KEY]: ["a"] }));
  });

  it("brings a removed customer back, and removes it again when the adds are refused", async () => {
    const removed = { ...BARE, seq: 77, numbers: NUMBERS, removedAt: "2026-01-01", later: 1 };
    await write("c/acme", removed);
    const [a, b] = [await record("a"), await record("b", OTHER)];
    const { removedAt, ...rest } = removed;
    expect(await read("c/acme")).toEqual({
      ...rest,
      addIntents: ["a", "b"],
      revivedFrom: removedAt,
      onboarding: added({ [KEY]: ["a"], [OTHER_KEY]: ["b"] }),
    });
    await a.undo();
    expect(await read("c/acme")).toEqual({
      ...rest,
      addIntents: ["b"],
      revivedFrom: removedAt,
      onboarding: added({ [OTHER_KEY]: ["b"] }),
    });
    await b.undo();
    expect(await read("c/acme")).toEqual(removed);
  });

  it("keeps a revived customer on the list once a read has found numbers", async () => {
    await write("c/acme", { ...BARE, removedAt: "2026-01-01" });
    const intent = await record("a");
    await write("c/acme", { ...BARE, numbers: NUMBERS });
    await intent.undo();
    expect(await read("c/acme")).toEqual({ ...BARE, numbers: NUMBERS });
  });

  it("loses no intent when many adds for one new customer meet", async () => {
    const names = Array.from({ length: 20 }, (_, n) => `i${n}`);
    const intents = await Promise.all(
      names.map((id, n) => record(id, { cc: "49", national: `15100000${n + 10}` })),
    );
    expect((await read("c/acme")).addIntents.sort()).toEqual([...names].sort());
    expect(Object.keys((await read("c/acme")).onboarding)).toHaveLength(20);
    await Promise.all(intents.slice(1).map((intent) => intent.undo()));
    expect((await read("c/acme")).addIntents).toEqual(["i0"]);
    expect(Object.keys((await read("c/acme")).onboarding)).toEqual(["491510000010"]);
  });

  it("leaves no row behind when the lane cannot be written", async () => {
    const failing: Store = {
      ...store,
      async put(key, value, expected, version) {
        if (key === "hot/acme") throw new StoreUnavailableError("put", "timeout");
        return store.put(key, value, expected, version);
      },
    };
    await expect(recordAddIntent(failing, "acme", NUMBER, "a", NOW)).rejects.toMatchObject({
      code: "ERR_STORE",
      operation: "put",
    });
    expect(await store.scan("", "", 10)).toEqual([]);
  });

  it.each(["c/acme", "hot/acme"])(
    "leaves no row behind when the answer to the write of %s is lost",
    async (lost) => {
      let failures = 0;
      const failing: Store = {
        ...store,
        async put(key, value, expected, version) {
          const outcome = await store.put(key, value, expected, version);
          if (key !== lost || failures > 0) return outcome;
          failures += 1;
          throw new StoreUnavailableError("put", "timeout");
        },
      };
      await expect(recordAddIntent(failing, "acme", NUMBER, "a", NOW)).rejects.toMatchObject({
        code: "ERR_STORE",
      });
      expect(await store.get("c/acme")).toBeUndefined();
      expect(await read("hot/acme")).toBeUndefined();
    },
  );

  it("leaves another add's intent alone when its own fails", async () => {
    await record("a");
    const failing: Store = {
      ...store,
      async put(key, value, expected, version) {
        if (key === "c/acme" && value.includes('"b"')) throw new StoreUnavailableError("put");
        return store.put(key, value, expected, version);
      },
    };
    const other = recordAddIntent(failing, "acme", OTHER, "b", NOW);
    await expect(other).rejects.toMatchObject({ code: "ERR_STORE" });
    const onboarding = added({ [KEY]: ["a"] });
    expect(await read("c/acme")).toEqual({ ...BARE, addIntents: ["a"], onboarding });
  });

  it("refuses a newer row of the customer and leaves it alone", async () => {
    await write("c/acme", { schema: 9 });
    await expect(record("a")).rejects.toMatchObject({ code: "ERR_STORE_ROW", key: "c/acme" });
    expect((await store.scan("", "", 10)).map((row) => row.key)).toEqual(["c/acme"]);
  });

  it("needs no readable row of the lane, which costs freshness alone", async () => {
    await write("hot/acme", { schema: 9 });
    await record("a");
    expect((await read("c/acme")).onboarding).toEqual(added({ [KEY]: ["a"] }));
    expect(await read("hot/acme")).toEqual({ schema: 9 });
  });
});
