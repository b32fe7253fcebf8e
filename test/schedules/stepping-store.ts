import { StoreUnavailableError } from "../../shared/errors.ts";
import { LEASE_KEY } from "../../shared/schemas/watch-rows.ts";
import type { Store } from "../../shared/store/store.ts";
import type { Process, Random, Scheduler } from "./scheduler.ts";

/** Rows whose every read and write matters to the promise. */
const VITAL = /^(c|due|dead)\//;
/** Operations on other rows are places to interleave this often. */
const OTHER_SHARE = 0.2;

/** A run that goes on without a store would waste the calls that it cannot store. */
const MAX_BLIND_CALLS = 20;

/** When the store fails, and how often it has failed each process. */
export type StoreHealth = ReturnType<typeof createStoreHealth>;

export function createStoreHealth(
  share: number,
  random: Random,
  mayFail: () => boolean,
  problems: string[],
) {
  const failures = new Map<Process, number>();
  /** Calls of the upstream since the store went down, by process; undefined while it is up. */
  let blindCalls: Map<Process, number> | undefined;
  return {
    /** Every operation fails from now on, or works again. */
    setDown(isDown: boolean): void {
      blindCalls = isDown && share > 0 ? new Map() : undefined;
    },
    isDown: () => blindCalls !== undefined,
    noteCall(owner: Process): void {
      if (!blindCalls || !mayFail()) return;
      const count = (blindCalls.get(owner) ?? 0) + 1;
      blindCalls.set(owner, count);
      if (count === MAX_BLIND_CALLS + 1) problems.push(`${owner.name} calls on without a store`);
    },
    /** Whether the next operation of a process fails, which it then may have done or not. */
    drawFailure(owner: Process): "before" | "after" | undefined {
      if (share === 0 || !mayFail() || (!blindCalls && random() >= share)) return undefined;
      failures.set(owner, (failures.get(owner) ?? 0) + 1);
      return blindCalls || random() < 0.5 ? "before" : "after";
    },
    failuresOf: (owner: Process): number => failures.get(owner) ?? 0,
  };
}

export type SteppingOptions = {
  readonly random: Random;
  readonly health: StoreHealth;
  /** Every poller holds a lease of its own, so they all work at once. */
  readonly hasOwnLease: boolean;
};

/** One process's store: each operation has a place to interleave before it and one after it. */
export function createSteppingStore(
  store: Store,
  owner: Process,
  { step }: Pick<Scheduler, "step">,
  { random, health, hasOwnLease }: SteppingOptions,
): Store {
  const around = async <T>(key: string, operation: () => Promise<T>): Promise<T> => {
    const pause = () =>
      VITAL.test(key) || random() < OTHER_SHARE ? step(owner) : Promise.resolve();
    await pause();
    const failure = health.drawFailure(owner);
    if (failure === "before") throw new StoreUnavailableError("test");
    const result = await operation();
    await pause();
    if (failure === "after") throw new StoreUnavailableError("test");
    return result;
  };
  const own = (key: string) => (hasOwnLease && key === LEASE_KEY ? `${key}/${owner.name}` : key);
  return {
    get: (key) => around(key, () => store.get(own(key))),
    put: (key, value, expected, version) =>
      around(key, () => store.put(own(key), value, expected, version)),
    delete: (key, expected) => around(key, () => store.delete(own(key), expected)),
    scan: (prefix, after, limit) => around(prefix, () => store.scan(prefix, after, limit)),
    close: () => store.close(),
  };
}
