import { createRequire } from "node:module";
import { fcContext, fcHttpEvent } from "../support/fc-events.ts";

/** One of these is measured in each process. */
export type WarmKind = "query" | "call" | "sdk" | "sdk-handler";

export type WarmOrder = {
  readonly custSpaceId: string;
  readonly calls: number;
  /** How many at once. */
  readonly concurrency: number;
};

export type WarmBlock = {
  readonly calls: number;
  readonly wallMs: number;
  /** User and system time of this process, µs. */
  readonly cpuUs: number;
  /** The last answer, to check that all kinds give the same. */
  readonly answer: unknown;
};

type Handler = (event: Buffer, context: unknown) => Promise<{ statusCode: number; body: string }>;
type Official = typeof import("./warm-official.ts");
type Own = typeof import("./warm-call.ts");

const [kind, file] = process.argv.slice(2) as [WarmKind, string];
const bundle: unknown = createRequire(file)(file);

function createCall(custSpaceId: string): () => Promise<unknown> {
  const event = fcHttpEvent({
    method: "GET",
    query: { custSpaceId },
    headers: {
      authorization: `Bearer ${process.env.BENCH_API_KEY}`,
      accept: "application/json",
      "user-agent": "bench",
    },
  });
  if (kind === "sdk") return () => official(custSpaceId);
  if (kind === "call") return () => own(custSpaceId);
  const context = fcContext();
  return async () => {
    const { statusCode, body } = await handler(event, context);
    if (statusCode !== 200) throw new Error(`${kind} answered ${statusCode}`);
    return body;
  };
}

const notMeasured = () => Promise.reject(new Error("another kind is measured here"));
const own = kind === "call" ? (bundle as Own).createOwnCall(process.env) : notMeasured;
const official = kind.startsWith("sdk")
  ? (bundle as Official).createOfficialCall(new URL(process.env.CAMS_ENDPOINT ?? ""))
  : notMeasured;
const handler: Handler =
  kind === "sdk-handler"
    ? (bundle as Official).createOfficialHandler(official)
    : (bundle as { readonly handler: Handler }).handler;

async function runBlock({ custSpaceId, calls, concurrency }: WarmOrder): Promise<WarmBlock> {
  const call = createCall(custSpaceId);
  let left = calls;
  let answer: unknown;
  const work = async () => {
    while (left > 0) {
      left -= 1;
      answer = await call();
    }
  };
  const startedAt = performance.now();
  const before = process.cpuUsage();
  await Promise.all(Array.from({ length: concurrency }, work));
  const { user, system } = process.cpuUsage(before);
  return { calls, wallMs: performance.now() - startedAt, cpuUs: user + system, answer };
}

process.on("message", (order: WarmOrder) => {
  runBlock(order).then(
    (block) => process.send?.(block),
    (error: unknown) => process.send?.({ error: String(error) }),
  );
});
process.once("disconnect", () => process.exit());
