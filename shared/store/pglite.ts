import { chmod, mkdir, readdir, realpath, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { PGlite } from "@electric-sql/pglite";
import { ConfigError, isAppError } from "../errors.ts";
import { acquireFolderLock, machineProcesses, type Processes } from "./folder-lock.ts";
import { createSqlStore, createSqlTable, type Query, TABLE, unavailable } from "./sql-store.ts";
import type { Store } from "./store.ts";

export type PgliteStoreOptions = {
  /** Made if it is missing, with its parents. The lock file `<folder>.lock` lies beside it. */
  readonly folder: string;
  readonly newVersion: () => string;
  readonly processes?: Processes;
  readonly load?: () => Promise<{ readonly PGlite: typeof PGlite }>;
};

type Database = { readonly query: Query; close(): Promise<void> };
type Shared = { handles: number; readonly database: Promise<Database> };

const opened = new Map<string, Shared>();
const closing = new Map<string, Promise<void>>();

// PGlite has no background process that removes dead rows or bounds the log. Measured: 20 MB per
// thousand 15 KB writes without upkeep, 30 ms for each upkeep.
const WRITES_PER_UPKEEP = 1_000;

/**
 * The store in a PostgreSQL that runs inside this process, with its files in one folder. All
 * handles of this process on a folder share one database, closed with the last of them. An
 * acknowledged write survives kill -9, but not a power cut, because PGlite does not sync its files.
 * @throws StoreInUseError while another living process holds the folder
 * @throws ConfigError if PGlite is not installed, or the folder holds something else
 * @throws StoreUnavailableError if the folder cannot be used
 */
export async function openPgliteStore(options: PgliteStoreOptions): Promise<Store> {
  try {
    // It holds phone numbers, and others use the machine too.
    await mkdir(options.folder, { recursive: true, mode: 0o700 });
    const folder = await realpath(options.folder);
    while (closing.has(folder)) await closing.get(folder);
    const shared = opened.get(folder) ?? { handles: 0, database: start(folder, options) };
    opened.set(folder, shared);
    shared.handles++;
    const store = createSqlStore(handle(folder, shared, await opening(folder, shared), options));
    // Only now is it known to be a store's folder. That of an earlier version was readable by all.
    await chmod(folder, 0o700).catch(() => undefined);
    return store;
  } catch (error) {
    throw isAppError(error) ? error : unavailable("open", error);
  }
}

async function opening(folder: string, shared: Shared): Promise<Database> {
  try {
    return await shared.database;
  } catch (error) {
    if (opened.get(folder) === shared) opened.delete(folder);
    throw error;
  }
}

function handle(folder: string, shared: Shared, database: Database, options: PgliteStoreOptions) {
  let closed: Promise<void> | undefined;
  const close = async () => {
    shared.handles--;
    if (shared.handles > 0) return;
    opened.delete(folder);
    const end = database.close().finally(() => closing.delete(folder));
    closing.set(folder, end);
    await end;
  };
  return {
    query: database.query,
    newVersion: options.newVersion,
    close: () => {
      closed ??= close();
      return closed;
    },
  };
}

async function start(folder: string, options: PgliteStoreOptions): Promise<Database> {
  const { PGlite } = await (options.load ?? (() => import("@electric-sql/pglite")))().catch(() => {
    throw configError("needs the package @electric-sql/pglite: install it, or use another store");
  });
  const lock = await acquireFolderLock({
    path: `${folder}.lock`,
    token: options.newVersion().replaceAll(/[^\w-]/g, "_"),
    processes: options.processes ?? machineProcesses,
  });
  try {
    const { finished } = await prepare(folder);
    const pglite = await PGlite.create({ dataDir: folder, relaxedDurability: false });
    try {
      const query = withUpkeep(pglite);
      await createSqlTable(query);
      await finished();
      const close = () => pglite.close().finally(() => lock.release());
      return { query, close };
    } catch (error) {
      await pglite.close();
      throw error;
    }
  } catch (error) {
    await lock.release();
    throw error;
  }
}

/**
 * A database whose creation was cut off cannot be opened and holds nothing yet. A note beside the
 * folder marks it until the first write, so that no other folder is emptied.
 */
async function prepare(folder: string): Promise<{ finished(): Promise<void> }> {
  const note = `${folder}.unfinished`;
  const files = await readdir(folder);
  const wasCutOff = await readdir(dirname(folder)).then((all) => all.includes(basename(note)));
  if (files.includes("PG_VERSION") && !wasCutOff) return { finished: async () => {} };
  if (files.length > 0 && !wasCutOff) {
    throw configError("names a folder with other files in it: name an empty or a new one");
  }
  await writeFile(note, "");
  await Promise.all(files.map((file) => rm(join(folder, file), { recursive: true, force: true })));
  return { finished: () => rm(note) };
}

function withUpkeep(pglite: PGlite): Query {
  let writes = 0;
  return async (text, params) => {
    const { rows, affectedRows } = await pglite.query<Record<string, unknown>>(text, [...params]);
    const affected = affectedRows ?? 0;
    writes += affected;
    if (writes >= WRITES_PER_UPKEEP) {
      writes = 0;
      // The write is done, even if the upkeep fails.
      await pglite.query(`vacuum ${TABLE}`).catch(() => {});
      await pglite.query("checkpoint").catch(() => {});
    }
    return { rows, affected };
  };
}

function configError(message: string): ConfigError {
  return new ConfigError([{ path: "STORE_URL", message }]);
}
