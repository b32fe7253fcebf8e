import { createServer, type ServerResponse } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { text } from "node:stream/consumers";
import type { Row, Store } from "../../shared/store/store.ts";
import { fcContext, fcHttpEvent, timerEvent } from "../support/fc-events.ts";

/** What is still open, or undefined. */
export type Problem = string | undefined;
export type Line = { readonly name: string; readonly run: () => Promise<Problem> | Problem };

export const KEYS = ["attack-attack-attack-attack", "second-second-second-second"] as const;
export const HINT_SECRET = "hint-attack-hint-attack";

type Params = Readonly<Record<string, string>>;
export type Answer = {
  readonly statusCode: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
};
type PollAnswer = Readonly<Record<string, unknown>>;

/** The built functions on one memory store, with an upstream and a receiver that a test directs. */
export type Built = {
  readonly store: Store;
  /** Calls of the upstream so far, and what it says to the next ones. */
  readonly calls: Params[];
  upstream: (params: Params) => Promise<object> | object;
  /** The upstream's own clock, ms. */
  date: () => number;
  receiver: () => Promise<number> | number;
  /** Runs before each write of the functions. */
  onPut: (key: string) => Promise<void>;
  /** Keys that the functions have read, and prefixes below which they have looked. */
  readonly reads: string[];
  /** Log lines so far. */
  readonly lines: () => readonly string[];
  add(body: object, headers?: Readonly<Record<string, string>>): Promise<Answer>;
  hint(path: string): Promise<Answer>;
  poll(command?: object): Promise<PollAnswer>;
  /** Loads poll again, as another instance would. */
  restart(): void;
  row(key: string): Promise<PollAnswer | undefined>;
  put(key: string, row: object): Promise<void>;
  rows(prefix?: string): Promise<readonly Row[]>;
  close(): void;
};

const require = createRequire(import.meta.url);
const written: string[] = [];
const stores = new Map<string, Store>();
let started = 0;

/** Runs attacks at the same time. What the functions write is kept, and the environment restored. */
export async function atOnce(lines: readonly Line[]): Promise<readonly Problem[]> {
  const { write } = process.stdout;
  process.stdout.write = ((line: string) => written.push(line) > 0) as typeof write;
  const before = { ...process.env };
  try {
    return await Promise.all(lines.map(async ({ run }) => run()));
  } finally {
    process.stdout.write = write;
    setEnvironment(before);
  }
}

function setEnvironment(wanted: Readonly<Record<string, string | undefined>>): void {
  for (const name of Object.keys(process.env)) if (!(name in wanted)) delete process.env[name];
  Object.assign(process.env, wanted);
}

