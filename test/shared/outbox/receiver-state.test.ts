import { beforeEach, describe, expect, it } from "vitest";
import {
  loadBreaker,
  loadBreakerOrOpen,
  receiverId,
  receiverKey,
  saveBreaker,
} from "../../../shared/outbox/receiver-state.ts";
import type { ReceiverRow } from "../../../shared/schemas/outbox-rows.ts";
import type { Store } from "../../../shared/store/store.ts";
import { createTestStore } from "../../support/memory-store.ts";

const SINCE = "2026-01-02T03:04:05.000Z";
const KEY = "ep/hook";

const aRow = (state: ReceiverRow["state"], more: Partial<ReceiverRow> = {}): ReceiverRow => ({
  schema: 1,
  state,
  step: 0,
  nextProbeAt: 0,
  since: SINCE,
  ...more,
});
const PAUSED = aRow("paused", { reason: "operator" });
const GONE = aRow("disabled", { reason: "410" });
const OPEN = aRow("open", { step: 2, nextProbeAt: 9_000, reason: "timeout" });

let store: Store;
let writes: number;

beforeEach(() => {
  writes = 0;
  const memory = createTestStore();
  store = {
    ...memory,
    async put(...args) {
      writes += 1;
      return memory.put(...args);
    },
  };
});

const stored = async () => JSON.parse((await store.get(KEY))?.value ?? "null");

/** A store in which another writer comes before the first write. */
const overtakenBy = (row: ReceiverRow): Store => {
  let isOver = false;
  return {
    ...store,
    async put(key, value, expected, version) {
      if (!isOver) {
        isOver = true;
        const known = await store.get(key);
        await store.put(key, JSON.stringify(row), known?.version ?? "absent");
      }
      return store.put(key, value, expected, version);
    },
  };
};

describe("saveBreaker", () => {
  it("stores a row if there is none, and over an open or closed one", async () => {
    expect(await saveBreaker(store, "hook", OPEN)).toEqual(OPEN);
    expect(await stored()).toEqual(OPEN);
    expect(await saveBreaker(store, "hook", aRow("closed"))).toEqual(aRow("closed"));
    expect(await stored()).toEqual(aRow("closed"));
  });

  it.each([
    ["a pause", PAUSED, aRow("closed")],
    ["a pause", PAUSED, OPEN],
    ["a 410", GONE, aRow("closed")],
    ["a 410", GONE, OPEN],
  ])("keeps and returns %s", async (_name, held, row) => {
    await store.put(KEY, JSON.stringify(held), "absent");
    writes = 0;
    expect(await saveBreaker(store, "hook", row)).toEqual(held);
    expect(await stored()).toEqual(held);
    expect(writes).toBe(0);
  });

  it.each([
    ["a pause", PAUSED],
    ["a 410", GONE],
  ])("keeps %s that is stored between its read and its write", async (_name, held) => {
    await store.put(KEY, JSON.stringify(OPEN), "absent");
    expect(await saveBreaker(overtakenBy(held), "hook", aRow("closed"))).toEqual(held);
    expect(await stored()).toEqual(held);
  });

  it("keeps a pause that is stored as the first row", async () => {
    expect(await saveBreaker(overtakenBy(PAUSED), "hook", OPEN)).toEqual(PAUSED);
    expect(await stored()).toEqual(PAUSED);
  });

  it("stores its row over one that another run stored first", async () => {
    expect(await saveBreaker(overtakenBy(aRow("closed")), "hook", OPEN)).toEqual(OPEN);
    expect(await stored()).toEqual(OPEN);
  });

  it("stores a 410 over a pause", async () => {
    await store.put(KEY, JSON.stringify(PAUSED), "absent");
    expect(await saveBreaker(store, "hook", GONE)).toEqual(GONE);
    expect(await stored()).toEqual(GONE);
  });
});

describe("loadBreaker", () => {
  it("returns the stored row, or a closed breaker if there is none", async () => {
    const fresh = await loadBreaker(store, "hook", Date.parse(SINCE));
    expect(fresh.row).toEqual(aRow("closed"));
    await store.put(KEY, JSON.stringify(PAUSED), "absent");
    expect((await loadBreaker(store, "hook", 0)).row).toEqual(PAUSED);
  });

  it("and saveBreaker refuse a row of a newer version", async () => {
    await store.put(KEY, JSON.stringify({ ...PAUSED, schema: 2 }), "absent");
    await expect(loadBreaker(store, "hook", 0)).rejects.toMatchObject({ code: "ERR_STORE_ROW" });
    await expect(saveBreaker(store, "hook", OPEN)).rejects.toMatchObject({ code: "ERR_STORE_ROW" });
  });
});

describe("receiverId", () => {
  it("is a hash that differs with every part of the address", () => {
    const names = ["https://h.example/a?key=s3cret", "https://h.example/a", "https://h.example/b"];
    const keys = names.map((text) => receiverKey(receiverId(new URL(text))));
    for (const key of keys) expect(key).toMatch(/^ep\/[0-9a-f]{32}$/);
    expect(new Set(keys).size).toBe(3);
  });
});

describe("loadBreakerOrOpen", () => {
  it("counts an unreadable row as open, and stores that, so that a probe decides", async () => {
    await store.put(KEY, "{", "absent");
    const { row } = await loadBreakerOrOpen(store, "hook", 5_000);
    expect(row).toMatchObject({ state: "open", nextProbeAt: 5_000, reason: "unreadable" });
    expect((await loadBreaker(store, "hook", 6_000)).row).toEqual(row);
  });

  it("loads a readable row as it is, and a missing one as closed", async () => {
    expect((await loadBreakerOrOpen(store, "hook", 0)).row.state).toBe("closed");
    await store.put(KEY, JSON.stringify(PAUSED), "absent");
    expect((await loadBreakerOrOpen(store, "hook", 0)).row).toEqual(PAUSED);
  });
});
