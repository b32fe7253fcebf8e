import pg from "pg";
import { createSqlStore, createSqlTable, type Query } from "./sql-store.ts";
import type { Store } from "./store.ts";

export type PostgresStoreOptions = {
  /** With the credentials; it goes to the driver and into no error or log line. */
  readonly url: string;
  readonly newVersion: () => string;
  /**
   * In ms. With it a connection that lay idle for more than 10 s is replaced before use: timers
   * stand still while a function instance is frozen, so the pool's own idle limit comes too late.
   */
  readonly now?: () => number;
};

const IDLE_MS = 10_000;

/**
 * The store on a PostgreSQL server, over at most two connections. Lost connections are replaced at
 * the next call. Waiting for a connection ends after 5 s, a statement after 8 s on the server and
 * 10 s here; a write whose answer was lost takes the time of one more read.
 * @throws StoreUnavailableError when the server cannot be reached or refuses.
 */
export async function openPostgresStore(options: PostgresStoreOptions): Promise<Store> {
  const { now } = options;
  const pool = new pg.Pool({
    connectionString: options.url,
    application_name: "waba-numbers",
    max: 2,
    connectionTimeoutMillis: 5_000,
    statement_timeout: 8_000,
    query_timeout: 10_000,
    idleTimeoutMillis: IDLE_MS,
    keepAlive: true,
    allowExitOnIdle: true,
  });
  // Without a listener the end of an idle connection ends the process; the pool has dropped it.
  pool.on("error", () => {});

  const usedAt = new WeakMap<pg.PoolClient, number>();
  const checkOut = async (): Promise<pg.PoolClient> => {
    for (;;) {
      const client = await pool.connect();
      const idleMs = now ? now() - (usedAt.get(client) ?? now()) : 0;
      if (idleMs <= IDLE_MS) return client;
      client.release(true);
    }
  };

  const query: Query = async (text, params) => {
    const client = await checkOut().catch((error: unknown) => {
      throw failure(error, true);
    });
    // The pool stops listening while a connection is lent; the statement's rejection tells enough.
    const ignore = () => {};
    client.on("error", ignore);
    try {
      const { rows, rowCount } = await client.query<Record<string, unknown>>(text, [...params]);
      if (now) usedAt.set(client, now());
      client.release();
      return { rows, affected: rowCount ?? 0 };
    } catch (error) {
      // After a timeout the statement still occupies the connection, so it is not lent again.
      client.release(true);
      throw failure(error, false);
    } finally {
      client.off("error", ignore);
    }
  };

  let closed: Promise<void> | undefined;
  const close = () => {
    closed ??= pool.end();
    return closed;
  };

  try {
    await createSqlTable(query);
  } catch (error) {
    await close();
    throw error;
  }
  return createSqlStore({ query, newVersion: options.newVersion, close });
}

// The driver gives its own timeouts and broken connections no code, only a sentence.
function failure(error: unknown, neverSent: boolean): Error {
  const { code, message } = error as { code?: unknown; message?: unknown };
  const text = String(message);
  const driverCode = /time(d )?out/.test(text)
    ? "ETIMEDOUT"
    : /terminated|not queryable|closed/.test(text)
      ? "ECONNRESET"
      : undefined;
  return Object.assign(new Error("query failed"), { code: code ?? driverCode, neverSent });
}
