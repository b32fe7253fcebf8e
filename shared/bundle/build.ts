import { execFileSync } from "node:child_process";
import { rm, stat, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { buildInto, ENTRIES } from "./bundle.ts";

const outdir = fileURLToPath(new URL("../../dist", import.meta.url));

await rm(outdir, { recursive: true, force: true });
await buildInto(outdir);

const inRoot = (name: string) => fileURLToPath(new URL(`../../${name}`, import.meta.url));
const receiver = path.join(outdir, "receiver");
execFileSync(process.execPath, [
  inRoot("node_modules/typescript/bin/tsc"),
  ...["--ignoreConfig", inRoot("shared/receiver/verify.ts"), "--outDir", receiver, "--declaration"],
  ...["--module", "nodenext", "--target", "es2022", "--types", "node"],
]);
await writeFile(path.join(receiver, "package.json"), '{ "type": "module", "main": "verify.js" }\n');

for (const name of Object.keys(ENTRIES)) {
  const { size } = await stat(path.join(outdir, `${name}.js`));
  console.log(`dist/${name}.js  ${(size / 1024).toFixed(1)} KB`);
}
