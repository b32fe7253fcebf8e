import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import path from "node:path";
import { buffer } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { type BuildOptions, build, type Metafile, type Plugin } from "esbuild";
import { FUNCTIONS } from "../functions.js";
import { STORES, storeOf } from "../store/stores.ts";
import { trim } from "./trim.ts";

const require = createRequire(import.meta.url);
const root = fileURLToPath(new URL("../..", import.meta.url));

/** Each store adapter is a file of its own, which only its users load. */
export const ADAPTER_ENTRIES = Object.fromEntries(
  STORES.map(({ name }) => [adapterOf(name), `shared/store/${name}.ts`]),
);

export const ENTRIES: Readonly<Record<string, string>> = {
  ...Object.fromEntries(FUNCTIONS.map(({ name }) => [name, `functions/${name}.ts`])),
  ...ADAPTER_ENTRIES,
};

const ADAPTERS = new Map(
  Object.entries(ADAPTER_ENTRIES).map(([name, file]) => [path.join(root, file), name]),
);

/**
 * esbuild cannot split CommonJS: the dynamic import of an adapter becomes a require of its own file.
 */
const separateAdapters: Plugin = {
  name: "separate-adapters",
  setup(build) {
    build.onResolve({ filter: /^\.\/[a-z-]+\.ts$/ }, ({ kind, path: request, resolveDir }) => {
      if (kind !== "dynamic-import") return undefined;
      const name = ADAPTERS.get(path.join(resolveDir, request));
      return name ? { path: `./${name}.js`, external: true } : undefined;
    });
  },
};

/**
 * Has the schemas that a function does not use left out, and so not built at its cold start either:
 * esbuild cannot know that building one changes nothing.
 */
