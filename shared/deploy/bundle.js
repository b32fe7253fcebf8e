import { mkdir, readFile, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { FUNCTIONS } from "../functions.js";
import { STORES } from "../store/stores.js";

const require = createRequire(import.meta.url);
const root = fileURLToPath(new URL("../..", import.meta.url));

/** Each store adapter is a file of its own, which only its users load. */
export const ADAPTER_ENTRIES = Object.fromEntries(
  STORES.map(({ name }) => [adapterOf(name), `shared/store/${name}.ts`]),
);

/** @type {Readonly<Record<string, string>>} */
export const ENTRIES = {
  ...Object.fromEntries(FUNCTIONS.map(({ name }) => [name, `functions/${name}.ts`])),
  ...ADAPTER_ENTRIES,
};

const ADAPTERS = new Map(
  Object.entries(ADAPTER_ENTRIES).map(([name, file]) => [path.join(root, file), name]),
);

/**
 * esbuild cannot split CommonJS: the dynamic import of an adapter becomes a require of its own file.
 *
 * @type {import("esbuild").Plugin}
 */
const separateAdapters = {
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
 * Leaves out of pop-core's description all that it does not tell the upstream.
 *
 * @type {import("esbuild").Plugin}
 */
const trimPopCore = {
  name: "trim-pop-core",
  setup(build) {
    build.onLoad({ filter: /pop-core[/\\]package\.json$/ }, async ({ path: file }) => {
      const { name, version } = JSON.parse(await readFile(file, "utf8"));
      return { contents: JSON.stringify({ name, version }), loader: "json" };
    });
  },
};

/**
 * Has the schemas that a function does not use left out, and so not built at its cold start either:
 * esbuild cannot know that building one changes nothing.
 *
 * @type {import("esbuild").Plugin}
 */
const pureSchemas = {
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
 *
 * @param {string} outdir
 * @returns {import("esbuild").BuildOptions}
 */
export function bundleOptions(outdir) {
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
      assert: require.resolve("./replaced/assert.cjs"),
      kitx: require.resolve("./replaced/kitx.cjs"),
    },
    supported: { "dynamic-import": false },
    plugins: [separateAdapters, trimPopCore, pureSchemas],
    logLevel: "warning",
  };
}

/**
 * The name of a store adapter's bundle, without `.js`.
 *
 * @param {string} store
 */
export function adapterOf(store) {
  return `store-${store}`;
}

/**
 * Writes every bundle and the file that makes them loadable; answers which source went into which.
 *
 * @param {string} outdir
 */
export async function buildInto(outdir) {
  await mkdir(outdir, { recursive: true });
  const { metafile } = await build({ ...bundleOptions(outdir), metafile: true });
  // Without this file Node takes the bundles for ES modules, because the project is one, and finds
  // no handler in them.
  await writeFile(path.join(outdir, "package.json"), '{ "type": "commonjs" }\n');
  return metafile;
}
