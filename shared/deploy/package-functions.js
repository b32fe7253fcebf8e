import { mkdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { storeOf } from "../store/stores.js";
import { zip } from "./archive.js";
import { adapterOf, buildInto } from "./bundle.js";
import { DeployError } from "./deploy-error.js";

/** Function Compute takes 100 MB inside a request, in base64; these archives have about 100 KB. */
const LARGEST_BYTES = 30 * 1024 * 1024;

/**
 * Builds the bundles and packs one archive for each function: its own bundle, the one store adapter
 * that its STORE_URL names, and the file that calls them CommonJS. Source maps stay in `dist/`.
 *
 * @param {import("./plan.js").Plan} plan
 * @param {{ dist: string, archives: string }} folders
 * @returns {Promise<Map<string, Buffer>>} archives by function key
 * @throws {DeployError}
 */
export async function packageFunctions(plan, { dist, archives }) {
  await buildInto(dist);
  await mkdir(archives, { recursive: true });
  const packed = new Map();
  for (const { key, file, environment } of plan.functions) {
    const names = ["package.json", `${file}.js`];
    const store = storeOf(environment.STORE_URL ?? "");
    if (store) names.push(`${adapterOf(store.name)}.js`);
    const files = await Promise.all(
      names.map(async (name) => ({ name, content: await readBuilt(dist, name, key) })),
    );
    const archive = zip(files);
    if (archive.length > LARGEST_BYTES) {
      throw new DeployError(`The archive of ${key} is too large to deploy. Nothing was sent.`);
    }
    await writeFile(path.join(archives, `${key}.zip`), archive);
    packed.set(key, archive);
  }
  return packed;
}

/**
 * @param {string} dist
 * @param {string} name
 * @param {string} key
 */
async function readBuilt(dist, name, key) {
  try {
    return await readFile(path.join(dist, name));
  } catch {
    throw new DeployError(
      `The handler of ${key} names ${name}, which the build does not make. Nothing was sent.`,
    );
  }
}
