import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { ADAPTER_ENTRIES, bundleOptions } from "../../shared/bundle/bundle.ts";
import { type KillOptions, readKillOptions, type StoreName, shareKills } from "./options.ts";
import { type OpenStore, openStore } from "./stores.ts";
import { type Result, runTrial } from "./trial.ts";

const HELP = `npm run check:kill -- [options]

Kills a polling process (kill -9) at random times while numbers change upstream, and starts it again.
Then it checks that the receiver has every change that was seen, in order, and no other. It does so
on each store in turn. On all but PGlite, two of three kills are of three overlapping workers with a
common lease, two at a time, and the longest time without a call is printed, at most 30 s. Without
TEST_POSTGRES_URL, the other stores get PostgreSQL's kills.

  --kills N    in all (default 210), at least one for each store
  --stores X   of pglite,postgres,tablestore (default: all)
  --seed N     decides the changes and the moments (default 1)
  --json       prints the results as JSON
  --help       prints this text

Exit codes: 0 passed, 1 a change was lost, reordered or invented, 2 wrong command line, or the check
could not run.
`;

type Skipped = { readonly store: StoreName; readonly reason: string };

async function main(): Promise<void> {
  const options = readKillOptions(process.argv.slice(2));
  if (typeof options === "string") {
    console.error(`${options}\nSee: npm run check:kill -- --help`);
    process.exitCode = 2;
    return;
  }
  if (options.help) return console.log(HELP);
  const folder = await mkdtemp(path.join(tmpdir(), "waba-kill-"));
  const stores: OpenStore[] = [];
  try {
    await runAll(options, folder, stores);
  } finally {
    for (const store of stores) await store.close();
    await rm(folder, { recursive: true, force: true });
  }
}

/** Opens all stores first, because those that open share the kills. */
async function runAll(
  { stores: names, kills, seed, json }: KillOptions,
  folder: string,
  stores: OpenStore[],
): Promise<void> {
  const skipped: Skipped[] = [];
  const results: Result[] = [];
  const print = (lines: readonly string[]) => {
    if (!json) for (const line of lines) console.log(line);
  };
  for (const name of names) {
    const store = await openStore(name, folder);
    if (typeof store === "string") skipped.push({ store: name, reason: store });
    else stores.push(store);
  }
  if (stores.length === 0) throw new Error("No store could be opened. Nothing was checked.");
  const shares = shareKills(kills, stores.length);
  print(describeSkipped(skipped, stores, shares));
  const bundle = await bundleWorker();
  for (const [index, store] of stores.entries()) {
    const result = await runTrial(store, shares[index] ?? 0, seed, bundle);
    results.push(result);
    print(describeResult(result));
  }
  const done = results.reduce((sum, result) => sum + result.kills, 0);
  const isBad = results.some(({ problems }) => problems.length > 0);
  if (json) console.log(JSON.stringify({ seed, kills: done, results, skipped }));
  print([`${done} kills in all, seed ${seed}${isBad ? " (failed)" : ""}`]);
  if (isBad) process.exitCode = 1;
}

function describeSkipped(
  skipped: readonly Skipped[],
  stores: readonly OpenStore[],
  shares: readonly number[],
): string[] {
  const others = stores.map(({ name }, index) => `${name} ${shares[index]}`).join(", ");
  return skipped.map(
    ({ store, reason }) => `${store}: skipped, ${reason}. The others get its kills (${others}).`,
  );
}

function describeResult(result: Result): string[] {
  const { store, kills, events, duplicates, problems, seconds, silenceSeconds } = result;
  const silence = silenceSeconds === null ? "" : `, longest silence ${silenceSeconds} s`;
  return [
    `${store}: ${kills} kills, ${events} events, ${duplicates} duplicates, ` +
      `${problems.length} problems, ${seconds} s${silence}`,
    ...problems.slice(0, 20).map((problem) => `  ${problem}`),
  ];
}

/** Bundles the worker like the functions, because a bundle starts several times faster. */
async function bundleWorker(): Promise<string> {
  // Inside the project, so that PGlite is found, which is never bundled.
  const outdir = fileURLToPath(new URL("../../dist/kill", import.meta.url));
  await mkdir(outdir, { recursive: true });
  const entryPoints = { worker: "test/kill/worker.ts", ...ADAPTER_ENTRIES };
  await build({ ...bundleOptions(outdir), entryPoints, sourcemap: false });
  await writeFile(path.join(outdir, "package.json"), '{ "type": "commonjs" }\n');
  return path.join(outdir, "worker.js");
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.stack : String(error));
  process.exitCode = 2;
});