const pureSchemas: Plugin = {
  name: "pure-schemas",
  setup(build) {
    build.onLoad({ filter: /[/\\]shared[/\\]schemas[/\\][a-z-]+\.ts$/ }, async ({ path: file }) => {
      const source = await readFile(file, "utf8");
      const contents = source.replace(/(?<![\w.$/])z\s*\.([a-z_]\w*)\(/g, "/* @__PURE__ */ z.$1(");
      return { contents, loader: "ts" };
    });
  },
};

/**
 * How everything is bundled: CommonJS for Node 20, as pop-core cannot be bundled as ESM.
 */
export function bundleOptions(outdir: string): BuildOptions {
  const replaced = ["httpx", "json-bigint", "kitx"].map((name) => [
    name,
    require.resolve(`../signing/replaced/${name}.cjs`),
  ]);
  return {
    absWorkingDir: root,
    entryPoints: ENTRIES,
    outdir,
    bundle: true,
    platform: "node",
    target: "node20",
    format: "cjs",
    minify: true,
    sourcemap: "external",
    legalComments: "none",
    // Optional or local only: the native binding is never installed and PGlite is not shipped.
    external: ["pg-native", "pg-cloudflare", "@electric-sql/pglite"],
    alias: Object.fromEntries(replaced),
    supported: { "dynamic-import": false },
    plugins: [separateAdapters, trim, pureSchemas],
    logLevel: "warning",
  };
}

/** The name of a store adapter's bundle, without `.js`. */
function adapterOf(store: string): string {
  return `store-${store}`;
}

const LICENCES = "LICENSES.txt";

/**
 * Writes every bundle, the file that makes them loadable, and the licences of what they hold. Answers
 * which source went into which.
 */
export async function buildInto(outdir: string): Promise<Metafile> {
  await mkdir(outdir, { recursive: true });
  const { metafile } = await build({ ...bundleOptions(outdir), metafile: true });
  // Without this file Node takes the bundles for ES modules, because the project is one, and finds
  // no handler in them.
  await writeFile(path.join(outdir, "package.json"), '{ "type": "commonjs" }\n');
  await writeFile(path.join(outdir, LICENCES), await licencesOf(metafile, Object.keys(ENTRIES)));
  return metafile;
}

/**
 * The licence texts of this project and of every package of which some code is in these bundles.
 *
 * @throws Error for a package with neither a text nor the licence that this project has as well
 */
async function licencesOf({ outputs }: Metafile, bundles: readonly string[]): Promise<string> {
  const inputs = Object.entries(outputs)
    .filter(([file]) => bundles.includes(path.basename(file, ".js")))
    .flatMap(([, output]) => Object.entries(output.inputs));
  const packages = inputs.flatMap(([file, { bytesInOutput }]) => {
    const [folder] = /^.*node_modules\/(@[^/]+\/)?[^/]+/.exec(file) ?? [];
    return folder && bytesInOutput > 0 ? [folder] : [];
  });
  const texts = ["", ...[...new Set(packages)].sort()].map(async (folder) => {
    const at = path.join(root, folder);
    const about = JSON.parse(await readFile(path.join(at, "package.json"), "utf8"));
    const file = (await readdir(at)).find((each) => /^licen[cs]e/i.test(each));
    const text = file ? await readFile(path.join(at, file), "utf8") : await mitOf(about);
    return `${about.name} ${about.version}\n\n${text.trim()}\n`;
  });
  return (await Promise.all(texts)).join(`\n${"-".repeat(80)}\n`);
}

type About = { readonly name: string; readonly license?: string; readonly author?: unknown };

/** The text of a package that names the MIT licence and does not hold it. */
async function mitOf({ name, license, author }: About): Promise<string> {
  if (license !== "MIT") throw new Error(`${name} has no licence text, and names ${license}`);
  const holder = typeof author === "string" ? author : (Object(author).name ?? `${name}'s authors`);
  const own = await readFile(path.join(root, "LICENSE"), "utf8");
  return own.replace(/^Copyright .*$/m, `Copyright (c) ${holder}`);
}

type Packed = {
  readonly key: string;
  /** The built file that holds the handler, without `.js`. */
  readonly file: string;
  readonly environment: Readonly<Record<string, string>>;
};

/**
 * Builds the bundles and packs one archive for each function: its bundle, the one store adapter that
 * its STORE_URL names, the file that calls them CommonJS, and licences. Source maps stay in `dist/`.
 *
 * @throws Error if a handler names a file that the build does not make
 */
export async function packageFunctions(
  functions: readonly Packed[],
  dist: string,
  archives: string,
): Promise<Map<string, Buffer>> {
  const metafile = await buildInto(dist);
  await mkdir(archives, { recursive: true });
  const packed = new Map<string, Buffer>();
  for (const { key, file, environment } of functions) {
    const store = storeOf(environment.STORE_URL ?? "");
    const bundles = [file, ...(store ? [adapterOf(store.name)] : [])];
    const names = ["package.json", ...bundles.map((name) => `${name}.js`)];
    const files = names.map(async (name) => ({
      name,
      content: await readFile(path.join(dist, name)),
    }));
    const licences = { name: LICENCES, content: Buffer.from(await licencesOf(metafile, bundles)) };
    const archive = await zip([...(await Promise.all(files)), licences]);
    await writeFile(path.join(archives, `${key}.zip`), archive);
    packed.set(key, archive);
  }
  return packed;
}

type File = { readonly name: string; readonly content: Buffer };

/**
 * An archive of some files at its root, where `<file>.<name>` of a handler is looked for. The same
 * files give the same bytes: each has the first day that the format knows.
 */
export function zip(files: readonly File[]): Promise<Buffer> {
  const { ZipFile } = createRequire(require.resolve("serverless"))("yazl");
  const archive = new ZipFile();
  const options = { mtime: new Date(1980, 0, 1), mode: 0o100644, forceDosTimestamp: true };
  for (const { name, content } of files) archive.addBuffer(content, name, options);
  archive.end();
  return buffer(archive.outputStream);
}

/** CRC-64 as Function Compute gives it for a function's code (GetFunction, codeChecksum: ECMA-182). */
export function crc64(bytes: Uint8Array): string {
  const mask = 0xffffffffffffffffn;
  let value = mask;
  for (const byte of bytes) {
    value ^= BigInt(byte);
    for (let bit = 0; bit < 8; bit += 1)
      value = (value >> 1n) ^ (value & 1n ? 0xc96c5795d7870f42n : 0n);
  }
  return String(value ^ mask);
}
