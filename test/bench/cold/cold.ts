import { createHmac } from "node:crypto";
import { mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
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
 * handlers around the official SDK, bundled the same way, and of hint on a store in its memory. Fresh
 * processes in turn, the same loopback servers, no connection kept. `ROUNDS` (21) sets how many of
 * each. Ends with 1 when a required figure is missed.
 */
const ROUNDS = Math.max(15, Number(process.env.ROUNDS) || 21);
const WALL_ROUNDS = 7;
const MOST = { query: 0.32, add: 0.9 } as const;
const VCPUS = [0.25, 0.5, 1];
/** A call that waits for the upstream. */
const WARM_SECONDS = 0.1;
const LARGEST_BYTES = 64 * 1024;
const KEY = "bench-key-bench-key-bench";
const SECRET = "bench-secret-bench-secret";
const NUMBER = "8613800001234";

const folder = await mkdtemp(path.join(os.tmpdir(), "waba-cold-"));
const upstream = await startUpstream();
const keys = { accessKeyId: "bench-id", accessKeySecret: "bench-secret" };
const tablestore = await startTablestore({
  instance: "bench",
  credentials: [keys],
  tables: ["waba"],
});
try {
  await buildInto(folder);
  const {
    entryPoints: _,
    outdir: __,
    plugins: ___,
    alias: ____,
    ...options
  } = bundleOptions(folder);
  const official = fileURLToPath(new URL("official.ts", import.meta.url));
  await build({ ...options, entryPoints: [official], outfile: path.join(folder, "sdk.js") });
  const probe = path.join(folder, "probe.js");
  await writeFile(probe, PROBE);
  const calls = callsOf();
  const names = Object.keys(calls) as (keyof typeof calls)[];
  await printSizes();

  const timings = await inTurn(names, ROUNDS);
  const shown = names.map((name) => {
    const of = (pick: keyof Timing) =>
      median((timings[name] ?? []).map((each) => each[pick])).toFixed(1);
    return [name, of("load"), of("call"), of("cpu")];
  });
  console.log(`\n${formatTable(["", "load ms", "with first call ms", "CPU ms"], shown)}`);
  for (const [name, most] of Object.entries(MOST)) {
    const [own = [], other = []] = [timings[name], timings[`${name} by the SDK`]];
    const ratio = median(own.map(({ cpu }, round) => cpu / (other[round]?.cpu ?? Number.NaN)));
    const isMissed = !(ratio <= most);
    console.log(
      `${name} / SDK, CPU: ${ratio.toFixed(3)} (median of ${ROUNDS} pairs; at most ${most})${isMissed ? "  MISSED" : ""}`,
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
      env: { ...env, STORE_URL: "memory:", HINT_SECRET: SECRET },
    },
  };
}

async function printSizes() {
  for (const name of [...Object.keys(ENTRIES), "sdk"]) {
    const { size } = await stat(path.join(folder, `${name}.js`));
    const isHttp = FUNCTIONS.some((row) => row.name === name && row.kind === "http");
    const isTooLarge = isHttp && size >= LARGEST_BYTES;
    if (isTooLarge) process.exitCode = 1;
    const kilobytes = `${(size / 1024).toFixed(1)} KB`.padStart(9);
    console.log(`${name.padEnd(18)}${kilobytes}${isTooLarge ? "  (64 KB is the aim)" : ""}`);
  }
}
