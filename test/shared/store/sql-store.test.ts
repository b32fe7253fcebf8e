import { inspect } from "node:util";
import { describe, expect, it } from "vitest";
import { createSqlStore, createSqlTable, type Query } from "../../../shared/store/sql-store.ts";

type Row = { k: string; v: string; ver: string };

/** A database of one row, and statements that can be cut off before or after they ran. */
function createLossyDatabase(first?: Row) {
  const state = { row: first, statements: [] as string[] };
  const losses: { moment: "before" | "after"; error: object; meanwhile?: () => void }[] = [];
  const run = (text: string, params: readonly unknown[]): Record<string, unknown>[] => {
    const [k, a, b, c] = params as string[];
    if (text.startsWith("select"))
      return [state.row].filter((row) => row?.k === k).map((row) => ({ ...row }));
    if (text.startsWith("insert") && state.row) return [];
    if (text.startsWith("update") && state.row?.ver !== c) return [];
    if (text.startsWith("delete") && state.row?.ver !== a) return [];
    state.row = text.startsWith("delete") ? undefined : { k: k ?? "", v: a ?? "", ver: b ?? "" };
    return [{}];
  };
  const query: Query = async (text, params) => {
    state.statements.push(text.slice(0, 6));
    const loss = losses.shift();
    if (loss?.moment === "before") {
      loss.meanwhile?.();
      throw loss.error;
    }
    const rows = run(text, params);
    if (!loss) return { rows, affected: rows.length };
    loss.meanwhile?.();
    throw loss.error;
  };
  let count = 0;
  const store = createSqlStore({
    query,
    newVersion: () => `token-${++count}`,
    close: async () => {},
  });
  return { state, losses, store };
}

const lost = (code?: string) =>
  Object.assign(new Error("at postgres://u:hunter2@db"), code ? { code } : {});
const OLD: Row = { k: "c/a", v: "old", ver: "v-old" };
const OTHER: Row = { k: "c/a", v: "other", ver: "v-other" };

describe("an SQL put whose response was lost", () => {
  it.each(["absent", "v-old"])("is stored when its own token is there (expected %s)", async (v) => {
    const { store, losses, state } = createLossyDatabase(v === "absent" ? undefined : OLD);
    losses.push({ moment: "after", error: lost("ECONNRESET") });
    expect(await store.put("c/a", "new", v)).toBe("stored");
    expect(state.row).toEqual({ k: "c/a", v: "new", ver: "token-1" });
  });

  it.each(["absent", "v-old"])("is unknown when nothing changed (expected %s)", async (v) => {
    const { store, losses } = createLossyDatabase(v === "absent" ? undefined : OLD);
    losses.push({ moment: "before", error: lost("ETIMEDOUT") });
    await expect(store.put("c/a", "new", v)).rejects.toMatchObject({
      code: "ERR_STORE",
      operation: "put",
      reason: "ETIMEDOUT",
    });
  });

  it.each(["before", "after"] as const)(
    "is unknown when the row is another's, whether it ran or not (%s)",
    async (moment) => {
      const { store, losses, state } = createLossyDatabase(OLD);
      const overwrite = () => {
        state.row = OTHER;
      };
      losses.push({ moment, error: lost("ECONNRESET"), meanwhile: overwrite });
      await expect(store.put("c/a", "new", "v-old")).rejects.toMatchObject({ code: "ERR_STORE" });
      expect(state.row).toEqual(OTHER);
    },
  );

  it("is unknown for its own reason when the row cannot be read either", async () => {
    const { store, losses } = createLossyDatabase(OLD);
    losses.push({ moment: "after", error: lost("ETIMEDOUT") });
    losses.push({ moment: "before", error: lost("ECONNREFUSED") });
    await expect(store.put("c/a", "new", "v-old")).rejects.toMatchObject({ reason: "ETIMEDOUT" });
  });

  it("is not looked for when the statement was never sent", async () => {
    const { store, losses, state } = createLossyDatabase(OLD);
    losses.push({
      moment: "before",
      error: Object.assign(lost("ECONNREFUSED"), { neverSent: true }),
    });
    await expect(store.put("c/a", "new", "v-old")).rejects.toMatchObject({ code: "ERR_STORE" });
    expect(state.statements).toEqual(["update"]);
  });
});

