import { randomUUID } from "node:crypto";
import type { Agent } from "node:http";
import { createAgent } from "../../../shared/http-agent.ts";
import { Secret } from "../../../shared/secret.ts";
import type { Credentials } from "../../../shared/signing/credentials.ts";
import type { Store } from "../../../shared/store/store.ts";
import { openTablestoreStore, type TablestoreOptions } from "../../../shared/store/tablestore.ts";
import { parseTablestoreUrl } from "../../../shared/store/tablestore-url.ts";
import { type SandboxTablestore, startTablestore } from "./tablestore.ts";

export const INSTANCE = "sandbox-1";
export const TABLE = "waba_numbers";
export const KEY = {
  accessKeyId: "LTAI-sandbox",
  accessKeySecret: "sandbox-secret-of-the-key",
  securityToken: "sandbox-sts-token",
};

export const toCredentials = (key: typeof KEY): Credentials => ({
  accessKeyId: key.accessKeyId,
  accessKeySecret: new Secret(key.accessKeySecret),
  securityToken: new Secret(key.securityToken),
});

/** The adapter's options for the stand-in at that address. Pauses take no time. */
export function optionsFor(
  serverUrl: string,
  overrides: Partial<TablestoreOptions> = {},
): TablestoreOptions & { readonly agent: Agent } {
  const target = parseTablestoreUrl(
    `tablestore://${INSTANCE}.local/${TABLE}?endpoint=${serverUrl}`,
  );
  if (!target) throw new Error("the stand-in has an address that no STORE_URL can name");
  return {
    target,
    credentials: () => toCredentials(KEY),
    agent: createAgent("http:", { maxIdleMs: 60_000, now: Date.now }),
    newVersion: randomUUID,
    random: () => 0.5,
    sleep: async () => {},
    ...overrides,
  };
}

export type SandboxStore = {
  readonly store: Store;
  readonly server: SandboxTablestore;
  close(): Promise<void>;
};

/** A stand-in with an empty table, and a store on it. */
export async function openSandboxStore(
  overrides: Partial<TablestoreOptions> = {},
): Promise<SandboxStore> {
  const server = await startTablestore({ instance: INSTANCE, credentials: [KEY], tables: [TABLE] });
  const options = optionsFor(server.url, overrides);
  const store = openTablestoreStore(options);
  return {
    store,
    server,
    async close() {
      await store.close();
      options.agent.destroy();
      await server.close();
    },
  };
}
