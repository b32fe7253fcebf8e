import { type CommonDeps, createCommonDeps, MAX_IDLE_MS } from "./common-deps.ts";
import type { Config } from "./config.ts";
import { createUpstream } from "./signing/create-upstream.ts";
import type { Upstream } from "./signing/upstream.ts";
import { createAgent } from "./sockets.ts";
import { createSender, type Send } from "./webhook/attempt.ts";
import { guardedLookup } from "./webhook/target.ts";

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
};

/** Wires the real clients, the webhook's included. Opens nothing and sends nothing. */
export function createDeps(config: Config, overrides: Partial<Deps> = {}): Deps {
  const common = createCommonDeps(config, overrides, MAX_PACED_IDLE_MS);
  const { clientFor, monotonic } = common;
  return {
    ...common,
    upstreamFor: (context) => createUpstream(clientFor(context), monotonic),
    send: createSend(config, common),
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
