import { StoreUnavailableError } from "../errors.ts";
import { endOfPrefix } from "./key-range.ts";
import { settleDelete, settlePut } from "./lost-write.ts";
import type { Row, Store, Versioned } from "./store.ts";

/**
 * Runs one statement as a transaction of its own. A rejection may have a `code` (an SQLSTATE or the
 * driver's), and `neverSent: true` if the statement certainly did not leave this process.
 */
export type Query = (
  text: string,
  params: readonly unknown[],
) => Promise<{ rows: readonly Record<string, unknown>[]; affected: number }>;

export type SqlStoreDeps = {
  readonly query: Query;
  /** A token that no process ever used before. */
  readonly newVersion: () => string;
  readonly close: () => Promise<void>;
};

/** The one table of a store, in the first schema of the connection's search path. */
export const TABLE = "waba_numbers_rows";

const CREATE = `create table if not exists ${TABLE}
  (k text collate "C" primary key, v text not null, ver text not null)`;

// With two creators at once, the later one fails despite IF NOT EXISTS: on a unique index of the
// catalog, on the table or on its row type. Either way the table is there.
const CREATED_BY_ANOTHER = new Set(["23505", "42P07", "42710"]);

// The connection was gone before or while the statement ran, as after a server's restart. A read is
// tried again as often as a pool of two can hold dead connections. A timeout is not among them, as
// the caller's deadline may be near.
const CONNECTION_LOST = new Set(["ECONNRESET", "EPIPE", "57P01", "57P02", "57P03"]);

// Serialization failure and deadlock, under isolation levels that a database may prescribe. Both
// prove that the statement did nothing (PostgreSQL, 13.5), so it is tried again.
const ROLLED_BACK = new Set(["40001", "40P01"]);
const MAX_ROLLBACKS = 20;

/**
 * Makes sure that the table exists. It looks first, so that a role without the right to create
 * tables can use one that an administrator made.
 * @throws StoreUnavailableError
 */
export async function createSqlTable(query: Query): Promise<void> {
  try {
    const found = await query(`select to_regclass('${TABLE}')::text as name`, []);
    if (found.rows[0]?.name) return;
    await query(CREATE, []);
  } catch (error) {
    if (CREATED_BY_ANOTHER.has(reasonOf(error) ?? "")) return;
    throw unavailable("open", error);
  }
}

/**
 * The store contract as SQL for PostgreSQL, on a server or embedded. Every method throws
 * StoreUnavailableError with the driver's code as its reason. The driver's messages are dropped, as
 * they may hold addresses, user names and values.
 */
export function createSqlStore(deps: SqlStoreDeps): Store {
  const query: Query = async (text, params) => {
    for (let tries = 1; ; tries += 1) {
      try {
        return await deps.query(text, params);
      } catch (error) {
        if (tries === MAX_ROLLBACKS || !ROLLED_BACK.has(reasonOf(error) ?? "")) throw error;
      }
    }
  };

  const read: Query = async (text, params) => {
    for (let retries = 2; ; retries--) {
      try {
        return await query(text, params);
      } catch (error) {
        if (retries === 0 || !CONNECTION_LOST.has(reasonOf(error) ?? "")) throw error;
      }
    }
  };

  const find = async (key: string): Promise<Versioned | undefined> => {
    const { rows } = await read(`select v, ver from ${TABLE} where k = $1`, [key]);
    const row = rows[0];
    return row && { value: String(row.v), version: String(row.ver) };
  };

  return {
    async get(key) {
      return find(key).catch((error: unknown) => {
        throw unavailable("get", error);
      });
    },

    async put(key, value, expected, token = deps.newVersion()) {
      try {
        const { affected } =
          expected === "absent"
            ? await query(
                `insert into ${TABLE} (k, v, ver) values ($1, $2, $3) on conflict (k) do nothing`,
                [key, value, token],
              )
            : await query(`update ${TABLE} set v = $2, ver = $3 where k = $1 and ver = $4`, [
                key,
                value,
                token,
                expected,
              ]);
        return affected === 1 ? "stored" : "conflict";
      } catch (error) {
        if (isNeverSent(error)) throw unavailable("put", error);
        return settlePut(() => find(key), token, unavailable("put", error));
      }
    },

    async delete(key, expected) {
      try {
        const { affected } = await query(`delete from ${TABLE} where k = $1 and ver = $2`, [
          key,
          expected,
        ]);
        return affected === 1 ? "deleted" : "conflict";
      } catch (error) {
        if (isNeverSent(error)) throw unavailable("delete", error);
        return settleDelete(() => find(key), expected, unavailable("delete", error));
      }
    },

    async scan(prefix, after, limit) {
      const end = prefix && endOfPrefix(prefix);
      const text = `select k, v, ver from ${TABLE} where k >= $1 and k > $2
        ${end ? "and k < $4" : ""} order by k limit $3`;
      try {
        const params = [prefix, after, limit];
        const { rows } = await read(text, end ? [...params, end] : params);
        return rows.map(
          (row): Row => ({ key: String(row.k), value: String(row.v), version: String(row.ver) }),
        );
      } catch (error) {
        throw unavailable("scan", error);
      }
    },

    async close() {
      await deps.close().catch((error: unknown) => {
        throw unavailable("close", error);
      });
    },
  };
}

/** Keeps only the code of a driver's or system's error. */
export function unavailable(operation: string, error: unknown): StoreUnavailableError {
  return new StoreUnavailableError(operation, reasonOf(error));
}

// A driver could put anything into the field, so only what looks like a code passes.
function reasonOf(error: unknown): string | undefined {
  if (typeof error !== "object" || error === null || !("code" in error)) return undefined;
  const { code } = error;
  return typeof code === "string" && /^[A-Z0-9_]{1,40}$/.test(code) ? code : undefined;
}

function isNeverSent(error: unknown): boolean {
  return (
    typeof error === "object" && error !== null && "neverSent" in error && error.neverSent === true
  );
}
