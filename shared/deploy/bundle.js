import { mkdir, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const require = createRequire(import.meta.url);
const root = fileURLToPath(new URL("../..", import.meta.url));

/** Each function, and each store adapter as a file of its own that only its users load. */
export const ENTRIES = {
  add: "functions/add.ts",
  query: "functions/query.ts",
  poll: "functions/poll.ts",
  "store-memory": "shared/store/memory.ts",
  "store-pglite": "shared/store/pglite.ts",
  "store-postgres": "shared/store/postgres.ts",
  "store-tablestore": "shared/store/tablestore.ts",
};

const ADAPTERS = new Map(
  Object.entries(ENTRIES)
    .filter(([name]) => name.startsWith("store-"))
    .map(([name, file]) => [path.join(root, file), name]),
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
      "json-bigint": require.resolve("./replaced/json-bigint.cjs"),
      debug: require.resolve("./replaced/debug.cjs"),
    },
    supported: { "dynamic-import": false },
    plugins: [separateAdapters],
    logLevel: "warning",
  };
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
