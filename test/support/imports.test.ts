import { describe, expect, it } from "vitest";
import { scanImports } from "./imports.ts";

describe("the scan of imports", () => {
  it.each([
    ['import { a } from "./a.ts";', ["load ./a.ts"]],
    ['import {\n  a,\n  type B as C,\n} from "../b/a.ts";', ["load ../b/a.ts"]],
    ['import type { A } from "./a.ts";', ["type ./a.ts"]],
    ['import { type A, type B } from "./a.ts";', ["type ./a.ts"]],
    ['import fs, { type Stats } from "node:fs";', ["load node:fs"]],
    ['import * as z from "zod/mini";', ["load zod/mini"]],
    ['import "./setup.ts";', ["load ./setup.ts"]],
    ['export { a } from "./a.ts";', ["load ./a.ts"]],
    ['export * from "./a.ts";', ["load ./a.ts"]],
    ['export type { A } from "./a.ts";', ["type ./a.ts"]],
    ['  const { a } = await import("./a.ts");', ["later ./a.ts"]],
    ['type A = typeof import("./a.ts");', ["type ./a.ts"]],
    ['/** @param {import("./plan.js").Plan} plan */', ["type ./plan.js"]],
    ['/** @import { Plan } from "./plan.js" */', ["type ./plan.js"]],
    ['const file = require.resolve("./a.cjs");', ["later ./a.cjs"]],
    ['const a = 1;\nexport const text = `from "./a.ts"`;', []],
    [
      'import { a } from "./a.ts";\nimport type { B } from "./b.ts";',
      ["load ./a.ts", "type ./b.ts"],
    ],
  ])("of %j", (source, expected) => {
    const found = scanImports(source).map(({ specifier, kind }) => `${kind} ${specifier}`);
    expect(found).toEqual(expected);
  });
});
