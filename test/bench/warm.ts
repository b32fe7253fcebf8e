import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { build } from "esbuild";
import { buildInto, bundleOptions } from "../../shared/bundle/bundle.ts";
import { toCamelCase } from "../../shared/schemas/query.ts";
import { newApiKey } from "../sandbox/environment.ts";
import { describeMachine, formatTable, machineLine, median } from "./table.ts";
import type { WarmBlock, WarmKind, WarmOrder } from "./warm-child.ts";
import { customerOf, SIZES, startWarmServer } from "./warm-server.ts";

const HELP = `npm run bench:warm -- [options]

What a warm request costs: the built query function against the official SDK, bundled by the same
esbuild options. Each runs in a process of its own against one server on loopback with connections
kept alive; their blocks alternate, and ratios are medians of the ratios of neighbouring blocks.
Ends with 1 when a required figure is missed.

query        the whole handler: event, API key, validation, signed call, checked answer, all fields in
             camelCase as JSON, one log line (to nowhere)
call         of that, the signed call and the check of its answer alone
sdk          the official SDK's call alone, to its objects; no event, no key, no answer, no log
sdk-handler  the same inside the least handler: event in, JSON out

  --rounds N       blocks of each kind and size (default 15)
  --calls N        calls in a block of one number; fewer for larger answers (default 600)
  --concurrency N  calls at once (default 1, as an instance serves)
  --json           prints the results as JSON
  --help           this text
`;

const KINDS: readonly WarmKind[] = ["query", "call", "sdk", "sdk-handler"];
/** CPU of a query request, as a share of the official SDK's call. */
const REQUIRED: Readonly<Record<number, number>> = { 1: 0.8, 10: 0.85, 100: 0.9 };
/** Larger answers get fewer calls, so that blocks stay short and neighbours alike. */
const CALLS_SHARE: Readonly<Record<number, number>> = { 1: 1, 10: 0.8, 100: 0.4 };

type Child = { readonly process: ChildProcess; run(order: WarmOrder): Promise<WarmBlock> };

function startChild(bundle: string, kind: WarmKind, target: string, url: string): Child {
  const key = newApiKey();
  const child = fork(bundle, [kind, target], {
    env: {
      CAMS_ENDPOINT: url,
      ALIBABA_CLOUD_ACCESS_KEY_ID: "bench-access-key-id",
      ALIBABA_CLOUD_ACCESS_KEY_SECRET: "bench-access-key-secret",
      API_KEYS: `bench:${key}`,
      BENCH_API_KEY: key,
    },
    execArgv: [],
    stdio: ["ignore", "ignore", "inherit", "ipc"],
  });
  return {
    process: child,
    async run(order) {
      child.send(order);
      const [block] = (await once(child, "message")) as [WarmBlock | { error: string }];
      if ("error" in block) throw new Error(block.error);
      return block;
    },
  };
}

async function bundleAll(outdir: string) {
  await buildInto(outdir);
  await build({
    ...bundleOptions(outdir),
    entryPoints: {
      "warm-official": "test/bench/warm-official.ts",
      "warm-child": "test/bench/warm-child.ts",
    },
    // What we replace in pop-core is our doing: the SDK keeps its own dependencies.
    alias: {},
    sourcemap: false,
  });
  await build({
    ...bundleOptions(outdir),
    entryPoints: { "warm-call": "test/bench/warm-call.ts" },
    sourcemap: false,
  });
  const file = (name: string) => path.join(outdir, `${name}.js`);
  return {
    child: file("warm-child"),
    targets: {
      query: file("query"),
      call: file("warm-call"),
      sdk: file("warm-official"),
      "sdk-handler": file("warm-official"),
    },
  };
}

/** The number's fields and values, in one form for all kinds. */
function numbersIn(answer: unknown): unknown {
  const body = typeof answer === "string" ? JSON.parse(answer) : answer;
  const { phoneNumbers = toCamelCase(body.items) } = body;
  return (phoneNumbers as readonly Record<string, unknown>[]).map(
    ({ phoneNumber, status, qualityRating, verifiedName }) => [
      phoneNumber,
      status,
      qualityRating,
      verifiedName,
    ],
  );
}

function assertSameAnswers(blocks: readonly WarmBlock[], size: number): void {
  const [first, ...others] = blocks.map(({ answer }) => JSON.stringify(numbersIn(answer)));
  const isWhole = JSON.parse(first ?? "[]").length === size;
  if (!isWhole || others.some((other) => other !== first)) {
    throw new Error("the measured programs do not give the same numbers");
  }
}

type Options = { readonly rounds: number; readonly calls: number; readonly concurrency: number };
type Samples = Map<string, { cpuUs: number; rps: number }[]>;

