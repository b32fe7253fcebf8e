import pg from "pg";
import { createSqlStore, createSqlTable, type Query } from "./sql-store.ts";
import type { Store } from "./store.ts";

export type PostgresStoreOptions = {
  /** With the credentials. It is in no error and no log line. */
  readonly url: string;
  readonly newVersion: () => string;
  /**
   * In ms. With it, a connection that was idle for more than 10 s is replaced before use. Timers
   * stand still while an instance is frozen, so the pool's own limit is too late.
   */
  readonly now?: () => number;
};

const IDLE_MS = 10_000;

/**
 * The store on a PostgreSQL server, over at most two connections. The next call replaces a lost
 * one. Waiting for a connection ends after 5 s, a statement after 8 s on the server and 10 s here.
 * A write whose response was lost takes one more read.
 * @throws StoreUnavailableError if the server cannot be reached or refuses
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
  // Without a listener, the end of an idle connection would end the process.
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
    // The pool does not listen while a connection is lent. The statement's rejection says enough.
    const ignore = () => {};
    client.on("error", ignore);
    try {
      const { rows, rowCount } = await client.query<Record<string, unknown>>(text, [...params]);
      if (now) usedAt.set(client, now());
      client.release();
      return { rows, affected: rowCount ?? 0 };
    } catch (error) {
      // After a timeout the statement still occupies the connection.
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

// The driver's own timeouts and broken connections have no code, only a sentence.
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
