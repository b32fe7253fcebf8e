import { randomInt } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import fc from "fast-check";
import { buildInto } from "../../shared/bundle/bundle.ts";
import type { FUNCTIONS } from "../../shared/functions.js";
import { hintToken } from "../../shared/http/hint-token.ts";
import { Secret } from "../../shared/secret.ts";
import { fcContext } from "../support/fc-events.ts";
import { answers, eventsFor, FUZZ_NUMBERS, payloads, type UpstreamAnswer } from "./inputs.ts";

/**
 * Calls the built functions with events, commands and upstream answers of every form for some
 * minutes. A 500, an exception, a hang, or a secret or whole number in a log line is a problem.
 */

const KEY = "fuzz-key-fuzz-key-fuzz-key-7";
const SECRET = `whsec_${Buffer.from("fuzz-webhook-secret-of-32-bytes!").toString("base64")}`;
/** Longer than the longest timeout of a function but poll's: 35 s. */
const HANG_MS = 40_000;
const BATCH = 50;
/** How many calls of a function are under way: add and query mostly wait for the upstream. */
const LANES: Readonly<Record<string, number>> = { add: 12, query: 8, hint: 1, poll: 1 };

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "5" },
    seed: { type: "string", default: String(randomInt(2 ** 31)) },
  },
});
const stopAt = Date.now() + Number(values.minutes) * 60_000;
const first = Number(values.seed);

const HINT_SECRET = "fuzz-hint-secret-of-32-characters";
const INPUTS: Readonly<Record<(typeof FUNCTIONS)[number]["name"], fc.Arbitrary<unknown>>> = {
  add: eventsFor({ method: "POST", path: "/add" }, KEY),
  query: eventsFor({ method: "GET", path: "/query" }, KEY),
  hint: fc.oneof(
    eventsFor(
      { method: "POST", path: `/fuzz-1/${hintToken(new Secret(HINT_SECRET), "fuzz-1")}` },
      KEY,
    ),
    eventsFor({ method: "POST", path: "/hint" }, KEY),
  ),
  poll: payloads,
};
const queue: UpstreamAnswer[] = [];
const upstream = createServer((request, response) => {
  request.resume();
  request.on("end", () => {
    const { status, body, reset } = queue.shift() ?? { status: 200, body: "", reset: false };
    if (reset) request.socket.destroy();
    else response.writeHead(status, { "content-type": "application/json" }).end(body);
  });
  request.on("error", () => {});
});
const receiver = createServer((request, response) => {
  request.resume().on("end", () => response.writeHead(204).end());
});
const listen = (server: typeof upstream) =>
  new Promise<number>((resolve) =>
    server.listen(0, "127.0.0.1", () => resolve((server.address() as AddressInfo).port)),
  );

const lines: string[] = [];
const { write } = process.stdout;
const context = fcContext();
const { accessKeySecret, securityToken } = context.credentials;
const SECRETS = [KEY, HINT_SECRET, SECRET, SECRET.slice(6), accessKeySecret, securityToken];

function problemOf(name: string, answer: unknown): string | undefined {
  const text = JSON.stringify(answer) ?? "";
  const leaked = SECRETS.find((secret) => text.includes(secret) || lines.join("").includes(secret));
  if (leaked !== undefined) return `a secret leaked: ${leaked.slice(0, 6)}…`;
  const whole = lines.find((line) => FUZZ_NUMBERS.some((number) => line.includes(number)));
  if (whole !== undefined) return `a number in the log: ${whole}`;
  for (const line of lines) JSON.parse(line);
  if (name === "poll") return undefined;
  const { statusCode } = answer as { statusCode: number };
  const isKnown = statusCode >= 200 && statusCode < 600 && statusCode !== 500;
  return isKnown ? undefined : `status ${statusCode}: ${lines.join("") || text}`;
}

async function call(name: string, handler: Handler, event: unknown): Promise<string | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const hang = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error("hangs")), HANG_MS);
  });
  try {
    const answer = await Promise.race([handler(event, context), hang]);
    const { statusCode, error } = Object(answer);
    const kind = `${name} ${statusCode ?? error?.code ?? "done"}`;
    counts[kind] = (counts[kind] ?? 0) + 1;
    return problemOf(name, answer);
  } catch (error) {
    return `it threw ${String(error)}`;
  } finally {
    lines.length = 0;
    clearTimeout(timer);
  }
}

type Handler = (event: unknown, context: unknown) => Promise<unknown>;

const folder = await mkdtemp(path.join(tmpdir(), "waba-fuzz-"));
const counts: Record<string, number> = {};
const problems: { name: string; seed: number; problem: string; event: unknown }[] = [];
const isOver = () => Date.now() >= stopAt || problems.length >= 10;
try {
  await buildInto(folder);
  const [upstreamPort, receiverPort] = await Promise.all([listen(upstream), listen(receiver)]);
  Object.assign(process.env, {
    API_KEYS: `crm:${KEY}`,
    STORE_URL: "memory:",
    CAMS_ENDPOINT: `http://127.0.0.1:${upstreamPort}`,
    WEBHOOK_URL: `http://127.0.0.1:${receiverPort}/`,
    WEBHOOK_ALLOW_HTTP: "on",
    WEBHOOK_ALLOW_CIDRS: "127.0.0.0/8",
    WEBHOOK_SECRET: SECRET,
    WATCH_CUST_SPACES: "fuzz-1,fuzz-2",
    HINT_SECRET,
    // With hints, a run stays for its whole time.
    TICK_SECONDS: "2",
    QUERY_QPS: "100",
    LOG_LEVEL: "debug",
  });
  const require = createRequire(import.meta.url);
  const load = (name: string): Handler => require(path.join(folder, `${name}.js`)).handler;
  process.stdout.write = ((line: string) => lines.push(line) > 0) as typeof write;
  await Promise.all(
    Object.entries(INPUTS)
      .flatMap((input) => Array.from({ length: LANES[input[0]] ?? 1 }, () => input))
      .map(async ([name, arbitrary], lane) => {
        for (let seed = first + lane * 1_000_000; !isOver(); seed += 1) {
          for (const event of fc.sample<unknown>(arbitrary, { seed, numRuns: BATCH })) {
            if (queue.length < 100) queue.push(...fc.sample(answers, { seed, numRuns: BATCH }));
            const problem = await call(name, load(name), event);
            // Most commands wait for nothing, and would leave no time to the others' connections.
            await sleep(name === "poll" || name === "hint" ? 2 : 0);
            if (problem !== undefined) problems.push({ name, seed, problem, event });
            if (isOver()) break;
          }
        }
      }),
  );
} finally {
  process.stdout.write = write;
  upstream.closeAllConnections();
  receiver.closeAllConnections();
  upstream.close();
  receiver.close();
  await rm(folder, { recursive: true });
}
for (const { name, seed, problem, event } of problems)
  console.log(`${name}, seed ${seed}: ${problem}\n  ${String(event).slice(0, 500)}`);
const total = Object.values(counts).reduce((sum, count) => sum + count, 0);
const kinds = Object.entries(counts).map(([kind, count]) => `${kind} ${count}x`);
console.log(`${total} calls: ${kinds.sort().join(", ")}`);
console.log(`from seed ${first}; ${problems.length} problems`);
process.exit(problems.length > 0 ? 1 : 0);
