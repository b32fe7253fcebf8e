import { randomBytes, randomUUID } from "node:crypto";
import type { Agent } from "node:http";
import { setTimeout as sleepFor } from "node:timers/promises";
import {
  type CommonConfig,
  type Config,
  type Environment,
  loadConfig,
  type Requires,
} from "./config.ts";
import type { ApiKey } from "./http/api-keys.ts";
import { failedCheck, isCheck } from "./http/check.ts";
import { toPlatformResponse } from "./http/http-response.ts";
import { parsePlatformEvent, platformRequestId } from "./http/platform-event.ts";
import { toProblem } from "./http/problem.ts";
import { createAgent, createAgents } from "./http-agent.ts";
import { createLog, describeError, type Log } from "./log.ts";
import type { Client } from "./signing/client.ts";
import { createClients } from "./signing/clients.ts";
import { createUpstream } from "./signing/create-upstream.ts";
import { invocationCredentials } from "./signing/credentials.ts";
import { createNumbersUpstream } from "./signing/numbers-upstream.ts";
import type { NumbersUpstream, Upstream } from "./signing/upstream.ts";
import { claimStore } from "./store/identity.ts";
import { type OpenStoreDeps, openStore } from "./store/open-store.ts";
import { type PreparedStore, prepareStore } from "./store/prepare-store.ts";
import type { Store } from "./store/store.ts";
import { createSender, type Send } from "./webhook/attempt.ts";
import { guardedLookup } from "./webhook/target.ts";

/**
 * Older idle connections are not used again: the far side may have closed them while the instance was
 * frozen. Short, because an Add must not meet a dead connection and some receivers close after 2 s.
 * One connection too many costs no more than its handshake.
 */
const MAX_IDLE_MS = 800;

/**
 * poll's connections rest for a second between two calls, and for up to another round trip. Common
 * servers close after 5 s at the earliest, and poll tries a read again that met a dead connection.
 */
const MAX_PACED_IDLE_MS = 2_500;

/** PostgreSQL connections of poll: its readers and deliveries wait for one another no longer. */
const POLL_CONNECTIONS = 10;

type Basics = {
  /** Wall clock, ms. */
  readonly now: () => number;
  /** Never goes back, ms. */
  readonly monotonic: () => number;
  readonly random: () => number;
  /** Resolves early when the signal aborts, and never rejects. */
  readonly sleep: (ms: number, signal?: AbortSignal) => Promise<void>;
  readonly newId: () => string;
  readonly log: Log;
};

/** What touches the world in a function that calls its store and nothing else. */
export type StoreDeps = Basics & {
  /**
   * Opens the store at the first call and keeps it. The next call tries a failed opening again. Call it
   * once in each invocation: the open store signs with the credentials of the newest context.
   */
  readonly openStore: (context: unknown) => Promise<Store>;
  /** What opening a store takes, with the credentials of this invocation. */
  readonly storeDepsFor: (context: unknown) => OpenStoreDeps;
};

/** What touches the world in every other function. */
export type CommonDeps = StoreDeps & {
  /** Signs with the credentials of this invocation. */
  readonly clientFor: (context: unknown) => Client;
  readonly upstreamFor: (context: unknown) => NumbersUpstream;
  /** `urn:waba-numbers:<account>:<stage>` */
  readonly sourceFor: (context: unknown) => string;
};

/** Everything that touches the world in an HTTP function. */
export type HttpDeps = CommonDeps & {
  readonly apiKeys: readonly ApiKey[];
  /** False without STORE_URL. */
  readonly hasStore: boolean;
};

/** Everything that touches the world in poll. */
export type Deps = Omit<CommonDeps, "upstreamFor"> & {
  readonly upstreamFor: (context: unknown) => Upstream;
  readonly send: Send;
  /** Makes the store ready for its first use, which a deployment asks for. */
  readonly prepareStore: (context: unknown) => Promise<PreparedStore>;
};

/** What poll gets: the settings as well. */
export type PollDeps = Deps & { readonly config: Config };

type Handler = (event: unknown, context: unknown) => Promise<unknown>;

/**
 * The handler of a deployed HTTP function. The first invocation reads the environment. If that fails,
 * the response is a problem, the log names each setting, and the next invocation tries again.
 */
export function httpHandler<C extends CommonConfig>(
  environment: Environment,
  row: Requires,
  load: (environment: Environment, row: Requires) => C,
  create: (deps: HttpDeps & { readonly config: C }) => Handler,
  write = writeLine,
): Handler {
  const build = () => {
    const config = load(environment, row);
    const { apiKeys, storeUrl } = config;
    const hasStore = storeUrl.reveal() !== "";
    return create({ ...createCommonDeps(config), config, apiKeys, hasStore });
  };
  return lazyHandler(build, write, refuseHttp);
}

/** The handler of the deployed poll. Without its settings it throws: the platform counts a failure. */
export function pollHandler(
  environment: Environment,
  row: Requires,
  create: (deps: PollDeps) => Handler,
  write = writeLine,
): Handler {
  const build = () => {
    const config = loadConfig(environment, row);
    return create({ ...createDeps(config), config });
  };
  return lazyHandler(build, write, (error) => {
    throw error;
  });
}

/** As `httpHandler`, for a function that calls its store and nothing else: a bundle without signing. */
export function storeHandler<C extends CommonConfig>(
  environment: Environment,
  row: Requires,
  load: (environment: Environment, row: Requires) => C,
  create: (deps: StoreDeps & { readonly config: C }) => Handler,
  write = writeLine,
): Handler {
  const build = () => {
    const config = load(environment, row);
    return create({ ...createStoreDeps(config), config });
  };
  return lazyHandler(build, write, refuseHttp);
}

