import { execFile } from "node:child_process";
import { cp, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import { fenced, ROOT } from "./readme.ts";

const inRoot = (name: string) => fileURLToPath(new URL(name, ROOT));
const FILES = ["receiver/verify.ts", "schemas/event.ts"];
const GIVEN = `declare const rawBody: Buffer;
declare const request: { readonly headers: Record<string, string> };
declare const lastSequence: string | undefined;
declare function alert(...facts: string[]): void;
`;

it("README's snippet for TypeScript compiles beside the two files that it names", async () => {
  const [snippet = "", ...others] = fenced("ts");
  expect(others).toEqual([]);
  const [, imports = "", body = ""] = /^(import [^\n]+\n)([\s\S]+)$/.exec(snippet) ?? [];
  const folder = await mkdtemp(path.join(tmpdir(), "waba-snippet-"));
  try {
    for (const file of FILES) await cp(inRoot(`shared/${file}`), path.join(folder, file));
    await symlink(inRoot("node_modules"), path.join(folder, "node_modules"));
    await writeFile(path.join(folder, "package.json"), '{ "type": "module" }');
    const receiver = `${imports}${GIVEN}export function receive(): void {\n${body}}\n`;
    await writeFile(path.join(folder, "receiver.ts"), receiver);
    const project = { extends: inRoot("tsconfig.json"), include: ["receiver.ts"], exclude: [] };
    await writeFile(path.join(folder, "tsconfig.json"), JSON.stringify(project));
    const tsc = inRoot("node_modules/typescript/bin/tsc");
    const run = promisify(execFile)(process.execPath, [tsc, "-p", folder]);
    const { stdout } = await run.catch(({ stdout: said }: { stdout: string }) => ({
      stdout: said,
    }));
    expect(stdout).toBe("");
  } finally {
    await rm(folder, { recursive: true });
  }
});
