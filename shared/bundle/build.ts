import { rm, stat } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { buildReceiver } from "./build-receiver.ts";
import { buildInto, ENTRIES } from "./bundle.ts";

const outdir = fileURLToPath(new URL("../../dist", import.meta.url));

await rm(outdir, { recursive: true, force: true });
await buildInto(outdir);

await buildReceiver(path.join(outdir, "receiver"));

for (const name of Object.keys(ENTRIES)) {
  const { size } = await stat(path.join(outdir, `${name}.js`));
  console.log(`dist/${name}.js  ${(size / 1024).toFixed(1)} KB`);
}
