import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, it } from "vitest";

const TSC = fileURLToPath(new URL("../../../node_modules/typescript/bin/tsc", import.meta.url));
const PROJECT = fileURLToPath(new URL("browser", import.meta.url));

// They have the types of the browser and not of Node.js, so they are a project of their own.
it("the page's browser modules type-check", async () => {
  const run = promisify(execFile)(process.execPath, [TSC, "-p", PROJECT]);
  const { stdout } = await run.catch(({ stdout: said }: { stdout: string }) => ({ stdout: said }));
  expect(stdout).toBe("");
});
