import { ConfigError } from "../errors.ts";
import type { Store } from "./store.ts";
import { STORES, storeOf } from "./stores.ts";
import type { RequestOptions } from "./tablestore-requests.ts";
import { parseTablestoreUrl } from "./tablestore-url.ts";

export type OpenStoreDeps = {
  /** A random token of letters, digits, `-` and `_` that no process ever used before. */
  readonly newVersion: () => string;
  /** In ms, for PostgresStoreOptions. */
  readonly now?: () => number;
  /** For PostgresStoreOptions. */
  readonly connections?: number;
  /** What only Tablestore needs. */
  readonly tablestore?: Pick<RequestOptions, "credentials" | "random" | "sleep"> & {
    readonly agentFor: (endpoint: URL) => RequestOptions["agent"];
  };
};

type StoreName = (typeof STORES)[number]["name"];
type Open = (url: string, deps: OpenStoreDeps) => Promise<Store>;

// Each adapter is a bundle of its own, so that a cold start loads only one.
const OPEN: Readonly<Record<StoreName, Open>> = {
  async memory(url, deps) {
    const { openMemoryStore } = await import("./memory.ts");
    return openMemoryStore({ ...deps, name: afterScheme(url) });
  },
  async pglite(url, deps) {
    const { openPgliteStore } = await import("./pglite.ts");
    return openPgliteStore({ ...deps, folder: afterScheme(url) });
  },
  async postgres(url, deps) {
    const { openPostgresStore } = await import("./postgres.ts");
    return openPostgresStore({ ...deps, url });
  },
  async tablestore(url, { newVersion, tablestore }) {
    const target = parseTablestoreUrl(url);
    if (!target || !tablestore) throw refusal("names Tablestore, which this command cannot open");
    const { openTablestoreStore } = await import("./tablestore.ts");
    const { agentFor, ...request } = tablestore;
    const agent = agentFor(new URL(target.endpoint));
    return openTablestoreStore({ ...request, newVersion, target, agent });
  },
};

/**
 * Opens the store that a STORE_URL names. `memory:` and `memory:<name>` are one store each for the
 * whole process, and `pglite:<folder>` is one database for the whole process.
 * @throws ConfigError, StoreInUseError, StoreUnavailableError. None holds the URL.
 */
export async function openStore(storeUrl: string, deps: OpenStoreDeps): Promise<Store> {
  const problem = storeUrlProblem(storeUrl);
  const found = storeOf(storeUrl);
  if (problem !== undefined || !found) throw refusal(problem ?? "names no store");
  return OPEN[found.name](storeUrl, deps);
}

/**
 * What is wrong with the text of a STORE_URL, in words that follow its name and hold nothing of it.
 * Undefined if it can be opened.
 */
export function storeUrlProblem(url: string): string | undefined {
  const name = storeOf(url)?.name;
  const isRight = name === "tablestore" ? parseTablestoreUrl(url) : name && URL.canParse(url);
  if (!isRight) {
    const forms = STORES.map(({ form }) => form).join(", ");
    return `must be ${forms.replace(/, (?=[^,]*$)/, " or ")}`;
  }
  return name === "postgres" ? postgresProblem(new URL(url)) : undefined;
}

function postgresProblem(url: URL): string | undefined {
  return percentProblem(url) ?? (isEncrypted(url) ? undefined : NOT_ENCRYPTED);
}

const NOT_ENCRYPTED =
  "must end with ?sslmode=verify-full, or with ?sslmode=disable for a network that you trust";

/** A socket's path, or this machine. 127.999.0.1 is no address, and a resolver would look it up. */
const LOOPBACK = /^(\/|127(\.(1?\d?\d|2[0-4]\d|25[0-5])){3}$|localhost$|\[?::1\]?$)/i;

/**
 * The driver sends passwords and rows in clear text by default, and other modes do not prove whose
 * server it is. It takes the last of several equal parameters, and `host` wins over the URL's own.
 */
function isEncrypted({ hostname, searchParams }: URL): boolean {
  const last = (name: string) => searchParams.getAll(name).at(-1);
  const host = last("host") || decodeURIComponent(hostname);
  if (LOOPBACK.test(host)) return true;
  return /^(verify-full|disable)$/.test(last("sslmode") ?? "");
}

/** The driver decodes these parts, and would fail with an error that holds the whole URL. */
function percentProblem({ username, password, pathname, search }: URL): string | undefined {
  try {
    for (const part of [username, password, pathname, search]) decodeURIComponent(part);
    return undefined;
  } catch {
    return "must have every % in its user name, password and database written as %25";
  }
}

function afterScheme(url: string): string {
  return url.slice(url.indexOf(":") + 1);
}

function refusal(message: string): ConfigError {
  return new ConfigError([{ path: "STORE_URL", message }]);
}
