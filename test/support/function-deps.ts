import { randomUUID } from "node:crypto";
import { type AddDeps, createAdd } from "../../functions/add.ts";
import { createQuery, type QueryDeps } from "../../functions/query.ts";
import { loadConfig } from "../../shared/config.ts";
import { createDeps, type Deps } from "../../shared/deps.ts";
import { ADD } from "../../shared/functions.js";
import { createLog } from "../../shared/log.ts";
import { createMemoryStore } from "../../shared/store/memory.ts";
import type { Store } from "../../shared/store/store.ts";
import { assertDocumented } from "../contract/document-guard.ts";
import type { Operation } from "../contract/openapi-check.ts";
import { type SandboxUpstream, startUpstream } from "../sandbox/upstream.ts";
import { fcContext, fcHttpEvent, type HttpEventOptions } from "./fc-events.ts";

/** Two callers for every customer, one for `acme` only, and one for the account itself. */
export const API_KEYS = {
  any: "anyany-anyany-anyany-anyany",
  other: "other1-other2-other3-other4",
  acme: "acme11-acme22-acme33-acme44",
  self: "self11-self22-self33-self44",
} as const;

/** The credentials in `fcContext()`, which the sandbox upstream knows. */
export const ROLE_CREDENTIALS = {
  accessKeyId: "STS.exampleAccessKeyId",
  accessKeySecret: "exampleAccessKeySecret",
  securityToken: "exampleSecurityToken",
} as const;

/** 2026-01-02T03:04:05Z */
export const START = 1_767_323_045_000;

export type TestClock = Pick<Deps, "now" | "monotonic" | "sleep"> & {
  advance(ms: number): void;
  /**
   * Lets time pass right after the next reading of the monotonic clock. A function's first reading
   * sets its deadline, so its calls then have that much less time.
   */
  jumpAfterNextReading(ms: number): void;
};

/** Time that passes only by `advance` and sleeps, which take no real time. */
function createTestClock(start = START): TestClock {
  let elapsed = 0;
  let jump = 0;
  const advance = (ms: number) => {
    elapsed += ms;
  };
  return {
    now: () => start + elapsed,
    monotonic() {
      const reading = elapsed;
      advance(jump);
      jump = 0;
      return reading;
    },
    sleep: async (ms) => advance(ms),
    advance,
    jumpAfterNextReading(ms) {
      jump = ms;
    },
  };
}

export type FunctionDeps = {
  readonly deps: AddDeps & QueryDeps;
  readonly store: Store;
  readonly clock: TestClock;
  /** Every log line, debug included. */
  readonly lines: string[];
};

/** A test replaces only those operations of the upstream that the two functions call. */
type Overrides = Partial<
  Omit<Deps, "upstreamFor"> & Pick<AddDeps, "upstreamFor"> & Pick<QueryDeps, "config">
>;

/** The functions' real wiring with a memory store, a test clock and captured log lines. */
export function createFunctionDeps(endpoint: string, overrides: Overrides = {}): FunctionDeps {
  const { any, other, acme, self } = API_KEYS;
  const config = loadConfig(
    {
      API_KEYS: `any:${any},other:${other},acme:${acme}:acme,own:${self}:self`,
      CAMS_ENDPOINT: endpoint,
      STORE_URL: "memory:",
    },
    ADD,
  );
  const store = createMemoryStore({ newVersion: randomUUID });
  const clock = createTestClock();
  const lines: string[] = [];
  const write = (line: string) => lines.push(line);
  const deps = createDeps(config, {
    now: clock.now,
    monotonic: clock.monotonic,
    sleep: clock.sleep,
    random: () => 0.5,
    openStore: async () => store,
    log: createLog({ level: "debug", now: clock.now, write }),
  });
  // Wide enough that only tests of the share meet it.
  const share = { config: { queryQps: 1_000 } };
  return {
    deps: { ...deps, ...share, ...overrides, apiKeys: config.apiKeys },
    store,
    clock,
    lines,
  };
}

