import { mkdir, readFile, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { crc32, deflateRawSync } from "node:zlib";
import { type BuildOptions, build, type Plugin } from "esbuild";
import { FUNCTIONS } from "../functions.js";
import { STORES, storeOf } from "../store/stores.ts";
import { DeployError } from "./cloud.ts";
import type { Plan } from "./plan.ts";
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
    alias: {
      httpx: require.resolve("./replaced/httpx.cjs"),
      "json-bigint": require.resolve("./replaced/json-bigint.cjs"),
      kitx: require.resolve("./replaced/kitx.cjs"),
    },
    supported: { "dynamic-import": false },
    plugins: [separateAdapters, trim, pureSchemas],
    logLevel: "warning",
  };
}

/**
 * The name of a store adapter's bundle, without `.js`.
 */
function adapterOf(store: string): string {
  return `store-${store}`;
}

/**
 * Writes every bundle and the file that makes them loadable; answers which source went into which.
 */
export async function buildInto(outdir: string) {
  await mkdir(outdir, { recursive: true });
  const { metafile } = await build({ ...bundleOptions(outdir), metafile: true });
  // Without this file Node takes the bundles for ES modules, because the project is one, and finds
  // no handler in them.
  await writeFile(path.join(outdir, "package.json"), '{ "type": "commonjs" }\n');
  return metafile;
}

/**
 * Builds the bundles and packs one archive for each function: its bundle, the one store adapter that
 * its STORE_URL names, and the file that calls them CommonJS. Source maps stay in `dist/`.
 */
export async function packageFunctions(
  { functions }: Plan,
  { dist, archives }: { readonly dist: string; readonly archives: string },
): Promise<Map<string, Buffer>> {
  await buildInto(dist);
  await mkdir(archives, { recursive: true });
  const packed = new Map<string, Buffer>();
  for (const { key, file, environment } of functions) {
    const names = ["package.json", `${file}.js`];
    const store = storeOf(environment.STORE_URL ?? "");
    if (store) names.push(`${adapterOf(store.name)}.js`);
    const files = names.map(async (name) => ({ name, content: await readBuilt(dist, name, key) }));
    const archive = zip(await Promise.all(files));
    await writeFile(path.join(archives, `${key}.zip`), archive);
    packed.set(key, archive);
  }
  return packed;
}

async function readBuilt(dist: string, name: string, key: string): Promise<Buffer> {
  try {
    return await readFile(path.join(dist, name));
  } catch {
    throw new DeployError(`The handler of ${key} names ${name}, which the build does not make.`);
  }
}

type File = { readonly name: string; readonly content: Buffer };

const LOCAL_HEADER = 0x04034b50;
const CENTRAL_HEADER = 0x02014b50;
const END_OF_DIRECTORY = 0x06054b50;
/** 1 January 1980, the first day that the format knows: the same files give the same bytes. */
const DATE = 0x0021;
const REGULAR_FILE_644 = 0o100644;

/**
 * A zip archive of some small files at its root, the same bytes for the same files: the files of a
 * function have to lie at the root to be found by `<file>.<name>` for sure.
 */
export function zip(files: readonly File[]): Buffer {
  const parts = [];
  const directory = [];
  let offset = 0;
  for (const { name, content } of files) {
    const packed = deflateRawSync(content, { level: 9 });
    const common = commonHeader({ name, content }, packed);
    const local = Buffer.concat([uint32(LOCAL_HEADER), common, Buffer.from(name)]);
    const central = Buffer.concat([
      uint32(CENTRAL_HEADER),
      uint16((3 << 8) | 20),
      common,
      uint16(0, 0, 0),
      uint32((REGULAR_FILE_644 << 16) >>> 0, offset),
      Buffer.from(name),
    ]);
    parts.push(local, packed);
    directory.push(central);
    offset += local.length + packed.length;
  }
  const size = directory.reduce((sum, { length }) => sum + length, 0);
  const end = Buffer.concat([
    uint32(END_OF_DIRECTORY),
    uint16(0, 0, files.length, files.length),
    uint32(size, offset),
    uint16(0),
  ]);
  return Buffer.concat([...parts, ...directory, end]);
}

/** What both headers of a file share: version, flags, method, time, date, sums, sizes, lengths. */
function commonHeader({ name, content }: File, packed: Buffer): Buffer {
  return Buffer.concat([
    uint16(20, 0x0800, 8, 0, DATE),
    uint32(crc32(content), packed.length, content.length),
    uint16(Buffer.byteLength(name), 0),
  ]);
}

function uint16(...values: number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 2);
  values.forEach((value, index) => {
    bytes.writeUInt16LE(value, index * 2);
  });
  return bytes;
}

function uint32(...values: number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 4);
  values.forEach((value, index) => {
    bytes.writeUInt32LE(value, index * 4);
  });
  return bytes;
}
