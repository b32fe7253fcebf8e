import { createHmac } from "node:crypto";
import { mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { build, type Metafile, type Plugin } from "esbuild";
import { buildInto, bundleOptions, ENTRIES } from "../../../shared/bundle/bundle.ts";
import { usdOfCalls } from "../../../shared/deploy/cost.ts";
import { FUNCTIONS } from "../../../shared/functions.js";
import { startTablestore } from "../../sandbox/tablestore/tablestore.ts";
import { fcHttpEvent } from "../../support/fc-events.ts";
import { formatTable, median } from "../table.ts";
import { type ColdCall, limitCpu, measure, PROBE, type Timing } from "./measure.ts";
import { startUpstream } from "./upstream.ts";

/**
 * Cold start of query and add as they are deployed, their store a stand-in of Tablestore, beside equal
 * handlers around the official SDK, bundled the same way. Also of hint, and of poll beside one without
 * hint reads and health reads, which are off here. Fresh processes in turn, the same loopback servers,
 * no connection kept. `ROUNDS` (21) sets how many of each. Ends with 1 when a required figure is missed.
 */
const ROUNDS = Math.max(15, Number(process.env.ROUNDS) || 21);
const WALL_ROUNDS = 7;
const MOST = { query: 0.32, add: 0.9 } as const;
/** What hints and health may add while they are off: of the bytes of add and query, of poll's CPU. */
const MOST_ADDED = 0.03;
const ADDED = /(hint|health)[a-z-]*\.ts$/;
const VCPUS = [0.25, 0.5, 1];
/** A call that waits for the upstream. */
const WARM_SECONDS = 0.1;
const LARGEST_BYTES = 64 * 1024;
const KEY = "bench-key-bench-key-bench";
const SECRET = "bench-secret-bench-secret";
const NUMBER = "8613800001234";

/** poll's bundle without what runs beside its reads. */
const WITHOUT = "poll-without";
const nothingBeside: Plugin = {
  name: "nothing-beside",
  setup(build) {
    const contents = "export const startBeside = () => ({ ended: Promise.resolve(), stop() {} });";
    build.onLoad({ filter: /[/\\]polling[/\\]beside\.ts$/ }, () => ({ contents, loader: "ts" }));
  },
};

const folder = await mkdtemp(path.join(os.tmpdir(), "waba-cold-"));
const upstream = await startUpstream();
const keys = { accessKeyId: "bench-id", accessKeySecret: "bench-secret" };
const tablestore = await startTablestore({
  instance: "bench",
  credentials: [keys],
  tables: ["waba"],
});
try {
  const metafile = await buildInto(folder);
  const {
    entryPoints: _,
    outdir: __,
    plugins = [],
    alias: ____,
    ...options
  } = bundleOptions(folder);
  await build({
    ...bundleOptions(folder),
    ...{ entryPoints: { [WITHOUT]: "functions/poll.ts" }, plugins: [nothingBeside, ...plugins] },
  });
  const official = fileURLToPath(new URL("official.ts", import.meta.url));
  await build({ ...options, entryPoints: [official], outfile: path.join(folder, "sdk.js") });
  const probe = path.join(folder, "probe.js");
  await writeFile(probe, PROBE);
  const calls = callsOf();
  const names = Object.keys(calls) as (keyof typeof calls)[];
  await printSizes(metafile);

  const timings = await inTurn(names, ROUNDS);
  const shown = names.map((name) => {
    const of = (pick: keyof Timing) =>
      median((timings[name] ?? []).map((each) => each[pick])).toFixed(1);
    return [name, of("load"), of("call"), of("cpu")];
  });
  console.log(`\n${formatTable(["", "load ms", "with first call ms", "CPU ms"], shown)}`);
  const pairs = [
    ...Object.entries(MOST).map(([name, most]) => [name, `${name} by the SDK`, most] as const),
    ["poll", "poll without", 1 + MOST_ADDED] as const,
  ];
  for (const [name, beside, most] of pairs) {
    const [own = [], other = []] = [timings[name], timings[beside]];
    const ratio = median(own.map(({ cpu }, round) => cpu / (other[round]?.cpu ?? Number.NaN)));
    const isMissed = !(ratio <= most);
    console.log(
      `${name} / ${beside}, CPU: ${ratio.toFixed(3)} (median of ${ROUNDS} pairs; at most ${most})${isMissed ? "  MISSED" : ""}`,
    );
    if (isMissed) process.exitCode = 1;
  }
  await compareVcpus();

  async function inTurn(which: readonly string[], rounds: number, vcpu?: number) {
    const found: Record<string, Timing[]> = Object.fromEntries(which.map((name) => [name, []]));
    const group = vcpu === undefined ? undefined : limitCpu(vcpu);
    for (let round = -1; round < rounds; round += 1) {
      for (const name of round % 2 === 0 ? which : which.toReversed()) {
        const timing = await measure(probe, calls[name as keyof typeof calls] as ColdCall, group);
        // The first round warms the disk cache.
        if (round >= 0) found[name]?.push(timing);
      }
    }
    group?.remove();
    return found as Record<string, Timing[]>;
  }

  /** From the start of the process to its answer, where the kernel lets this user limit processors. */
  async function compareVcpus() {
    const probed = limitCpu(1);
    if (!probed) {
      console.log("\nwall time by vCPU: skipped, because this user may make no control group");
      return;
    }
    probed.remove();
    const rows = [];
    for (const vcpu of VCPUS) {
      const found = await inTurn(["query", "add", "query by the SDK"], WALL_ROUNDS, vcpu);
      for (const [name, all] of Object.entries(found)) {
        const wall = median(all.map((each) => each.wall));
        const size = { cpu: vcpu, memoryMb: vcpu * 1024 };
        const usd = (seconds: number) => usdOfCalls(1_000_000, seconds, size).toFixed(2);
        rows.push([name, String(vcpu), wall.toFixed(0), usd(wall / 1000), usd(WARM_SECONDS)]);
      }
    }
    const million = "USD a million";
    const headers = ["", "vCPU", "cold start ms", `${million} cold`, `${million} warm (0.1 s)`];
    console.log(`\n${formatTable(headers, rows)}`);
  }
} finally {
  upstream.close();
  await tablestore.close();
  await rm(folder, { recursive: true });
}

function callsOf() {
  const env = {
    CAMS_ENDPOINT: upstream.url,
    API_KEYS: `bench:${KEY}`,
    STORE_URL: `tablestore://bench.ap-southeast-1/waba?endpoint=${tablestore.url}`,
    ALIBABA_CLOUD_ACCESS_KEY_ID: keys.accessKeyId,
    ALIBABA_CLOUD_ACCESS_KEY_SECRET: keys.accessKeySecret,
  };
  const headers = { authorization: `Bearer ${KEY}`, "content-type": "application/json" };
  const query = fcHttpEvent({ method: "GET", query: { custSpaceId: "cust-1" }, headers });
  const body = {
    custSpaceId: "cust-1",
    cc: "86",
    phoneNumber: "13800001234",
    verifiedName: "Acme",
  };
  const add = fcHttpEvent({ method: "POST", headers, body: JSON.stringify(body) });
  const token = createHmac("sha256", SECRET).update("hint:cust-1").digest("base64url");
  const hint = fcHttpEvent({ method: "POST", path: `/cust-1/${token}`, body: "[]" });
  const check = Buffer.from('{"command":"check"}');
  const pollEnv = {
    ...env,
    WEBHOOK_URL: "https://receiver.example/",
    WEBHOOK_SECRET: `whsec_${Buffer.alloc(32, 7).toString("base64")}`,
  };
  const checked = { event: check, answer: '"ok":true', env: pollEnv };
  const file = (name: string) => path.join(folder, `${name}.js`);
  const own = (name: string) => ({ file: file(name), name: "handler", answer: NUMBER, env });
  const sdk = (name: string) => ({ file: file("sdk"), name, answer: NUMBER, env });
  return {
    query: { ...own("query"), event: query },
    "query by the SDK": { ...sdk("query"), event: query },
    add: { ...own("add"), event: add },
    "add by the SDK": { ...sdk("add"), event: add },
    hint: {
      ...own("hint"),
      event: hint,
      answer: '{"code":0}',
      env: { ...env, HINT_SECRET: SECRET },
    },
    poll: { ...own("poll"), ...checked },
    "poll without": { ...own(WITHOUT), ...checked },
  };
}

async function printSizes(metafile: Metafile) {
  for (const name of [...Object.keys(ENTRIES), "sdk"]) {
    const { size } = await stat(path.join(folder, `${name}.js`));
    const isHttp = FUNCTIONS.some((row) => row.name === name && row.kind === "http");
    const isTooLarge = isHttp && size >= LARGEST_BYTES;
    if (isTooLarge) process.exitCode = 1;
    const kilobytes = `${(size / 1024).toFixed(1)} KB`.padStart(9);
    const added = addedRatio(metafile, name);
    const isAdded = ["add", "query"].includes(name) && added > MOST_ADDED;
    if (isAdded) process.exitCode = 1;
    const note = added > 0 ? `  ${(added * 100).toFixed(1)} % of it hints and health` : "";
    const notes = `${note}${isAdded ? "  MISSED" : ""}${isTooLarge ? "  (64 KB is the aim)" : ""}`;
    console.log(`${name.padEnd(18)}${kilobytes}${notes}`);
  }
}

/** How much of a bundle comes from files that are there for hints and health alone. */
function addedRatio({ outputs }: Metafile, name: string): number {
  const found = Object.entries(outputs).find(([file]) => path.basename(file) === `${name}.js`);
  const { bytes = 1, inputs = {} } = found?.[1] ?? {};
  const added = Object.entries(inputs).filter(([file]) => ADDED.test(file));
  return added.reduce((sum, [, { bytesInOutput }]) => sum + bytesInOutput, 0) / bytes;
}
