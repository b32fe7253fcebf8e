import pg from "pg";
import { StoreUnavailableError } from "../errors.ts";
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
  /** How many calls may be under way at once; 2 by default. */
  readonly connections?: number | undefined;
};

const IDLE_MS = 10_000;

/** PgBouncer refuses startup parameters that it does not know (pgbouncer#1074). */
const UNSUPPORTED_PARAMETER = "08P01";

/** What to do about the errors that a new installation meets. */
const REPAIRS: Readonly<Record<string, string>> = {
  "3D000": "The database that STORE_URL names does not exist. Create it, or correct the name.",
  "28P01": "The store refuses the password in STORE_URL. Correct the user name or the password.",
  "53300": "The store has no connection left. Raise its limit, or use a pooler.",
};

/**
 * The store on a PostgreSQL server, over at most as many connections as `connections` says. The next call replaces a lost
 * one. Waiting for a connection ends after 5 s, a statement after 8 s on the server and 10 s here.
 * A write whose response was lost takes one more read.
 * @throws StoreUnavailableError if the server cannot be reached or refuses
 */
export async function openPostgresStore(options: PostgresStoreOptions): Promise<Store> {
  try {
    return await openPool(options, { statement_timeout: 8_000 });
  } catch (error) {
    const reason = error instanceof StoreUnavailableError ? error.reason : undefined;
    if (reason === UNSUPPORTED_PARAMETER) return openPool(options, {});
    const repair = REPAIRS[reason ?? ""];
    throw repair === undefined ? error : Object.assign(error as Error, { message: repair });
  }
}

/** Through a pooler that refuses a limit on the server, the one on this side bounds a call. */
async function openPool(
  options: PostgresStoreOptions,
  limits: { readonly statement_timeout?: number },
): Promise<Store> {
  const { now } = options;
  const pool = new pg.Pool({
    connectionString: withoutAliases(options.url),
    application_name: "waba-numbers",
    max: options.connections ?? 2,
    connectionTimeoutMillis: 5_000,
    ...limits,
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

/** The driver takes these modes for verify-full, and prints a warning of many lines about them. */
function withoutAliases(url: string): string {
  if (/[?&]uselibpqcompat=true/.test(url)) return url;
  return url.replaceAll(/(?<=[?&]sslmode=)(prefer|require|verify-ca)(?=&|$)/g, "verify-full");
}

// The driver's own timeouts and broken connections have no code, only a sentence.
function failure(error: unknown, neverSent: boolean): Error {
  const { code, message } = error as { code?: unknown; message?: unknown };
  const text = String(message);
  const driverCode = /time(d )?out/.test(text)
    ? "ETIMEDOUT"
    : /terminated|not queryable|closed/.test(text)
      ? "ECONNRESET"
      : /does not support SSL/.test(text)
        ? "NO_TLS"
        : /^SASL/.test(text)
          ? "28P01"
          : undefined;
  return Object.assign(new Error("query failed"), { code: code ?? driverCode, neverSent });
}