export type Answer = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
  /** The parsed body, or undefined if it is empty. */
  readonly body: Record<string, unknown>;
};

type Handler = (event: unknown, context: unknown) => Promise<unknown>;

/**
 * Sends an event and reads the response as a client does.
 *
 * @param operation the operation in the OpenAPI document that the response has to fit. Default: any
 * @throws Error that names what does not fit the document
 */
export async function invoke(
  handler: Handler,
  event: unknown,
  context: unknown = fcContext(),
  operation?: Operation,
): Promise<Answer> {
  const answer = (await handler(event, context)) as {
    readonly statusCode: number;
    readonly headers: Readonly<Record<string, string>>;
    readonly body: string;
  };
  const body = answer.body === "" ? undefined : JSON.parse(answer.body);
  const { statusCode: status, headers } = answer;
  assertDocumented(event, { status, headers, body }, operation);
  return { status, headers, text: answer.body, body };
}

export type SentRequest = Partial<HttpEventOptions> & {
  /** Default: the key for every customer. `null` sends none. */
  readonly key?: string | null;
};

function withDefaults(method: string, sent: SentRequest, type: Record<string, string>): Buffer {
  const { key = API_KEYS.any, headers, ...rest } = sent;
  const authorization = key === null ? undefined : { authorization: `Bearer ${key}` };
  return fcHttpEvent({ method, ...rest, headers: { ...authorization, ...type, ...headers } });
}

export const queryEvent = (sent: SentRequest = {}): Buffer => withDefaults("GET", sent, {});

export const addEvent = (sent: SentRequest = {}): Buffer =>
  withDefaults("POST", sent, { "content-type": "application/json" });

/** A good add for `acme`, whose number is 4915112345678. */
export const GOOD_ADD = {
  custSpaceId: "acme",
  cc: "49",
  phoneNumber: "15112345678",
  verifiedName: "Acme GmbH",
} as const;

/** A request with this JSON body. */
export function addOf(body: unknown, sent: SentRequest = {}): Buffer {
  return addEvent({ body: JSON.stringify(body), ...sent });
}

export type FunctionRig = FunctionDeps & {
  readonly upstream: SandboxUpstream;
  add(event: Buffer, context?: unknown): Promise<Answer>;
  query(event: Buffer, context?: unknown): Promise<Answer>;
  /** How many calls of each operation reached the upstream. */
  calls(): { readonly adds: number; readonly queries: number };
  /** Every row of the store by its key, parsed. */
  rows(): Promise<Record<string, Record<string, unknown>>>;
  close(): Promise<void>;
};

/** Both HTTP functions, and a sandbox upstream with the customer `acme`, who has no numbers. */
export async function startFunctionRig(overrides: Overrides = {}): Promise<FunctionRig> {
  const upstream = await startUpstream({ credentials: [ROLE_CREDENTIALS], qps: 100_000 });
  upstream.control.addCustomer("acme");
  const made = createFunctionDeps(upstream.url, overrides);
  const add = createAdd(made.deps);
  const query = createQuery(made.deps);
  return {
    ...made,
    upstream,
    add: (event, context) => invoke(add, event, context, "add"),
    query: (event, context) => invoke(query, event, context, "query"),
    calls() {
      const actions = upstream.control.calls().map((call) => call.action);
      return {
        adds: actions.filter((action) => action === "AddChatappPhoneNumber").length,
        queries: actions.filter((action) => action === "QueryChatappPhoneNumbers").length,
      };
    },
    rows: () => readRows(made.store),
    close: () => upstream.close(),
  };
}

export async function readRows(store: Store): Promise<Record<string, Record<string, unknown>>> {
  const rows = await store.scan("", "", 1000);
  return Object.fromEntries(rows.map(({ key, value }) => [key, JSON.parse(value)]));
}
