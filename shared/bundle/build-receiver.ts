import { execFile } from "node:child_process";
import { copyFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const inRoot = (name: string) => fileURLToPath(new URL(`../../${name}`, import.meta.url));

/**
 * What a receiver copies, as JavaScript with types and with the licence, into a folder that is made
 * if need be.
 */
export async function buildReceiver(folder: string): Promise<void> {
  await promisify(execFile)(process.execPath, [
    inRoot("node_modules/typescript/bin/tsc"),
    ...["--ignoreConfig", inRoot("shared/receiver/verify.ts"), "--outDir", folder, "--declaration"],
    ...["--module", "nodenext", "--target", "es2022", "--types", "node"],
  ]);
  const facts = { type: "module", main: "verify.js", types: "verify.d.ts" };
  await writeFile(path.join(folder, "package.json"), `${JSON.stringify(facts)}\n`);
  await copyFile(inRoot("LICENSE"), path.join(folder, "LICENSE"));
}
