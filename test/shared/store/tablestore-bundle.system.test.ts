import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { build } from "esbuild";
import { afterEach, describe, expect, it } from "vitest";
import { bundleOptions } from "../../../shared/bundle/bundle.ts";
import { INSTANCE, KEY, TABLE } from "../../sandbox/tablestore/sandbox-store.ts";
import { startTablestore } from "../../sandbox/tablestore/tablestore.ts";

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** What runs in a process that knows nothing of this project but the one file. */
const PROGRAM = `
// In a function, as the SDK assigns to undeclared names such as "key", and a script's are global.
(async ([file, endpoint, key, instance, table]) => {
  const { accessKeyId, accessKeySecret, securityToken } = JSON.parse(key);
  const secret = (value) => ({ reveal: () => value });
  const { Agent } = require("node:http");
  const { openTablestoreStore } = require(file);
  const store = openTablestoreStore({
    target: { instance, table, endpoint },
    credentials: () => ({
      accessKeyId,
      accessKeySecret: secret(accessKeySecret),
      securityToken: secret(securityToken),
    }),
    agent: new Agent({ keepAlive: true }),
    newVersion: () => "version-" + Math.random(),
    random: Math.random,
    sleep: async () => {},
  });
  const said = [await store.put("c/a", "阿里云 👩‍👩‍👧‍👦", "absent"), await store.put("c/a", "2", "absent")];
  const row = await store.get("c/a");
  said.push(row.value, (await store.scan("", "", 5)).length, await store.get("c/b") ?? "none");
  said.push(await store.put("c/a", "2", row.version), await store.delete("c/a", row.version));
  said.push(await store.delete("c/a", (await store.get("c/a")).version));
  console.log(JSON.stringify(said));
})(process.argv.slice(1));
`;

describe("the bundle of the Tablestore adapter", () => {
  it("loads as CommonJS in a fresh process and keeps the contract there", async () => {
    const outdir = await mkdtemp(path.join(tmpdir(), "tablestore-bundle-"));
    closers.push(() => rm(outdir, { recursive: true }));
    const name = "store-tablestore";
    await build({
      ...bundleOptions(outdir),
      entryPoints: { [name]: "shared/store/tablestore.ts" },
    });
    const server = await startTablestore({
      instance: INSTANCE,
      credentials: [KEY],
      tables: [TABLE],
    });
    closers.push(() => server.close());
    const file = path.join(outdir, `${name}.js`);
    const { stdout } = await promisify(execFile)(process.execPath, [
      ...["-e", PROGRAM, file, server.url, JSON.stringify(KEY), INSTANCE, TABLE],
    ]);
    expect(JSON.parse(stdout)).toEqual([
      ...["stored", "conflict", "阿里云 👩‍👩‍👧‍👦", 1, "none", "stored", "conflict", "deleted"],
    ]);
  });
});
