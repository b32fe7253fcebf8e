import { setTimeout as sleep } from "node:timers/promises";
import { createPoll } from "../../functions/poll.ts";
import { loadConfig } from "../../shared/config.ts";
import { createDeps } from "../../shared/deps.ts";
import { POLL } from "../../shared/functions.js";
import { LEASE_KEY } from "../../shared/schemas/watch-rows.ts";
import type { Store } from "../../shared/store/store.ts";

/**
 * Gives each process its own lease, but for workers that overlap. A killed process keeps a common one
 * for 25 s, and only the request budget depends on it.
 */
function withOwnLease(store: Store): Store {
  const own = (key: string) => (key === LEASE_KEY ? `${key}/${process.pid}` : key);
  return {
    ...store,
    get: (key) => store.get(own(key)),
    put: (key, ...row) => store.put(own(key), ...row),
  };
}

async function work(): Promise<void> {
  const config = loadConfig(process.env, POLL);
  const deps = createDeps(config);
  const context = {};
  const openStore = async () => {
    const store = await deps.openStore(context);
    return process.env.COMMON_LEASE ? store : withOwnLease(store);
  };
  // A run that is asked for every moment needs no passes of its own.
  const poll = createPoll({ ...deps, openStore, config: { ...config, timerMs: 0 } });
  await openStore();
  process.send?.("ready");
  for (;;) {
    process.send?.(await poll(Buffer.from(""), context));
    await sleep(50);
  }
}

void work();
