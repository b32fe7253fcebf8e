import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import pg from "pg";
import { ADAPTER_ENTRIES, bundleOptions } from "../../shared/deploy/bundle.js";
import {
  newApiKey,
  newWebhookSecret,
  SANDBOX_CREDENTIALS,
  sandboxEnvironment,
} from "../sandbox/environment.ts";
import { startReceiver } from "../sandbox/receiver.ts";
import { startTablestore } from "../sandbox/tablestore/tablestore.ts";
import { startUpstream } from "../sandbox/upstream.ts";
import { createRandom } from "../schedules/scheduler.ts";
import { readKillOptions, type StoreName, shareKills } from "./options.ts";

const HELP = `npm run check:kill -- [options]

Kills a polling process (kill -9) at random times while numbers change upstream, starts it again,
and checks that the receiver ends with every change that was seen, in order, none invented. Runs on
each store in turn. PostgreSQL needs TEST_POSTGRES_URL and is skipped without it; the other stores
then take its share of the kills.

  --kills N    in all (default 210), at least one for each store
  --stores X   of pglite,postgres,tablestore (default: all)
  --seed N     decides the changes and the moments (default 1)
  --json       prints the results as JSON
  --help       this text

Exit codes: 0 all is well, 1 something was lost, reordered or invented, 2 wrong command line, or the
check could not run.
`;

const CUSTOMERS = ["cust-a", "cust-b", "cust-c"];
const LINES = ["4915100000001", "4915100000002"];
const VALUES = {
  QualityRating: ["GREEN", "YELLOW", "RED"],
  Status: ["CONNECTED", "FLAGGED", "RESTRICTED"],
};
const CHANGE_EVERY_MS = 40;
const SETTLE_LIMIT_MS = 60_000;

type OpenStore = { readonly url: string; close(): Promise<void> };
type Opened = OpenStore & { readonly name: StoreName };
type Skipped = { readonly store: StoreName; readonly reason: string };
type Result = {
  readonly store: StoreName;
  readonly kills: number;
  readonly events: number;
  readonly duplicates: number;
  readonly problems: readonly string[];
  readonly seconds: number;
};

async function openStoreFor(name: StoreName, folder: string): Promise<OpenStore | string> {
  switch (name) {
    case "pglite":
      return { url: `pglite:${path.join(folder, "store")}`, close: async () => undefined };
    case "postgres": {
      const server = process.env.TEST_POSTGRES_URL;
      if (!server) return "TEST_POSTGRES_URL is not set";
      const schema = `kill_${process.pid}`;
      const admin = new pg.Client(server);
      await admin.connect();
      await admin.query(`create schema ${schema}`);
      // The connection lies idle for minutes: its end must not end the check.
      admin.on("error", () => {});
      const url = new URL(server);
      url.searchParams.set("options", `-c search_path=${schema}`);
      return {
        url: url.href,
        async close() {
          await admin.query(`drop schema ${schema} cascade`);
          await admin.end();
        },
      };
    }
    case "tablestore": {
      const server = await startTablestore({
        instance: "sandbox-1",
        credentials: [SANDBOX_CREDENTIALS],
        tables: ["waba_numbers"],
      });
      const url = `tablestore://sandbox-1.local/waba_numbers?endpoint=${server.url}`;
      return { url, close: () => server.close() };
    }
  }
}

