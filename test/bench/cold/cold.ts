import { createHmac } from "node:crypto";
import { mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import os from "node:os";
import path from "node:path";
import { build } from "esbuild";

import { buildInto, bundleOptions, ENTRIES } from "../../../shared/bundle/bundle.ts";
import { FUNCTIONS } from "../../../shared/functions.js";

import { fcHttpEvent } from "../../support/fc-events.ts";
import { measure, PROBE, type Timing } from "./measure.ts";
import { startUpstream } from "./upstream.ts";

/**
 * Cold start of query beside the official SDK's, bundled the same way, and of hint on a store in its
 * memory: fresh processes in turn, the same loopback server, no connection kept. `ROUNDS` (21) sets how many of each.
 */
const ROUNDS = Math.max(15, Number(process.env.ROUNDS) || 21);
const MOST = 0.33;
const LARGEST_BYTES = 64 * 1024;
const KEY = "bench-key-bench-key-bench";
const SECRET = "bench-secret-bench-secret";

const folder = await mkdtemp(path.join(os.tmpdir(), "waba-cold-"));
const upstream = await startUpstream();
try {
  await buildInto(folder);
  await bundleSdk(path.join(folder, "sdk.js"));
  const probe = path.join(folder, "probe.js");
  await writeFile(probe, PROBE);
  const env = {
    CAMS_ENDPOINT: upstream.url,
    API_KEYS: `bench:${KEY}`,
    ALIBABA_CLOUD_ACCESS_KEY_ID: "bench-id",
    ALIBABA_CLOUD_ACCESS_KEY_SECRET: "bench-secret",
    LOG_LEVEL: "error",
  };
  const query = fcHttpEvent({
    method: "GET",
    query: { custSpaceId: "cust-1" },
    headers: { authorization: `Bearer ${KEY}` },
  });
  const token = createHmac("sha256", SECRET).update("hint:cust-1").digest("base64url");
  const hint = fcHttpEvent({ method: "POST", path: `/cust-1/${token}`, body: "[]" });
  const calls = {
    query: { event: query, answer: "8613800001234", env },
    hint: {
      event: hint,
      answer: '{"code":0}',
      env: { ...env, STORE_URL: "memory:", HINT_SECRET: SECRET },
    },
    sdk: { event: query, answer: "8613800001234", env },
  };
  type Name = keyof typeof calls;
  const names: readonly Name[] = ["query", "hint", "sdk"];
  const timings: Record<Name, Timing[]> = { query: [], hint: [], sdk: [] };
  for (let round = -1; round < ROUNDS; round += 1) {
    for (const name of round % 2 === 0 ? names : names.toReversed()) {
      const timing = await measure(probe, path.join(folder, `${name}.js`), calls[name]);
      // The first round warms the disk cache.
      if (round >= 0) timings[name].push(timing);
    }
  }

  const tooLarge = [];
  for (const name of [...Object.keys(ENTRIES), "sdk"]) {
    const { size } = await stat(path.join(folder, `${name}.js`));
    const isHttp = FUNCTIONS.some((row) => row.name === name && row.kind === "http");
    const isTooLarge = isHttp && size >= LARGEST_BYTES;
    if (isTooLarge) tooLarge.push(name);
    console.log(`${name.padEnd(18)}${kilobytes(size)}${isTooLarge ? "  (64 KB is the aim)" : ""}`);
  }
  for (const name of names) {
    const load = median(timings[name].map((each) => each.load));
    const call = median(timings[name].map((each) => each.call));
    const cpu = median(timings[name].map((each) => each.cpu));
    console.log(
      `${name.padEnd(18)}load ${load.toFixed(1)} ms, with the first call ${call.toFixed(1)} ms (cpu ${cpu.toFixed(1)} ms)`,
    );
  }
  const ratioOf = (pick: (timing: Timing) => number) =>
    median(
      timings.query.map((each, round) => {
        const sdk = timings.sdk[round];
        return sdk ? pick(each) / pick(sdk) : Number.NaN;
      }),
    );
  const ratio = ratioOf(({ call }) => call);
  const cpuRatio = ratioOf(({ cpu }) => cpu);
  console.log(
    `query / sdk        ${ratio.toFixed(3)} (median of ${ROUNDS} pairs; at most ${MOST}), cpu ${cpuRatio.toFixed(3)}`,
  );
  if (ratio > MOST || tooLarge.length > 0) process.exitCode = 1;
} finally {
  upstream.close();
  await rm(folder, { recursive: true });
}

/** The official SDK's way to the same call. Its configuration class is of its own dependency. */
async function bundleSdk(outfile: string): Promise<void> {
  const require = createRequire(import.meta.url);
  const sdk = require.resolve("@alicloud/cams20200606");
  const client = createRequire(sdk).resolve("@alicloud/openapi-client");
  const {
    entryPoints: _,
    outdir: __,
    plugins: ___,
    alias: ____,
    ...options
  } = bundleOptions(folder);
  const contents = `
    const { default: Client, QueryChatappPhoneNumbersRequest } = require(${JSON.stringify(sdk)});
    const { Config } = require(${JSON.stringify(client)});
    exports.handler = async () => {
      const client = new Client(
        new Config({
          accessKeyId: process.env.ALIBABA_CLOUD_ACCESS_KEY_ID,
          accessKeySecret: process.env.ALIBABA_CLOUD_ACCESS_KEY_SECRET,
          endpoint: new URL(process.env.CAMS_ENDPOINT).host,
          protocol: "HTTP",
        }),
      );
      const answer = await client.queryChatappPhoneNumbers(
        new QueryChatappPhoneNumbersRequest({ custSpaceId: "cust-1" }),
      );
      return { statusCode: answer.statusCode, body: JSON.stringify(answer.body) };
    };
  `;
  await build({ ...options, stdin: { contents, resolveDir: folder }, outfile });
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

function kilobytes(bytes: number): string {
  return `${(bytes / 1024).toFixed(1)} KB`.padStart(9);
}
