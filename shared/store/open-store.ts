import { ConfigError } from "../errors.ts";
import type { Store } from "./store.ts";
import type { RequestOptions } from "./tablestore-requests.ts";
import { parseTablestoreUrl } from "./tablestore-url.ts";

export type OpenStoreDeps = {
  /** A random token of letters, digits, `-` and `_` that was never given before, by any process. */
  readonly newVersion: () => string;
  /** In ms; see PostgresStoreOptions. */
  readonly now?: () => number;
  /** What only Tablestore asks for; the other adapters are opened without. */
  readonly tablestore?: Pick<RequestOptions, "credentials" | "random" | "sleep"> & {
    readonly agentFor: (endpoint: URL) => RequestOptions["agent"];
  };
};

/**
 * Opens the store that a STORE_URL names. `memory:` and `memory:<name>` are one store each for the
 * whole process; `pglite:<folder>` is one database for the whole process.
 * @throws ConfigError, StoreInUseError, StoreUnavailableError. None holds the URL.
 */
export async function openStore(storeUrl: string, deps: OpenStoreDeps): Promise<Store> {
  const problem = storeUrlProblem(storeUrl);
  if (problem !== undefined) throw new ConfigError([{ path: "STORE_URL", message: problem }]);
  const scheme = storeUrl.slice(0, storeUrl.indexOf(":"));
  const rest = storeUrl.slice(scheme.length + 1);
  // Imported one by one: each adapter is a bundle of its own, and a cold start pays for one only.
  switch (scheme) {
    case "memory": {
      const { openMemoryStore } = await import("./memory.ts");
      return openMemoryStore({ ...deps, name: rest });
    }
    case "pglite": {
      const { openPgliteStore } = await import("./pglite.ts");
      return openPgliteStore({ ...deps, folder: rest });
    }
    case "postgres":
    case "postgresql": {
      const { openPostgresStore } = await import("./postgres.ts");
      return openPostgresStore({ ...deps, url: storeUrl });
    }
    default: {
      const target = parseTablestoreUrl(storeUrl);
      if (!target || !deps.tablestore) {
        throw new ConfigError([
          { path: "STORE_URL", message: "names Tablestore, which this command cannot open" },
        ]);
      }
      const { openTablestoreStore } = await import("./tablestore.ts");
      const { agentFor, ...request } = deps.tablestore;
      const agent = agentFor(new URL(target.endpoint));
      return openTablestoreStore({ ...request, newVersion: deps.newVersion, target, agent });
    }
  }
}

const FORMS =
  "must be memory:, pglite:<folder>, postgres://… or tablestore://INSTANCE.REGION/TABLE";

/**
 * Says what is wrong with a STORE_URL, in words that follow its name and hold nothing of it;
 * undefined when it can be opened. It looks at the text only.
 */
export function storeUrlProblem(url: string): string | undefined {
  if (/^memory:[\w-]*$/.test(url) || /^pglite:[^\0]+$/.test(url)) return undefined;
  if (parseTablestoreUrl(url)) return undefined;
  if (!/^postgres(ql)?:\/\//.test(url) || !URL.canParse(url)) return FORMS;
  // The driver decodes these and would fail with an error that holds the whole URL.
  const { username, password, pathname, search } = new URL(url);
  try {
    for (const part of [username, password, pathname, search]) decodeURIComponent(part);
    return undefined;
  } catch {
    return "must have every % in its user name, password and database written as %25";
  }
}