const refuseHttp = (error: unknown, context: unknown) =>
  toPlatformResponse(toProblem(error, platformRequestId(context) ?? ""));

function lazyHandler(
  build: () => Handler,
  write: (line: string) => void,
  refuse: (error: unknown, context: unknown) => unknown,
): Handler {
  let handler: Handler | undefined;
  return async (event, context) => {
    try {
      handler ??= build();
    } catch (error) {
      const log = createLog({ level: "error", now: Date.now, write });
      log.error("function cannot start", describeError(error));
      return isCheck(parsePlatformEvent(event)) ? failedCheck(error) : refuse(error, context);
    }
    return handler(event, context);
  };
}

/**
 * Wires the real clients that every function has. Opens nothing and sends nothing.
 *
 * @param maxIdleMs how long connections to the upstream and the store may rest between two calls
 * @param connections to a PostgreSQL store at most
 */
export function createCommonDeps(
  config: CommonConfig,
  overrides: Partial<CommonDeps> = {},
  maxIdleMs = MAX_IDLE_MS,
  connections = 2,
): CommonDeps {
  const { agentFor, ...deps } = createStoreDeps(config, overrides, maxIdleMs, connections);
  const clientFor = createClients(config.endpoint, config.credentials, agentFor, deps);
  return {
    ...deps,
    clientFor,
    upstreamFor: (context) => createNumbersUpstream(clientFor(context), deps.monotonic),
    sourceFor: (context) => `urn:waba-numbers:${identityOf(config, context)}`,
    ...overrides,
  };
}

/** The part of `createCommonDeps` that needs no signing. */
function createStoreDeps(
  config: CommonConfig,
  overrides: Partial<Basics> = {},
  maxIdleMs = MAX_IDLE_MS,
  connections = 2,
): StoreDeps & { readonly agentFor: (endpoint: URL) => Agent } {
  const now = overrides.now ?? Date.now;
  const basics: Basics = {
    now,
    // Not performance.now(): a cold start would wait for its module, which the first use loads.
    monotonic: overrides.monotonic ?? (() => process.uptime() * 1000),
    random: overrides.random ?? Math.random,
    sleep: overrides.sleep ?? sleepReal,
    newId: overrides.newId ?? randomUUID,
    log: overrides.log ?? createLog({ level: config.logLevel, now, write: writeLine }),
  };
  const agentFor = createAgents(maxIdleMs, now);
  return { ...basics, ...createStoreAccess(config, agentFor, basics, connections), agentFor };
}

/** Wires poll's real clients, the webhook's included. Opens nothing and sends nothing. */
export function createDeps(config: Config, overrides: Partial<Deps> = {}): Deps {
  const common = createCommonDeps(config, overrides, MAX_PACED_IDLE_MS, POLL_CONNECTIONS);
  const { clientFor, monotonic } = common;
  return {
    ...common,
    upstreamFor: (context) => createUpstream(clientFor(context), monotonic),
    send: createSend(config, common),
    prepareStore: (context) =>
      prepareStore(config.storeUrl.reveal(), identityOf(config, context), {
        ...common.storeDepsFor(context),
        monotonic,
      }),
    ...overrides,
  };
}

/** Opens the store once, whichever invocation comes first. */
function createStoreAccess(
  config: CommonConfig,
  agentFor: (endpoint: URL) => Agent,
  { now, random, sleep }: Basics,
  connections: number,
): Pick<CommonDeps, "openStore" | "storeDepsFor"> {
  // An open store outlives the invocation that opened it, and that one's credentials.
  let newestContext: unknown;
  const credentials = () => invocationCredentials(newestContext, config.credentials);
  const newVersion = () => randomBytes(12).toString("base64url");
  const storeDeps = {
    newVersion,
    now,
    connections,
    tablestore: { credentials, agentFor, random, sleep },
  };
  const storeDepsFor = (context: unknown) => {
    newestContext = context;
    return storeDeps;
  };
  let opening: Promise<Store> | undefined;
  return {
    storeDepsFor,
    openStore(context) {
      const deps = storeDepsFor(context);
      opening ??= openStore(config.storeUrl.reveal(), deps).then((store) =>
        claimStore(store, identityOf(config, context)),
      );
      opening.catch(() => {
        opening = undefined;
      });
      return opening;
    },
  };
}

function createSend({ webhook }: Config, deps: Basics): Send {
  if (!webhook) return () => Promise.resolve({ kind: "failed", reason: "target" });
  const protocol = webhook.url.protocol === "https:" ? "https:" : "http:";
  const lookup = guardedLookup(webhook.guard.isAllowed);
  const { now } = deps;
  const agent = createAgent(protocol, { maxIdleMs: MAX_IDLE_MS, now, connect: { lookup } });
  return createSender({ ...webhook, agent }, deps);
}

/** The account and stage that a store serves. */
function identityOf(config: CommonConfig, context: unknown): string {
  return `${accountOf(config, context)}:${config.stage}`;
}

/** The platform's account, or the environment's where there is no platform. */
function accountOf(config: CommonConfig, context: unknown): string {
  const given = (context as { accountId?: unknown } | null | undefined)?.accountId;
  const isAccount = typeof given === "string" && /^[A-Za-z0-9-]{1,64}$/.test(given);
  return isAccount ? given : config.accountId;
}

/** Waits in real time. An aborted wait is over, and does not reject. */
export async function sleepReal(ms: number, signal?: AbortSignal): Promise<void> {
  await sleepFor(Math.max(0, ms), undefined, { signal }).catch(() => undefined);
}

function writeLine(line: string): void {
  process.stdout.write(`${line}\n`);
}