async function listen(handle: (body: string, response: ServerResponse) => Promise<void>) {
  const server = createServer((request, response) => {
    response.on("error", () => undefined);
    text(request).then(
      (body) => handle(body, response),
      () => response.destroy(),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

/** One customer's numbers as the upstream lists them. */
export const listing = (...numbers: readonly (readonly [string, string])[]) => ({
  Code: "OK",
  RequestId: "r",
  PhoneNumbers: numbers.map(([PhoneNumber, VerifiedName]) => ({
    ...{ PhoneNumber, VerifiedName, Status: "CONNECTED", CodeVerificationStatus: "VERIFIED" },
    ...{ QualityRating: "GREEN", NameStatus: "APPROVED" },
  })),
});

async function startBuilt(
  folder: string,
  given: Readonly<Record<string, string>> = {},
): Promise<Built> {
  started += 1;
  const name = `attack-${started}`;
  const requestId = `1-68f0c0de-${name}`;
  const upstream = await listen(async (body, response) => {
    const params = Object.fromEntries(new URLSearchParams(body));
    built.calls.push(params);
    const reply = await built.upstream(params);
    const date = new Date(built.date()).toUTCString();
    response.writeHead(200, { "content-type": "application/json", date });
    response.end(JSON.stringify(reply));
  });
  const receiver = await listen(async (_body, response) => {
    response.writeHead(await built.receiver()).end();
  });
  const environment = {
    ...{ PATH: process.env.PATH, API_KEYS: `crm:${KEYS[0]}`, STORE_URL: `memory:${name}` },
    ...{ CAMS_ENDPOINT: upstream.url, WEBHOOK_URL: receiver.url, WEBHOOK_ALLOW_HTTP: "on" },
    WEBHOOK_ALLOW_CIDRS: "127.0.0.1",
    WEBHOOK_SECRET: `whsec_${Buffer.alloc(32, 7).toString("base64")}`,
    ...{ HINT_SECRET, TICK_SECONDS: "1", POLL_INTERVAL_SECONDS: "1", LOG_LEVEL: "debug" },
    ...given,
  };
  const adapter = path.join(folder, "store-memory.js");
  const { openMemoryStore } = require(adapter).open ?? require(adapter);
  let version = 0;
  const store: Store = openMemoryStore({ name, newVersion: () => `attack${++version}` });
  stores.set(name, {
    ...store,
    get(key) {
      built.reads.push(key);
      return store.get(key);
    },
    scan(...page) {
      built.reads.push(page[0]);
      return store.scan(...page);
    },
    async put(...args) {
      await built.onPut(args[0]);
      return store.put(...args);
    },
  });
  // The functions load the adapter when they open their store, and get the watched one.
  const cached = require.cache[adapter] as { exports: object };
  const watched = (options: { readonly name: string }) => stores.get(options.name);
  cached.exports = { open: { openMemoryStore }, openMemoryStore: watched };
  const load = (file: string) => {
    const at = path.join(folder, `${file}.js`);
    delete require.cache[at];
    return require(at).handler as (event: Buffer, context: object) => Promise<Answer & PollAnswer>;
  };
  const [add, hint] = [load("add"), load("hint")];
  let poll = load("poll");
  /** Each takes the environment at its first invocation, before anything else can happen. */
  const call = (handler: typeof add, event: Buffer) => {
    setEnvironment(environment);
    return handler(event, fcContext({ requestId }));
  };
  const built: Built = {
    ...{ store, calls: [], reads: [] },
    lines: () => written.filter((line) => line.includes(`"requestId":"${requestId}"`)),
    upstream: () => listing(),
    date: Date.now,
    receiver: () => 204,
    onPut: async () => undefined,
    add(body, headers = {}) {
      const auth = { authorization: `Bearer ${KEYS[0]}`, "content-type": "application/json" };
      const sent = { ...auth, ...headers };
      const options = { method: "POST", path: "/add", headers: sent, body: JSON.stringify(body) };
      return call(add, fcHttpEvent(options));
    },
    hint: (at) => call(hint, fcHttpEvent({ method: "POST", path: at })),
    poll: (command) => call(poll, command ? Buffer.from(JSON.stringify(command)) : timerEvent()),
    restart() {
      poll = load("poll");
    },
    async row(key) {
      const found = await store.get(key);
      return found && JSON.parse(found.value);
    },
    async put(key, row) {
      const found = await store.get(key);
      await store.put(key, JSON.stringify(row), found?.version ?? "absent");
    },
    rows: (prefix = "") => store.scan(prefix, "", 10_000),
    close() {
      for (const { server } of [upstream, receiver]) {
        server.closeAllConnections();
        server.close();
      }
    },
  };
  return built;
}

/** Runs poll until something is so, as a busy machine needs more than one run. */
export async function pollUntil(
  built: Built,
  isSo: () => Promise<boolean> | boolean,
): Promise<void> {
  for (let runs = 0; runs === 0 || !(await isSo()); runs += 1) {
    if (runs > 20) throw new Error("poll does not come so far");
    await built.poll();
  }
}

/** Runs an attack on functions of its own. */
export function against(
  folder: string,
  name: string,
  attack: (built: Built) => Promise<Problem>,
  given: Readonly<Record<string, string>> = {},
): Line {
  return {
    name,
    async run() {
      const built = await startBuilt(folder, given);
      try {
        return await attack(built);
      } finally {
        built.close();
      }
    },
  };
}
