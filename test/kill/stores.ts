import path from "node:path";
import pg from "pg";
import { SANDBOX_CREDENTIALS } from "../sandbox/environment.ts";
import { startTablestore } from "../sandbox/tablestore/tablestore.ts";
import type { StoreName } from "./options.ts";

export type OpenStore = { readonly name: StoreName; readonly url: string; close(): Promise<void> };

/** Makes an empty store for one trial, or returns why it cannot. */
export async function openStore(name: StoreName, folder: string): Promise<OpenStore | string> {
  switch (name) {
    case "pglite":
      return { name, url: `pglite:${path.join(folder, "store")}`, close: async () => undefined };
    case "postgres": {
      const server = process.env.TEST_POSTGRES_URL;
      return server ? openSchema(server) : "TEST_POSTGRES_URL is not set";
    }
    case "tablestore": {
      const server = await startTablestore({
        instance: "sandbox-1",
        credentials: [SANDBOX_CREDENTIALS],
        tables: ["waba_numbers"],
      });
      const url = `tablestore://sandbox-1.local/waba_numbers?endpoint=${server.url}`;
      return { name, url, close: () => server.close() };
    }
  }
}

async function openSchema(server: string): Promise<OpenStore> {
  const schema = `kill_${process.pid}`;
  const admin = new pg.Client(server);
  await admin.connect();
  await admin.query(`create schema ${schema}`);
  // The connection is idle for minutes. If the server ends it, the check continues.
  admin.on("error", () => {});
  const url = new URL(server);
  url.searchParams.set("options", `-c search_path=${schema}`);
  return {
    name: "postgres",
    url: url.href,
    async close() {
      await admin.query(`drop schema ${schema} cascade`);
      await admin.end();
    },
  };
}