async function runStore(
  store: Opened,
  kills: number,
  seed: number,
  bundle: string,
): Promise<Result> {
  const began = performance.now();
  const random = createRandom(seed);
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)] as T;
  const secret = newWebhookSecret();
  const upstream = await startUpstream({ credentials: [SANDBOX_CREDENTIALS], qps: 1_000 });
  const receiver = await startReceiver({ secrets: [secret] });
  for (const customer of CUSTOMERS) {
    upstream.control.addCustomer(customer);
    for (const line of LINES)
      upstream.control.setNumber(customer, lineOf(customer, line), initial());
  }
  const environment = {
    ...sandboxEnvironment({
      upstreamUrl: upstream.url,
      receiverUrl: receiver.url,
      webhookSecret: secret,
      apiKey: newApiKey(),
      storeUrl: store.url,
      pollIntervalSeconds: 1,
    }),
    UPSTREAM_QPS: "10",
    WATCH_CUST_SPACES: CUSTOMERS.join(","),
    LOG_LEVEL: "error",
    PATH: process.env.PATH,
  };

  function initial() {
    return { QualityRating: pick(VALUES.QualityRating), Status: pick(VALUES.Status) };
  }

  const spawn = (): ChildProcess =>
    fork(bundle, { env: environment, stdio: ["ignore", "inherit", "inherit", "ipc"] });

  let changing = true;
  const changes = (async () => {
    while (changing) {
      await sleep(CHANGE_EVERY_MS);
      const customer = pick(CUSTOMERS);
      const field = pick(["QualityRating", "Status"] as const);
      const value = pick(VALUES[field]);
      upstream.control.setNumber(customer, lineOf(customer, pick(LINES)), { [field]: value });
    }
  })();

  try {
    for (let kill = 0; kill < kills; kill += 1) {
      const worker = spawn();
      // Some die while they open the store, most while they work.
      if (random() < 0.9) await once(worker, "message");
      await sleep(random() * 1_500);
      if (random() < 0.15)
        receiver.behave({ kind: pick(["reset", "ack-lost"] as const), times: 2 });
      worker.kill("SIGKILL");
      await once(worker, "exit");
    }
    changing = false;
    await changes;
    receiver.behave("ok");
    const last = spawn();
    const isSettled = await untilSettled(last);
    last.kill("SIGKILL");
    await once(last, "exit");
    const problems = [
      ...(isSettled ? [] : ["events are still pending, or differ, after a minute without kills"]),
      ...receiver.problems(),
      ...differences(),
    ];
    return {
      store: store.name,
      kills,
      events: receiver.received().filter(({ duplicate }) => !duplicate).length,
      duplicates: receiver.received().filter(({ duplicate }) => duplicate).length,
      problems,
      seconds: Math.round((performance.now() - began) / 1000),
    };
  } finally {
    changing = false;
    await upstream.close();
    await receiver.close();
  }

  async function untilSettled(worker: ChildProcess): Promise<boolean> {
    const deadline = performance.now() + SETTLE_LIMIT_MS;
    let calm = 0;
    worker.on("message", (report) => {
      if (typeof report !== "object") return;
      const { read, changed, pending } = report as Record<string, number>;
      if ((read ?? 0) === 0) return;
      calm = changed === 0 && pending === 0 ? calm + 1 : 0;
    });
    while (performance.now() < deadline) {
      if (calm >= 2) return true;
      await sleep(100);
    }
    return false;
  }

  /** What the receiver believes against what is so, for every field that it has heard of. */
  function differences(): string[] {
    const known = receiver.state();
    return CUSTOMERS.flatMap((customer) =>
      upstream.control.numbers(customer).flatMap((number) => {
        const fields = known.get(String(number.PhoneNumber));
        return (["QualityRating", "Status"] as const).flatMap((field) => {
          const value = fields?.[field.charAt(0).toLowerCase() + field.slice(1)];
          return value === undefined || value === number[field]
            ? []
            : [
                `${number.PhoneNumber} ${field}: ${value} at the receiver, ${number[field]} upstream`,
              ];
        });
      }),
    );
  }
}

function lineOf(customer: string, line: string): string {
  return `${line}${CUSTOMERS.indexOf(customer)}`;
}

function describeSkipped(
  skipped: readonly Skipped[],
  opened: readonly Opened[],
  shares: readonly number[],
): string[] {
  const taken = opened.map(({ name }, index) => `${name} ${shares[index]}`).join(", ");
  return skipped.map(
    ({ store, reason }) => `${store}: skipped, ${reason}; its kills go to the others (${taken})`,
  );
}

function describeResult({ store, kills, events, duplicates, problems, seconds }: Result): string[] {
  return [
    `${store}: ${kills} kills, ${events} events, ${duplicates} duplicates, ` +
      `${problems.length} problems, ${seconds} s`,
    ...problems.slice(0, 20).map((problem) => `  ${problem}`),
  ];
}

/** The worker bundled as the functions are: it starts several times faster than from sources. */
async function bundleWorker(): Promise<string> {
  // Inside the project, so that PGlite, which is never bundled, is found.
  const outdir = fileURLToPath(new URL("../../dist/kill", import.meta.url));
  await mkdir(outdir, { recursive: true });
  const entryPoints = { worker: "test/kill/worker.ts", ...ADAPTER_ENTRIES };
  await build({ ...bundleOptions(outdir), entryPoints, sourcemap: false });
  await writeFile(path.join(outdir, "package.json"), '{ "type": "commonjs" }\n');
  return path.join(outdir, "worker.js");
}

async function main(): Promise<void> {
  const options = readKillOptions(process.argv.slice(2));
  if (typeof options === "string") {
    console.error(`${options}\nSee: npm run check:kill -- --help`);
    process.exitCode = 2;
    return;
  }
  if (options.help) return console.log(HELP);
  const { seed, json } = options;
  const folder = await mkdtemp(path.join(tmpdir(), "waba-kill-"));
  const opened: Opened[] = [];
  const skipped: Skipped[] = [];
  const results: Result[] = [];
  try {
    // All of them first: the kills are shared among those that open.
    for (const name of options.stores) {
      const store = await openStoreFor(name, folder);
      if (typeof store === "string") skipped.push({ store: name, reason: store });
      else opened.push({ name, ...store });
    }
    if (opened.length === 0) throw new Error("No store could be opened: nothing was checked.");
    const shares = shareKills(options.kills, opened.length);
    if (!json) for (const line of describeSkipped(skipped, opened, shares)) console.log(line);
    const bundle = await bundleWorker();
    for (const [index, store] of opened.entries()) {
      const result = await runStore(store, shares[index] ?? 0, seed, bundle);
      results.push(result);
      if (!json) for (const line of describeResult(result)) console.log(line);
    }
  } finally {
    for (const store of opened) await store.close();
    await rm(folder, { recursive: true, force: true });
  }
  const kills = results.reduce((sum, result) => sum + result.kills, 0);
  const isBad = results.some(({ problems }) => problems.length > 0);
  if (json) console.log(JSON.stringify({ seed, kills, results, skipped }));
  else console.log(`${kills} kills in all, seed ${seed}${isBad ? " (bad)" : ""}`);
  if (isBad) process.exitCode = 1;
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.stack : String(error));
  process.exitCode = 2;
});
