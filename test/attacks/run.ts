import { createHash } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type ServerResponse } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";

import { buildInto } from "../../shared/bundle/bundle.ts";
import { verifyWebhook } from "../../shared/receiver/verify.ts";

import { apiGatewayEvent, fcContext, fcHttpEvent, timerEvent } from "../support/fc-events.ts";
import { type Answer, type Attack, is, KEY } from "./attack.ts";
import { HINT_ATTACKS, HINT_SECRET } from "./hint-attacks.ts";

const OTHER = "second-second-second-second";
const DIGEST = createHash("sha256").update(KEY).digest("hex");
const GOOD = {
  API_KEYS: `crm:${KEY}:acme`,
  STORE_URL: "memory:",
  HINT_SECRET,
};
const FAR = "postgres://u:p@db.example/waba";

/** The function must not start, must name the setting in its log, and nothing to the caller. */
const refuses = (name: string) => (answer: Answer, lines: readonly string[]) => {
  if (!lines.join("\n").includes(`"path":"${name}"`)) return `started: ${answer.body}`;
  return answer.body.includes(name) ? "named to the caller" : undefined;
};

const settings = (name: string, values: readonly string[]): Attack[] =>
  values.map((value) => ({
    name: `${name}=${value}`,
    environment: { [name]: value },
    problem: refuses(name),
  }));

const bearer = (authorization: string, status: number, more: RegExp): Attack => ({
  name: `Authorization: ${authorization.slice(0, 30)}`,
  request: { headers: { authorization } },
  problem: is(status, more),
});

const typed = (headers: Readonly<Record<string, string>>, status: number): Attack => ({
  name: JSON.stringify(headers),
  request: { headers: { authorization: `Bearer ${KEY}`, ...headers } },
  problem: is(status),
});

const RECEIVER = {
  WEBHOOK_URL: "https://receiver.example/",
  WEBHOOK_SECRET: `whsec_${Buffer.alloc(32, 7).toString("base64")}`,
};

/** poll with a receiver at this address must not start. */
const receiverAt = (url: string, cidrs: string): Attack => ({
  name: `WEBHOOK_URL=${url} WEBHOOK_ALLOW_CIDRS=${cidrs}`,
  target: "poll",
  problem: ({ body }, lines) =>
    /ERR_CONFIG/.test(body) && /"path":"WEBHOOK_URL"/.test(lines.join()) ? undefined : body,
  environment: {
    ...RECEIVER,
    WEBHOOK_URL: url,
    WEBHOOK_ALLOW_CIDRS: cidrs,
    WEBHOOK_ALLOW_HTTP: "on",
  },
});

/** query with a valid key of the customer acme. */
function asking(
  custSpaceId: string,
  name: string,
  attack: Pick<Attack, "upstream" | "problem">,
): Attack {
  const headers = { authorization: `Bearer ${KEY}` };
  return { name, target: "query", request: { headers, query: { custSpaceId } }, ...attack };
}

function sendForever(response: ServerResponse): void {
  response.writeHead(200, { "content-type": "application/json" }).write('{"Code":"OK","x":"');
  const more = () => {
    while (!response.destroyed && response.write("y".repeat(65_536)));
  };
  response.on("drain", more);
  more();
}

