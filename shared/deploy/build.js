import { mkdir, rm, stat, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { bundleOptions, ENTRIES } from "./bundle.js";

const outdir = fileURLToPath(new URL("../../dist", import.meta.url));

await rm(outdir, { recursive: true, force: true });
await mkdir(outdir, { recursive: true });
await build(bundleOptions(outdir));
// Without this file Node takes the bundles for ES modules, because the project is one, and finds no
// handler in them.
await writeFile(path.join(outdir, "package.json"), '{ "type": "commonjs" }\n');

for (const name of Object.keys(ENTRIES)) {
  const { size } = await stat(path.join(outdir, `${name}.js`));
  console.log(`dist/${name}.js  ${(size / 1024).toFixed(1)} KB`);
}
