import { LEASE_KEY } from "../../shared/schemas/watch-rows.ts";
import type { Store } from "../../shared/store/store.ts";
import type { Process, Random, Scheduler } from "./scheduler.ts";

/** Rows whose every read and write matters to the promise. */
const VITAL = /^(c|due|dead)\//;
/** Operations on other rows are places to interleave this often. */
const OTHER_SHARE = 0.2;

/** One process's store: each operation has a place to interleave before it and one after it. */
export function createSteppingStore(
  store: Store,
  owner: Process,
  { step }: Pick<Scheduler, "step">,
  random: Random,
): Store {
  const around = async <T>(key: string, operation: () => Promise<T>): Promise<T> => {
    const pause = () =>
      VITAL.test(key) || random() < OTHER_SHARE ? step(owner) : Promise.resolve();
    await pause();
    const result = await operation();
    await pause();
    return result;
  };
  // Every poller holds a lease of its own, so they all work at once.
  const own = (key: string) => (key === LEASE_KEY ? `${key}/${owner.name}` : key);
  return {
    get: (key) => around(key, () => store.get(own(key))),
    put: (key, value, expected) => around(key, () => store.put(own(key), value, expected)),
    delete: (key, expected) => around(key, () => store.delete(own(key), expected)),
    scan: (prefix, after, limit) => around(prefix, () => store.scan(prefix, after, limit)),
    close: () => store.close(),
  };
}
