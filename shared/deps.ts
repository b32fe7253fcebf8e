import { type CommonDeps, createCommonDeps, MAX_IDLE_MS } from "./common-deps.ts";
import type { Config } from "./config.ts";
import { createAgent } from "./sockets.ts";
import { createSender, type Send } from "./webhook/attempt.ts";
import { guardedLookup } from "./webhook/target.ts";

/** Everything that touches the world. Functions take the part they need. */
export type Deps = CommonDeps & { readonly send: Send };

/** Wires the real clients, the webhook's included. Opens nothing and sends nothing. */
export function createDeps(config: Config, overrides: Partial<Deps> = {}): Deps {
  const common = createCommonDeps(config, overrides);
  return { ...common, send: createSend(config, common), ...overrides };
}

function createSend({ webhook }: Config, { now, monotonic }: CommonDeps): Send {
  if (!webhook) return () => Promise.resolve({ kind: "failed", reason: "target" });
  const protocol = webhook.url.protocol === "https:" ? "https:" : "http:";
  const lookup = guardedLookup(webhook.guard.isAllowed);
  const agent = createAgent(protocol, { maxIdleMs: MAX_IDLE_MS, now, connect: { lookup } });
  return createSender({ ...webhook, agent }, { now, monotonic });
}
