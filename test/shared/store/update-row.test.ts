import { randomUUID } from "node:crypto";
import { beforeEach, describe, expect, it } from "vitest";
import * as z from "zod/mini";
import { StoreUnavailableError } from "../../../shared/errors.ts";
import { createMemoryStore } from "../../../shared/store/memory.ts";
import { readRow } from "../../../shared/store/rows.ts";
import type { Store } from "../../../shared/store/store.ts";
import { type RowChange, updateRow } from "../../../shared/store/update-row.ts";

const schema = z.looseObject({ schema: z.number(), count: z.number() });
type Row = z.infer<typeof schema>;

let store: Store;
beforeEach(() => {
  store = createMemoryStore({ newVersion: randomUUID });
});

const row = (count: number): Row => ({ schema: 1, count });
const write = (count: number) => store.put("k", JSON.stringify(row(count)), "absent");
const stored = async () => (await store.get("k"))?.value;
const plusOne = (before: Row | undefined): RowChange<Row> => ({
  put: { ...before, ...row((before?.count ?? 0) + 1) },
});

/** A store in which another writer adds 10 before each of the first writes. */
function contendedStore(conflicts: number) {
  let left = conflicts;
  const interfere = async () => {
    if (left === 0) return;
    left -= 1;
    const known = await store.get("k");
    const next = row((known ? (JSON.parse(known.value) as Row).count : 0) + 10);
    await store.put("k", JSON.stringify(next), known?.version ?? "absent");
  };
  return {
    ...store,
    put: async (...given: Parameters<Store["put"]>) => {
      await interfere();
      return store.put(...given);
    },
    delete: async (...given: Parameters<Store["delete"]>) => {
      await interfere();
      return store.delete(...given);
    },
  };
}

describe("updateRow", () => {
  it("stores the first row of a key", async () => {
    expect(await updateRow(store, "k", schema, plusOne)).toEqual({
      outcome: "stored",
      before: undefined,
      row: row(1),
    });
    expect(await stored()).toBe('{"schema":1,"count":1}');
  });

  it("changes a stored row and keeps the keys that its schema does not name", async () => {
    await store.put("k", '{"schema":1,"count":1,"later":{"x":1}}', "absent");
    await updateRow(store, "k", schema, plusOne);
    expect(await stored()).toBe('{"schema":1,"count":2,"later":{"x":1}}');
  });

  it("writes nothing for a row that is kept", async () => {
    await write(1);
    const before = await store.get("k");
    expect(await updateRow(store, "k", schema, () => "keep")).toEqual({
      outcome: "kept",
      before: row(1),
      row: row(1),
    });
    expect(await store.get("k")).toEqual(before);
  });

  it("deletes a row", async () => {
    await write(1);
    const update = await updateRow(store, "k", schema, () => "delete");
    expect(update).toEqual({ outcome: "deleted", before: row(1), row: undefined });
    expect(await stored()).toBeUndefined();
  });

  it("has nothing to delete where there is no row", async () => {
    const update = await updateRow(store, "k", schema, () => "delete");
    expect(update).toEqual({ outcome: "kept", before: undefined, row: undefined });
  });

  it.each<[string, number | undefined]>([
    ["changes", 1],
    ["creates", undefined],
  ])("decides again on the newer row when another writer %s it first", async (_what, count) => {
    if (count !== undefined) await write(count);
    const update = await updateRow(contendedStore(2), "k", schema, plusOne);
    expect(update.outcome).toBe("stored");
    expect(update.before).toEqual(row((count ?? 0) + 20));
    expect(await stored()).toBe(JSON.stringify(row((count ?? 0) + 21)));
  });

  it("decides again before it deletes a row that another writer has changed", async () => {
    await write(1);
    const update = await updateRow(contendedStore(1), "k", schema, (before) =>
      before?.count === 1 ? "delete" : "keep",
    );
    expect(update).toEqual({ outcome: "kept", before: row(11), row: row(11) });
  });

  it("serves 100 writers at once", async () => {
    await Promise.all(Array.from({ length: 100 }, () => updateRow(store, "k", schema, plusOne)));
    expect(await stored()).toBe('{"schema":1,"count":100}');
  });

  it("gives up after 100 conflicts", async () => {
    const decided: (number | undefined)[] = [];
    const update = updateRow(contendedStore(1_000), "k", schema, (before) => {
      decided.push(before?.count);
      return plusOne(before);
    });
    await expect(update).rejects.toMatchObject({ code: "ERR_STORE", reason: "CONTENDED" });
    expect(decided).toHaveLength(100);
    expect(decided.at(-1)).toBe(990);
  });

  it("passes on a lost answer, and a second call decides on what was stored", async () => {
    const losing = {
      ...store,
      put: async (...given: Parameters<Store["put"]>): Promise<never> => {
        await store.put(...given);
        throw new StoreUnavailableError("put", "timeout");
      },
    };
    const once = (before: Row | undefined) => (before ? "keep" : plusOne(before));
    await expect(updateRow(losing, "k", schema, once)).rejects.toMatchObject({
      code: "ERR_STORE",
      reason: "timeout",
    });
    expect(await updateRow(losing, "k", schema, once)).toMatchObject({ outcome: "kept" });
    expect(await stored()).toBe('{"schema":1,"count":1}');
  });

  it("leaves a row of a newer version alone", async () => {
    await store.put("k", '{"schema":2}', "absent");
    const update = updateRow(store, "k", schema, plusOne);
    await expect(update).rejects.toMatchObject({ code: "ERR_STORE_ROW", key: "k" });
    expect(await stored()).toBe('{"schema":2}');
  });
});

describe("updateRow of a row that the caller knows", () => {
  const reads: string[] = [];
  const counting = () => ({
    ...store,
    get: (key: string) => {
      reads.push(key);
      return store.get(key);
    },
  });
  beforeEach(() => {
    reads.length = 0;
  });

  it("reads nothing when the row is still the known one", async () => {
    await write(1);
    const known = await readRow(store, "k", schema);
    await updateRow(counting(), "k", schema, plusOne, { known });
    expect(reads).toEqual([]);
    expect(await stored()).toBe('{"schema":1,"count":2}');
  });

  it.each(["a version", "absence"])("reads the row once when %s is wrong", async (wrong) => {
    await write(1);
    const known = wrong === "absence" ? "absent" : { value: row(7), version: "old" };
    await updateRow(counting(), "k", schema, plusOne, { known });
    expect(reads).toEqual(["k"]);
    expect(await stored()).toBe('{"schema":1,"count":2}');
  });
});

describe("updateRow with a step before the write", () => {
  it("takes the step before each try, with the next and the earlier row", async () => {
    await write(1);
    const steps: unknown[] = [];
    const beforePut = async (next: Row, before: Row | undefined) => {
      steps.push([before?.count, next.count, await stored()]);
    };
    await updateRow(contendedStore(1), "k", schema, plusOne, { beforePut });
    expect(steps).toEqual([
      [1, 2, '{"schema":1,"count":1}'],
      [11, 12, '{"schema":1,"count":11}'],
    ]);
  });

  it("takes no step for a row that is too large to store", async () => {
    let steps = 0;
    const put = { ...row(1), text: "x".repeat(1_500_000) };
    const beforePut = async () => {
      steps += 1;
    };
    const update = updateRow(store, "k", schema, () => ({ put }), { beforePut });
    await expect(update).rejects.toMatchObject({ code: "ERR_CUSTOMER_TOO_LARGE" });
    expect(steps).toBe(0);
  });
});
