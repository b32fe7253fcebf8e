import { StoreUnavailableError } from "../errors.ts";
import { claimStore } from "./identity.ts";
import { type OpenStoreDeps, openStore } from "./open-store.ts";
import { storeHosts } from "./tablestore-url.ts";

export type PreparedStore = {
  /** Names the host that answered, for the functions to use. */
  readonly storeUrl: string;
  readonly table: "created" | "exists" | undefined;
};

type PrepareDeps = OpenStoreDeps & { readonly monotonic: () => number };

/** A new table can be used after some seconds, at times a minute. */
const NEW_TABLE_MS = 40_000;
const PAUSE_MS = 1_000;

/**
 * Makes a store ready for its first use. A Tablestore instance has three hosts, and its network rules
 * decide which one this function reaches: the first that looks the table up is the one. A refusal is
 * no answer. The table is made if it is absent, and the store is claimed for this account and stage.
 *
 * @throws StoreUnavailableError with the reason of each host, StoreIdentityError
 */
export async function prepareStore(
  storeUrl: string,
  identity: string,
  deps: PrepareDeps,
  hostsOf = storeHosts,
): Promise<PreparedStore> {
  const { tablestore } = deps;
  if (!storeUrl.startsWith("tablestore:") || !tablestore) {
    await claimStore(await openStore(storeUrl, deps), identity);
    return { storeUrl, table: undefined };
  }
  const { agentFor, ...request } = tablestore;
  const { createTablestoreTable } = await import("./tablestore.ts");
  const reasons: string[] = [];
  for (const { target, url } of hostsOf(storeUrl)) {
    const agent = agentFor(new URL(target.endpoint));
    try {
      const table = await createTablestoreTable({ ...request, target, agent });
      await claimSoon(url, identity, deps, table === "created" ? NEW_TABLE_MS : 0);
      return { storeUrl: url, table };
    } catch (error) {
      if (!(error instanceof Error) || !("reason" in error)) throw error;
      const { host } = new URL(target.endpoint);
      reasons.push(`${host}: ${error.reason}`);
    }
  }
  throw new StoreUnavailableError("prepare", reasons.join(", "));
}

async function claimSoon(
  url: string,
  identity: string,
  deps: PrepareDeps,
  waitMs: number,
): Promise<void> {
  const givesUpAt = deps.monotonic() + waitMs;
  for (;;) {
    const store = await openStore(url, deps);
    try {
      await claimStore(store, identity);
      return;
    } catch (error) {
      if (!(error instanceof Error) || !("reason" in error)) throw error;
      if (deps.monotonic() >= givesUpAt) throw error;
    } finally {
      await store.close();
    }
    await deps.tablestore?.sleep(PAUSE_MS);
  }
}
