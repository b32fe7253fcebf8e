import path from "node:path";

/** `load` runs with the file, `later` when a line is reached, and of a `type` nothing runs. */
export type Import = { readonly specifier: string; readonly kind: "load" | "later" | "type" };

const STATEMENT = /^(?:import|export)(\s+type)?\s+([\w*\s{},$]+?)\s+from\s+"([^"]+)"/gm;
const SIDE_EFFECT = /^import\s+"([^"]+)"/gm;
const CALL = /(typeof\s+)?\bimport\(\s*"([^"]+)"\s*\)(\.[A-Z])?/g;
const REQUIRE = /\brequire(?:\.resolve)?\(\s*"([^"]+)"\s*\)/g;
const DOC_COMMENT = /@import\s+[\w*\s{},$]+?\s+from\s+"([^"]+)"/g;

/**
 * Every module that a source file names, types and JSDoc included. It reads text, not syntax: the
 * formatter starts each statement at a line's first column and quotes with `"`.
 */
export function scanImports(source: string): Import[] {
  const statements = [...source.matchAll(STATEMENT)].map(
    ([, type, names = "", specifier = ""]) => ({
      specifier,
      kind: type !== undefined || namesTypesOnly(names) ? ("type" as const) : ("load" as const),
    }),
  );
  const calls = [...source.matchAll(CALL)].map(([, type, specifier = "", member]) => ({
    specifier,
    kind: type !== undefined || member !== undefined ? ("type" as const) : ("later" as const),
  }));
  const all = (pattern: RegExp, kind: Import["kind"]) =>
    [...source.matchAll(pattern)].map(([, specifier = ""]) => ({ specifier, kind }));
  return [
    ...statements,
    ...calls,
    ...all(SIDE_EFFECT, "load"),
    ...all(REQUIRE, "later"),
    ...all(DOC_COMMENT, "type"),
  ];
}

/** `{ type A, type B }`: every name in the braces is marked as a type. */
function namesTypesOnly(names: string): boolean {
  const [, listed] = /^\{([\s\S]*)\}$/.exec(names) ?? [];
  return listed?.split(",").every((name) => /^\s*(type\s|$)/.test(name)) ?? false;
}

/** The path of an imported file in the project, or undefined for a package. */
export function resolveImport(file: string, specifier: string): string | undefined {
  if (!/^\.\.?\//.test(specifier)) return undefined;
  return path.posix.join(path.posix.dirname(file), specifier);
}
