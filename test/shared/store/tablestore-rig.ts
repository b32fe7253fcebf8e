import { onTestFinished } from "vitest";
import type { TablestoreOptions } from "../../../shared/store/tablestore.ts";
import {
  INSTANCE,
  KEY,
  openSandboxStore,
  type SandboxStore,
} from "../../sandbox/tablestore/sandbox-store.ts";
import { type SandboxTablestore, startTablestore } from "../../sandbox/tablestore/tablestore.ts";

/** A stand-in with an empty table and a store on it, until the test ends. */
export async function openForTest(
  overrides: Partial<TablestoreOptions> = {},
): Promise<SandboxStore> {
  const opened = await openSandboxStore(overrides);
  onTestFinished(() => opened.close());
  return opened;
}

/** A stand-in with these tables only, by default none, until the test ends. */
export async function startForTest(tables: readonly string[] = []): Promise<SandboxTablestore> {
  const server = await startTablestore({ instance: INSTANCE, credentials: [KEY], tables });
  onTestFinished(() => server.close());
  return server;
}
