import type { StoreUnavailableError } from "../errors.ts";
import type { Version, Versioned } from "./store.ts";

type Find = () => Promise<Versioned | undefined>;

/**
 * Learns from the row what a put did whose response was lost.
 * @throws the given error when the row proves nothing
 */
export function settlePut(
  find: Find,
  token: Version,
  lost: StoreUnavailableError,
): Promise<"stored"> {
  // Only this put can have stored its token. Another's row may have refused it, or be built on it.
  return settle(find, lost, (now) => (now?.version === token ? "stored" : undefined));
}

/**
 * Learns from the row what a delete did whose response was lost.
 * @throws the given error when the row proves nothing
 */
export function settleDelete(
  find: Find,
  expected: Version,
  lost: StoreUnavailableError,
): Promise<"deleted" | "conflict"> {
  // Versions never come back. Once the expected one is gone, this delete can do no more harm, and
  // no row is what the caller wanted, whoever removed it.
  return settle(find, lost, (now) => {
    if (!now) return "deleted";
    return now.version === expected ? undefined : "conflict";
  });
}

/**
 * The write may still be running while the row is read. So what is not there yet proves nothing,
 * and only what can never change back does. If the read fails too, the first reason says more.
 */
async function settle<T>(
  find: Find,
  lost: StoreUnavailableError,
  prove: (now: Versioned | undefined) => T | undefined,
): Promise<T> {
  const outcome = await find().then(prove, () => undefined);
  if (outcome === undefined) throw lost;
  return outcome;
}