describe("an SQL delete whose response was lost", () => {
  it("is deleted when the row is gone", async () => {
    const { store, losses } = createLossyDatabase(OLD);
    losses.push({ moment: "after", error: lost("ECONNRESET") });
    expect(await store.delete("c/a", "v-old")).toBe("deleted");
  });

  it("is unknown when the expected version is still there", async () => {
    const { store, losses } = createLossyDatabase(OLD);
    losses.push({ moment: "before", error: lost("57014") });
    await expect(store.delete("c/a", "v-old")).rejects.toMatchObject({
      operation: "delete",
      reason: "57014",
    });
  });

  it("is a conflict when another version is there", async () => {
    const { store, losses } = createLossyDatabase(OTHER);
    losses.push({ moment: "before", error: lost("ECONNRESET") });
    expect(await store.delete("c/a", "v-old")).toBe("conflict");
  });
});

describe("an SQL read", () => {
  it("survives two dead connections, and not a third", async () => {
    const { store, losses } = createLossyDatabase(OLD);
    for (const code of ["57P01", "ECONNRESET"])
      losses.push({ moment: "before", error: lost(code) });
    expect(await store.get("c/a")).toEqual({ value: "old", version: "v-old" });
    for (const code of ["57P01", "ECONNRESET", "EPIPE"]) {
      losses.push({ moment: "before", error: lost(code) });
    }
    await expect(store.get("c/a")).rejects.toMatchObject({ operation: "get", reason: "EPIPE" });
  });

  it("is not repeated after a timeout or a refusal", async () => {
    const { store, losses, state } = createLossyDatabase(OLD);
    losses.push({ moment: "before", error: lost("ETIMEDOUT") });
    await expect(store.scan("c/", "", 1)).rejects.toMatchObject({ operation: "scan" });
    losses.push({ moment: "before", error: lost("42501") });
    await expect(store.get("c/a")).rejects.toMatchObject({ reason: "42501" });
    expect(state.statements).toEqual(["select", "select"]);
  });
});

describe("an error of the SQL store", () => {
  it("has no reason when the driver gave no code, and nothing of the driver's text", async () => {
    for (const code of [undefined, "see postgres://u:hunter2@db"]) {
      const { store, losses } = createLossyDatabase(OLD);
      losses.push({ moment: "before", error: lost(code) });
      const error = await store.get("c/a").catch((e: unknown) => e);
      expect(error).toMatchObject({ code: "ERR_STORE", reason: undefined });
      expect(inspect(error, { depth: 9, showHidden: true })).not.toContain("hunter2");
    }
  });
});

describe("making the SQL table", () => {
  const creating = (error?: object, there = false) => {
    const statements: string[] = [];
    const query: Query = async (text) => {
      statements.push(text.slice(0, 6));
      if (text.startsWith("create") && error) throw error;
      return { rows: [{ name: there ? "waba_numbers_rows" : null }], affected: 0 };
    };
    return { statements, done: createSqlTable(query) };
  };

  it.each(["23505", "42P07", "42710"])("accepts %s as another creator's success", async (code) => {
    await expect(creating(lost(code)).done).resolves.toBeUndefined();
  });

  it("needs no right to create when the table exists", async () => {
    const { statements, done } = creating(lost("42501"), true);
    await done;
    expect(statements).toEqual(["select"]);
  });

  it("fails to open the store for any other reason", async () => {
    await expect(creating(lost("42501")).done).rejects.toMatchObject({
      code: "ERR_STORE",
      operation: "open",
      reason: "42501",
    });
  });
});
