import { type CommonDeps, createCommonDeps, MAX_IDLE_MS } from "./common-deps.ts";
import type { Config } from "./config.ts";
import { createUpstream } from "./signing/create-upstream.ts";
import type { Upstream } from "./signing/upstream.ts";
import { createAgent } from "./sockets.ts";
import { createSender, type Send } from "./webhook/attempt.ts";
import { guardedLookup } from "./webhook/target.ts";

/** Everything that touches the world. Functions take the part they need. */
export type Deps = Omit<CommonDeps, "upstreamFor"> & {
  readonly upstreamFor: (context: unknown) => Upstream;
  readonly send: Send;
};

/** Wires the real clients, the webhook's included. Opens nothing and sends nothing. */
export function createDeps(config: Config, overrides: Partial<Deps> = {}): Deps {
  const common = createCommonDeps(config, overrides);
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