const ATTACKS: readonly Attack[] = [
  ...HINT_ATTACKS,
  ...settings("DEBUG", ["httpx", "HTTPX", "httpx:*", "*", "a,httpx:body", "aliyun", "log:*"]),
  ...settings("NODE_DEBUG", [
    "http",
    "HTTPS",
    "net",
    "tls",
    "fs,tls",
    "*",
    "h*",
    "undici",
    "child_process",
  ]),
  ...settings("NODE_TLS_REJECT_UNAUTHORIZED", ["0"]),
  ...settings("CAMS_ENDPOINT", ["http://cams.example", "http://127.0.0.1.example"]),
  ...settings("STORE_URL", [
    FAR,
    `${FAR}?sslmode=require`,
    `${FAR}?sslmode=no-verify`,
    `${FAR}?sslmode=verify-full&sslmode=prefer`,
    "postgres://127.0.0.1/waba?host=db.example",
  ]),
  ...settings("API_KEYS", [
    `crm:${"x".repeat(40)}`,
    `crm:sha256:${"0".repeat(64)}`,
    `crm:${KEY}:a,crm:${OTHER}:b`,
    `crm:${KEY},ops:sha256:${DIGEST}`,
  ]),
  {
    ...typed({ "content-type": "application/json" }, 400),
    name: "a key that is known by its digest",
    environment: { API_KEYS: `crm:sha256:${DIGEST}` },
  },
  bearer(`Bearer ${DIGEST}`, 401, /invalid_token/),
  bearer(`Bearer ${KEY}, Bearer ${KEY}`, 401, /invalid_token/),
  { name: "no key", problem: is(401, /Bearer realm=\\"waba-numbers\\""/) },
  typed({ "content-encoding": "gzip", "content-type": "application/json" }, 415),
  typed({ "content-encoding": "identity, br", "content-type": "application/json" }, 415),
  typed({ "content-type": "application/json; charset=utf-16" }, 415),
  typed({ "content-type": "application/json; charset=utf8; v=1" }, 400),
  {
    name: "a preValidateId from a scoped key",
    request: {
      headers: { authorization: `Bearer ${KEY}`, "content-type": "application/json" },
      body: JSON.stringify({
        custSpaceId: "acme",
        cc: "49",
        phoneNumber: "15112345678",
        verifiedName: "Acme",
        preValidateId: "p1",
      }),
    },
    problem: is(403, /insufficient_scope/),
  },
  {
    name: "a refused caller at LOG_LEVEL=error",
    environment: { LOG_LEVEL: "error" },
    problem: (_answer, lines) => (/"audit":true/.test(lines.join()) ? undefined : "no line"),
  },
  { name: "a gateway's event", gateway: true, problem: is(401, /max-age=63072000/) },
  asking("acme-2", "another customer's numbers", { problem: is(403, /insufficient_scope/) }),
  asking("acme", "an upstream that sends without end", {
    upstream: sendForever,
    problem: is(502),
  }),
  ...[3_000, 100_000].map((depth) =>
    asking("acme", `an upstream's answer of ${depth} levels`, {
      upstream: (response) => response.end(`{"Code":"OK","x":${"[".repeat(depth)}`),
      problem: is(502),
    }),
  ),
  asking("4915112345678", "a customer id that is a number", {
    problem: (_answer, lines) =>
      lines.join().includes("4915112345678") ? "whole in the log" : undefined,
  }),
  {
    name: "a path of 100,000 characters",
    request: { path: `/${"x".repeat(100_000)}` },
    problem: (_answer, lines) =>
      lines.some((line) => line.length > 16_400) ? "a line without bound" : undefined,
  },
  ...["::/0", "::/0,10.0.0.0/8", "::ffff:0:0/96"].map((cidrs) =>
    receiverAt("http://127.0.0.1:9/", cidrs),
  ),
  ...["http://169.254.169.254/", "http://100.100.100.200/latest/", "http://[fd00::1]/"].map((url) =>
    receiverAt(url, ""),
  ),
  ...[20, 100_000, 1_000_000].map((count) => ({
    name: `${count} signatures in one header`,
    problem: () => {
      const began = performance.now();
      const signature = `v1,${"A".repeat(43)}= `.repeat(count);
      const at = String(Math.floor(Date.now() / 1000));
      const headers = {
        "webhook-id": "a",
        "webhook-timestamp": at,
        "webhook-signature": signature,
      };
      try {
        verifyWebhook("{}", headers, RECEIVER.WEBHOOK_SECRET);
        return "accepted";
      } catch {
        const took = performance.now() - began;
        return took > 100 ? `${took} ms` : undefined;
      }
    },
  })),
];

let answerUpstream: Attack["upstream"];
const upstream = createServer((request, response) => {
  response.on("error", () => undefined);
  request.resume().on("end", () => answerUpstream?.(response));
});
await new Promise<void>((resolve) => upstream.listen(0, "127.0.0.1", resolve));
const CAMS_ENDPOINT = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`;

async function run(attack: Attack, folder: string): Promise<string | undefined> {
  const before = { ...process.env };
  const { write } = process.stdout;
  const lines: string[] = [];
  const require = createRequire(import.meta.url);
  const { target = "add" } = attack;
  const file = path.join(folder, `${target}.js`);
  answerUpstream = attack.upstream;
  try {
    Object.assign(process.env, { CAMS_ENDPOINT }, GOOD, attack.environment);
    process.stdout.write = ((line: string) => lines.push(line) > 0) as typeof write;
    delete require.cache[file];
    const method = target === "query" ? "GET" : "POST";
    const options = { method, path: `/${target}`, ...attack.request };
    const event = attack.gateway ? apiGatewayEvent(options) : fcHttpEvent(options);
    if (target === "poll") {
      const body = await require(file).handler(timerEvent(), fcContext()).then(String, String);
      return attack.problem({ statusCode: 0, headers: {}, body }, lines);
    }
    const answer: Answer = await require(file).handler(event, fcContext());
    if (!("strict-transport-security" in answer.headers)) return "no HSTS";
    return attack.problem(answer, lines);
  } finally {
    process.stdout.write = write;
    for (const name of Object.keys(process.env)) if (!(name in before)) delete process.env[name];
    Object.assign(process.env, before);
  }
}

const folder = await mkdtemp(path.join(tmpdir(), "waba-attacks-"));
try {
  await buildInto(folder);
  for (const attack of ATTACKS) {
    const problem = await run(attack, folder);
    console.log(`${problem === undefined ? "held" : "OPEN"}  ${attack.name}  ${problem ?? ""}`);
    if (problem !== undefined) process.exitCode = 1;
  }
} finally {
  upstream.closeAllConnections();
  upstream.close();
  await rm(folder, { recursive: true });
}
