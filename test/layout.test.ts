import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { expect, it } from "vitest";
import { resolveImport, scanImports } from "./support/imports.ts";

const ROOT = new URL("../", import.meta.url);
/** What only a test with `.system` in its name may load: it starts more than its own process. */
const SYSTEM = ["node:child_process", "node:worker_threads", "playwright-core", "pg"];

const UNIT_TESTS = readdirSync(new URL("test/", ROOT), { recursive: true, encoding: "utf8" })
  .map((name) => `test/${name.replaceAll(path.sep, "/")}`)
  .filter((name) => name.endsWith(".test.ts") && !name.endsWith(".system.test.ts"));

/** The packages that a file of test/ loads, by itself or through its like. */
function packagesOf(file: string, seen: Set<string>): string[] {
  if (seen.has(file) || !existsSync(new URL(file, ROOT))) return [];
  seen.add(file);
  const loaded = scanImports(readFileSync(new URL(file, ROOT), "utf8")).filter(
    ({ kind }) => kind === "load",
  );
  return loaded.flatMap(({ specifier }) => {
    const to = resolveImport(file, specifier);
    if (to === undefined) return [specifier];
    return to.startsWith("test/") ? packagesOf(to, seen) : [];
  });
}

it("a test that npm test runs loads nothing to start a process, a browser or a database with", () => {
  expect(UNIT_TESTS.length).toBeGreaterThan(80);
  const wrong = UNIT_TESTS.flatMap((file) =>
    packagesOf(file, new Set())
      .filter((name) => SYSTEM.includes(name))
      .map((name) => `${file} loads ${name}`),
  );
  expect(wrong).toEqual([]);
});

/** The store in a folder is for npm start, which needs the development dependencies anyway. */
const LOCAL_STORE = "@electric-sql/pglite";

/** The packages that a file and what it imports may load, at once or later. */
function everyPackageOf(file: string, seen: Set<string>): string[] {
  if (seen.has(file)) return [];
  seen.add(file);
  return scanImports(readFileSync(new URL(file, ROOT), "utf8")).flatMap(({ specifier, kind }) => {
    const to = resolveImport(file, specifier);
    if (to !== undefined) return everyPackageOf(to, seen);
    return kind === "type" || specifier.startsWith("node:") ? [] : [specifier];
  });
}

it("the operator's commands need no development dependency, but for the store in a folder", () => {
  const { dependencies, scripts } = JSON.parse(
    readFileSync(new URL("package.json", ROOT), "utf8"),
  ) as Record<"dependencies" | "scripts", Record<string, string>>;
  const [program = ""] = scripts.ctl?.split(" ") ?? [];
  const names = everyPackageOf("shared/ctl/ctl.ts", new Set([""])).map(
    (specifier) => /^(?:@[^/]+\/)?[^/]+/.exec(specifier)?.[0] ?? specifier,
  );
  const needed = [...new Set([program, ...names])].sort();
  expect(needed).toContain("pg");
  expect(needed.filter((name) => !(name in dependencies))).toEqual([LOCAL_STORE]);
});
