import { createHash } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import path from "node:path";
import { buildInto } from "../../shared/deploy/bundle.ts";
import {
  apiGatewayEvent,
  fcContext,
  fcHttpEvent,
  type HttpEventOptions,
} from "../support/fc-events.ts";

const KEY = "attack-attack-attack-attack";
const OTHER = "second-second-second-second";
const DIGEST = createHash("sha256").update(KEY).digest("hex");
const GOOD = { API_KEYS: `crm:${KEY}:acme`, STORE_URL: "memory:" };
const FAR = "postgres://u:p@db.example/waba";

type Answer = { statusCode: number; headers: Record<string, string>; body: string };
type Attack = {
  readonly name: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly request?: Partial<HttpEventOptions>;
  readonly gateway?: boolean;
  /** What is wrong with the answer, or undefined. */
  readonly problem: (answer: Answer, lines: readonly string[]) => string | undefined;
};

const is =
  (status: number, more = /./) =>
  (answer: Answer) =>
    answer.statusCode === status && more.test(JSON.stringify(answer)) ? undefined : answer.body;

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

const ATTACKS: readonly Attack[] = [
  ...settings("DEBUG", ["httpx", "HTTPX", "httpx:*", "*", "a,httpx:body", "aliyun", "log:*"]),
  ...settings("NODE_DEBUG", ["http", "HTTPS", "net", "tls", "fs,tls", "*", "h*", "undici"]),
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
];

async function run(attack: Attack, file: string): Promise<string | undefined> {
  const before = { ...process.env };
  const { write } = process.stdout;
  const lines: string[] = [];
  const require = createRequire(import.meta.url);
  try {
    Object.assign(process.env, GOOD, attack.environment);
    process.stdout.write = ((line: string) => lines.push(line) > 0) as typeof write;
    delete require.cache[file];
    const options = { method: "POST", path: "/add", ...attack.request };
    const event = attack.gateway ? apiGatewayEvent(options) : fcHttpEvent(options);
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
    const problem = await run(attack, path.join(folder, "add.js"));
    console.log(`${problem === undefined ? "held" : "OPEN"}  ${attack.name}  ${problem ?? ""}`);
    if (problem !== undefined) process.exitCode = 1;
  }
} finally {
  await rm(folder, { recursive: true });
}
