import { createHash } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type ServerResponse } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";

import { buildInto } from "../../shared/bundle/bundle.ts";
import { printable } from "../../shared/ctl/printable.ts";
import { verifyWebhook } from "../../shared/receiver/verify.ts";
import { apiGatewayEvent, fcContext, fcHttpEvent, timerEvent } from "../support/fc-events.ts";
import { type Answer, type Attack, is, KEY } from "./attack.ts";
import { atOnce } from "./built.ts";
import { erasures, retentions } from "./erasure.ts";
import { HINT_ATTACKS, HINT_SECRET } from "./hint-attacks.ts";
import { keyedAdds } from "./keyed.ts";
import { sandbox } from "./sandbox.ts";
import { shipped } from "./shipped.ts";
import { terminal } from "./terminal.ts";

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
  ...settings("DEBUG", [
    ...["httpx", "HTTPX", "httpx:*", "*", "a,httpx:body", "aliyun", "log:*"],
    ...["ht*", "*:body", " httpx ", "x\thttpx", "x\nhttpx", "-x,httpx", "*,-httpx:*", "**"],
  ]),
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
    ...["Http2", "*ttp", "fs, http", "net*", "request"],
  ]),
  ...settings("NODE_TLS_REJECT_UNAUTHORIZED", ["0"]),
  ...settings("CAMS_ENDPOINT", [
    ...["http://cams.example", "http://127.0.0.1.example", "http://[::ffff:8.8.8.8]"],
    ...["http://localhost.example", "http://127.0.0.1@cams.example", "HTTP://cams.example"],
    ...["http://0.0.0.0", "http://①.②.③.④", "ftp://127.0.0.1", "//cams.example"],
    ...["https://user:pw@cams.example", "https://cams.example/path", "https://cams.example?x"],
  ]),
  ...settings("STORE_URL", [
    FAR,
    `${FAR}?sslmode=require`,
    `${FAR}?sslmode=no-verify`,
    `${FAR}?sslmode=verify-full&sslmode=prefer`,
    "postgres://127.0.0.1/waba?host=db.example",
    ...["verify-ca", "prefer", "allow", "VERIFY-FULL", "verify-full%00", "", "disabled"].map(
      (mode) => `${FAR}?sslmode=${mode}`,
    ),
    `${FAR}?ssl=true`,
    `${FAR}?SSLMODE=verify-full`,
    `${FAR}#?sslmode=verify-full`,
    ...["127.0.0.1.example", "localhost.example", "xlocalhost", "127.999.0.1", "0.0.0.0"].map(
      (host) => `postgres://u:p@${host}/waba`,
    ),
    ...["[::2]", "[::ffff:8.8.8.8]", "%31%32%37.0.0.1%2eexample"].map(
      (host) => `postgres://u:p@${host}/waba`,
    ),
    "postgres://u:p@localhost/waba?host=localhost&host=db.example",
    "postgresql://u:p@db.example/waba",
    "postgres://u:p@db.example/waba?host=%6Cocalhost&x= ",
    "tablestore://waba-1.cn-hangzhou/t?endpoint=http://ots.example",
    "tablestore://waba-1.cn-hangzhou/t?endpoint=http://127.0.0.1.example",
  ]),
  ...settings("API_KEYS", [
    `crm:${"x".repeat(40)}`,
    `crm:sha256:${"0".repeat(64)}`,
    `crm:${KEY}:a,crm:${OTHER}:b`,
    `crm:${KEY},ops:sha256:${DIGEST}`,
    `crm:${KEY},ops:sha256:${DIGEST.toUpperCase()}`,
    ...["=".repeat(30), `${"x".repeat(23)}=`, "short", "ключ".repeat(10), `${KEY} ${KEY}`].map(
      (key) => `crm:${key}`,
    ),
    `crm:sha256:${DIGEST.slice(1)}`,
    `crm:sha256:${DIGEST}0`,
    `crm:SHA256:${DIGEST}`,
    `crm:sha256:${DIGEST}:a,crm:${OTHER}`,
    `crm:${KEY},crm:${OTHER},crm:${"third-".repeat(5)}`,
    `crm:${KEY}:a:b`,
    `crm:${KEY}:a b`,
    `:${KEY}`,
    `crm:${KEY},`,
  ]),
  {
    ...typed({ "content-type": "application/json" }, 400),
    name: "a key that is known by its digest",
    environment: { API_KEYS: `crm:sha256:${DIGEST}` },
  },
  bearer(`Bearer ${DIGEST}`, 401, /invalid_token/),
  bearer(`Bearer ${KEY}, Bearer ${KEY}`, 401, /invalid_token/),
  bearer(`Bearer ${KEY},${KEY}`, 401, /invalid_token/),
  bearer(`Bearer ${KEY.toUpperCase()}`, 401, /invalid_token/),
  bearer(`Bearer ${KEY}\u0000`, 401, /invalid_token/),
  bearer(`Bearer ${"x".repeat(1_000_000)}`, 401, /invalid_token/),
  bearer(`Bearer ${"\u{1F511}".repeat(20)}`, 401, /invalid_token/),
  bearer(`Basic ${Buffer.from(`crm:${KEY}`).toString("base64")}`, 401, /realm=\\"waba-numbers\\""/),
  bearer(KEY, 401, /realm=\\"waba-numbers\\""/),
  { name: "no key", problem: is(401, /Bearer realm=\\"waba-numbers\\""/) },
  typed({ "content-encoding": "gzip", "content-type": "application/json" }, 415),
  typed({ "content-encoding": "identity, br", "content-type": "application/json" }, 415),
  typed({ "content-encoding": "GZIP", "content-type": "application/json" }, 415),
  typed({ "content-encoding": "x-gzip,identity", "content-type": "application/json" }, 415),
  typed({ "content-encoding": "Identity", "content-type": "application/json" }, 400),
  typed({ "accept-encoding": "gzip", "content-type": "application/json" }, 400),
  typed({ "content-type": "application/json, text/plain" }, 415),
  typed({ "content-type": "text/plain; x=application/json" }, 415),
  typed({ "content-type": "application/json; charset=UTF-8; charset=utf-16" }, 415),
  typed({ "content-type": `application/json;${" ".repeat(500_000)}x` }, 415),
  typed({ "content-type": `application/${"+".repeat(500_000)}` }, 415),
  typed({ "content-type": `application/json; x="${"\\".repeat(500_000)}` }, 415),
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
  ...[
    ...["http://169.254.169.254/", "http://100.100.100.200/latest/", "http://[fd00::1]/"],
    ...["http://127.1/", "http://2130706433/", "http://0x7f.1/", "http://0177.0.0.1/"],
    ...["http://①②⑦.0.0.1/", "http://127.0.0.1./", "http://0/", "http://[::]/", "http://[::1]/"],
    ...["http://[0:0:0:0:0:0:0:1]/", "http://[::ffff:127.0.0.1]/", "http://[::127.0.0.1]/"],
    ...["http://[64:ff9b::7f00:1]/", "http://[2002:7f00:1::]/", "http://[fe80::1]/"],
  ].map((url) => receiverAt(url, "")),
  ...["http://169.254.169.254/", "http://[::ffff:169.254.169.254]/"].map((url) =>
    receiverAt(url, "::/0"),
  ),
  ...[20, 100_000, 1_000_000].map((count) => ({
    name: `${count} signatures in one header`,
    problem: () => {
      // Of this process alone: a busy machine would count as well.
      const began = process.cpuUsage();
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
        const { user, system } = process.cpuUsage(began);
        const took = (user + system) / 1_000;
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

function tell(name: string, problem: string | undefined): void {
  console.log(printable(`${problem === undefined ? "held" : "OPEN"}  ${name}  ${problem ?? ""}`));
  if (problem !== undefined) process.exitCode = 1;
}

const folder = await mkdtemp(path.join(tmpdir(), "waba-attacks-"));
try {
  await buildInto(folder);
  for (const attack of ATTACKS) {
    tell(attack.name, await run(attack, folder));
  }
  const together = [...erasures(folder), ...retentions(folder), ...keyedAdds(folder)];
  const problems = await atOnce(together);
  for (const [index, { name }] of together.entries()) tell(name, problems[index]);
  for (const { name, run } of [...terminal, ...sandbox(), ...shipped]) tell(name, await run());
} finally {
  upstream.closeAllConnections();
  upstream.close();
  await rm(folder, { recursive: true });
}