async function measure(children: ReadonlyMap<WarmKind, Child>, options: Options): Promise<Samples> {
  const samples: Samples = new Map();
  for (let round = -1; round < options.rounds; round += 1) {
    for (const size of SIZES) {
      const calls = Math.max(1, Math.round(options.calls * (CALLS_SHARE[size] ?? 1)));
      const order = { custSpaceId: customerOf(size), calls, concurrency: options.concurrency };
      const blocks: WarmBlock[] = [];
      for (const kind of round % 2 === 0 ? KINDS : KINDS.toReversed()) {
        // The first round only warms up, for longer.
        const block = await children.get(kind)?.run(round < 0 ? { ...order, calls: 1_500 } : order);
        if (!block) throw new Error("a measured process is missing");
        blocks.push(block);
        if (round < 0) continue;
        const name = `${kind} ${size}`;
        const { cpuUs, wallMs } = block;
        const sample = { cpuUs: cpuUs / calls, rps: (calls / wallMs) * 1_000 };
        samples.set(name, [...(samples.get(name) ?? []), sample]);
      }
      if (round < 0) assertSameAnswers(blocks, size);
    }
  }
  return samples;
}

function summarize(samples: Samples) {
  return SIZES.map((size) => {
    const of = (kind: WarmKind) => samples.get(`${kind} ${size}`) ?? [];
    const ratioOf = (one: WarmKind, other: WarmKind) =>
      median(of(one).map(({ cpuUs }, round) => cpuUs / (of(other)[round]?.cpuUs ?? Number.NaN)));
    const kinds = KINDS.map((kind) => ({
      kind,
      cpuUs: median(of(kind).map(({ cpuUs }) => cpuUs)),
      requestsPerSecond: median(of(kind).map(({ rps }) => rps)),
    }));
    const ratio = ratioOf("query", "sdk");
    const required = REQUIRED[size] ?? Number.NaN;
    return {
      numbers: size,
      kinds,
      ratio,
      required,
      ratioToHandler: ratioOf("query", "sdk-handler"),
      ratioOfCall: ratioOf("call", "sdk"),
      ok: ratio <= required,
    };
  });
}

const HEADERS = [
  ...["numbers", "bytes", "query µs", "call µs", "sdk µs", "sdk-handler µs", "query/s", "sdk/s"],
  ...["query/sdk CPU", "required", "reached", "query/sdk-handler", "call/sdk"],
];

function readOptions() {
  const { values } = parseArgs({
    options: {
      rounds: { type: "string", default: "15" },
      calls: { type: "string", default: "600" },
      concurrency: { type: "string", default: "1" },
      json: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  const numbers = {
    rounds: Number(values.rounds),
    calls: Number(values.calls),
    concurrency: Number(values.concurrency),
  };
  if (!Object.values(numbers).every((count) => Number.isInteger(count) && count > 0)) {
    throw new RangeError("--rounds, --calls and --concurrency are whole numbers above 0");
  }
  return { ...values, ...numbers };
}

async function main(): Promise<void> {
  const options = readOptions();
  if (options.help) return console.log(HELP);
  const folder = await mkdtemp(path.join(tmpdir(), "waba-warm-"));
  const server = await startWarmServer();
  const children = new Map<WarmKind, Child>();
  try {
    const { child, targets } = await bundleAll(folder);
    for (const kind of KINDS) {
      children.set(kind, startChild(child, kind, targets[kind], server.url));
    }
    const sizes = summarize(await measure(children, options));
    const machine = describeMachine();
    if (options.json) {
      const { rounds, calls, concurrency } = options;
      console.log(JSON.stringify({ machine, rounds, calls, concurrency, sizes }, undefined, 2));
    } else {
      const rows = sizes.map(({ numbers, kinds, ...size }) => [
        String(numbers),
        String(server.bytesOf(numbers)),
        ...kinds.map(({ cpuUs }) => cpuUs.toFixed(0)),
        ...kinds
          .filter(({ kind }) => kind === "query" || kind === "sdk")
          .map(({ requestsPerSecond }) => requestsPerSecond.toFixed(0)),
        size.ratio.toFixed(2),
        `<= ${size.required.toFixed(2)}`,
        size.ok ? "yes" : "NO",
        size.ratioToHandler.toFixed(2),
        size.ratioOfCall.toFixed(2),
      ]);
      console.log(formatTable(HEADERS, rows));
      console.log(`\n${options.rounds} rounds, ${machineLine(machine)}`);
    }
    if (!sizes.every(({ ok }) => ok)) process.exitCode = 1;
  } finally {
    for (const child of children.values()) child.process.disconnect();
    await server.close();
    await rm(folder, { recursive: true, force: true });
  }
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.stack : String(error));
  process.exitCode = 2;
});
