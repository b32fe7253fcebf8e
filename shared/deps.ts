import { randomBytes, randomUUID } from "node:crypto";
import type { Agent } from "node:http";
import { setTimeout as sleepFor } from "node:timers/promises";

import type { CommonConfig, Config } from "./config.ts";
import { createAgent } from "./http-agent.ts";
import { createLog, type Log } from "./log.ts";
import { type Client, createClient } from "./signing/client.ts";
import { createUpstream } from "./signing/create-upstream.ts";
import { type Credentials, invocationCredentials, isSame } from "./signing/credentials.ts";
import { createNumbersUpstream } from "./signing/numbers-upstream.ts";
import type { NumbersUpstream, Upstream } from "./signing/upstream.ts";
import { claimStore } from "./store/identity.ts";
import { type OpenStoreDeps, openStore } from "./store/open-store.ts";
import { type PreparedStore, prepareStore } from "./store/prepare-store.ts";
import type { Store } from "./store/store.ts";
import { createSender, type Send } from "./webhook/attempt.ts";
import { guardedLookup } from "./webhook/target.ts";

/**
 * Idle connections older than this are not used again: an instance may have been frozen, and the far
 * side may have closed them. Short where a call may not be made twice, as an Add, or where little is
 * known of the server, as of a receiver: some close after 2 s. A connection too many costs no more
 * than its handshake there.
 */
const MAX_IDLE_MS = 800;

/** What touches the world in every function. */
export type CommonDeps = {
  /** Wall clock, ms. */
  readonly now: () => number;
  /** Only ever moves forward, ms. */
  readonly monotonic: () => number;
  readonly random: () => number;
  /** Resolves early when the signal aborts; never rejects. */
  readonly sleep: (ms: number, signal?: AbortSignal) => Promise<void>;
  readonly newId: () => string;
  readonly log: Log;
  /**
   * Opened at the first call and kept; a failed opening is tried again. Called once in each
   * invocation, as the open store signs with the credentials of the newest context.
   */
  readonly openStore: (context: unknown) => Promise<Store>;
  /** What opening a store takes, with the credentials of this invocation. */
  readonly storeDepsFor: (context: unknown) => OpenStoreDeps;
  /** Signs with the credentials of this invocation. */
  readonly clientFor: (context: unknown) => Client;
  readonly upstreamFor: (context: unknown) => NumbersUpstream;
  /** `urn:waba-numbers:<account>:<stage>` */
  readonly sourceFor: (context: unknown) => string;
};

/**
 * Wires the real clients that every function has. Opens nothing and sends nothing.
 *
 * @param maxIdleMs for how long connections to the upstream and the store may rest between two calls
 */
export function createCommonDeps(
  config: CommonConfig,
  overrides: Partial<CommonDeps> = {},
  maxIdleMs = MAX_IDLE_MS,
): CommonDeps {
  const now = overrides.now ?? Date.now;
  // Not performance.now(): its module is loaded at the first use, which a cold start would wait for.
  const monotonic = overrides.monotonic ?? (() => process.uptime() * 1000);
  const random = overrides.random ?? Math.random;
  const sleep = overrides.sleep ?? sleepReal;
  const newId = overrides.newId ?? randomUUID;
  const log =
    overrides.log ??
    createLog({ level: config.logLevel, now, write: (line) => process.stdout.write(`${line}\n`) });
  const agents = new Map<string, Agent>();
  const agentFor = ({ protocol: scheme }: URL): Agent => {
    const protocol = scheme === "https:" ? "https:" : "http:";
    const agent = agents.get(protocol) ?? createAgent(protocol, { maxIdleMs, now });
    agents.set(protocol, agent);
    return agent;
  };

  let newest: { readonly credentials: Credentials; readonly client: Client } | undefined;
  const clientFor = (context: unknown): Client => {
    const credentials = invocationCredentials(context, config.credentials);
    if (newest && isSame(newest.credentials, credentials)) return newest.client;
    const { endpoint } = config;
    const client = createClient(
      { endpoint, credentials, agent: agentFor(new URL(endpoint)) },
      { monotonic, random, sleep, newNonce },
    );
    newest = { credentials, client };
    return client;
  };

  let opening: Promise<Store> | undefined;
  // An open store outlives the invocation that opened it, and that one's credentials.
  let newestContext: unknown;
  const storeDeps: OpenStoreDeps = {
    newVersion: () => randomBytes(12).toString("base64url"),
    now,
    tablestore: {
      credentials: () => invocationCredentials(newestContext, config.credentials),
      agentFor,
      random,
      sleep,
    },
  };

  return {
    now,
    monotonic,
    random,
    sleep,
    newId,
    log,
    storeDepsFor(context) {
      newestContext = context;
      return storeDeps;
    },
    openStore(context) {
      newestContext = context;
      opening ??= openStore(config.storeUrl.reveal(), storeDeps).then((store) =>
        claimStore(store, identityOf(config, context)),
      );
      opening.catch(() => {
        opening = undefined;
      });
      return opening;
    },
    clientFor,
    upstreamFor: (context) => createNumbersUpstream(clientFor(context), monotonic),
    sourceFor: (context) => `urn:waba-numbers:${identityOf(config, context)}`,
    ...overrides,
  };
}

/** 122 random bits. Node makes UUIDs by the hundred, and so at a fraction of what its bytes cost. */
function newNonce(): string {
  return randomUUID().replaceAll("-", "");
}

/** The account and stage that a store serves. */
function identityOf(config: CommonConfig, context: unknown): string {
  return `${accountOf(config, context)}:${config.stage}`;
}

/** The platform's account, or the environment's where there is no platform. */
function accountOf(config: CommonConfig, context: unknown): string {
  const given = (context as { accountId?: unknown } | null | undefined)?.accountId;
  if (typeof given === "string" && /^[A-Za-z0-9-]{1,64}$/.test(given)) return given;
  return config.accountId;
}

async function sleepReal(ms: number, signal?: AbortSignal): Promise<void> {
  // An aborted wait is over, which is all that callers ask.
  await sleepFor(Math.max(0, ms), undefined, signal ? { signal } : {}).catch(() => undefined);
}

/**
 * Between two calls poll's connections rest as long as its slots do, a second, and for up to another
 * round trip: they are to be used again after that. It is half of the 5 s after which common servers
 * close at the earliest, and poll's reads are tried again, should one meet a dead connection.
 */
const MAX_PACED_IDLE_MS = 2_500;

/** Everything that touches the world. Functions take the part they need. */
export type Deps = Omit<CommonDeps, "upstreamFor"> & {
  readonly upstreamFor: (context: unknown) => Upstream;
  readonly send: Send;
  /** Makes the store ready for its first use, which a deployment asks for. */
  readonly prepareStore: (context: unknown) => Promise<PreparedStore>;
};

/** Wires the real clients, the webhook's included. Opens nothing and sends nothing. */
export function createDeps(config: Config, overrides: Partial<Deps> = {}): Deps {
  const common = createCommonDeps(config, overrides, MAX_PACED_IDLE_MS);
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

function createSend({ webhook }: Config, { now, monotonic }: CommonDeps): Send {
  if (!webhook) return () => Promise.resolve({ kind: "failed", reason: "target" });
  const protocol = webhook.url.protocol === "https:" ? "https:" : "http:";
  const lookup = guardedLookup(webhook.guard.isAllowed);
  const agent = createAgent(protocol, { maxIdleMs: MAX_IDLE_MS, now, connect: { lookup } });
  return createSender({ ...webhook, agent }, { now, monotonic });
}
