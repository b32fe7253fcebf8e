import { DeployError } from "./deploy-error.js";

const DELAYS_MS = [300, 700, 1500, 3000, 5000];
const LIMIT_MS = 90_000;

/**
 * @typedef {object} Clock
 * @property {() => number} now ms
 * @property {(ms: number) => Promise<unknown>} sleep
 */

/**
 * Asks until there is an answer: what was just made is not seen everywhere at once.
 *
 * @template T
 * @param {Clock} clock
 * @param {string} what
 * @param {() => Promise<T | undefined>} probe
 * @returns {Promise<T>}
 * @throws {DeployError} after 90 s
 */
export async function untilSeen(clock, what, probe) {
  const givesUpAt = clock.now() + LIMIT_MS;
  for (let tries = 0; ; tries += 1) {
    const found = await probe();
    if (found !== undefined) return found;
    if (clock.now() > givesUpAt) {
      throw new DeployError(`${what} is still not there after 90 s; run the same command again.`);
    }
    await clock.sleep(delayOf(tries));
  }
}

// What the cloud says of a role, project or logstore that was made a moment ago.
const MAY_PASS =
  /^(InvalidArgument|AccessDenied|EntityNotExist\.\w+|ProjectNotExist|LogStoreNotExist)$/;

/**
 * Repeats a call that the cloud refuses while a new role or log project is not known everywhere.
 *
 * @template T
 * @param {Clock} clock
 * @param {boolean} isNew whether one of them is young enough for that
 * @param {() => Promise<T>} run
 * @returns {Promise<T>}
 * @throws {DeployError} at once for another refusal, or the last one after 90 s
 */
export async function untilAccepted(clock, isNew, run) {
  const givesUpAt = clock.now() + (isNew ? LIMIT_MS : 0);
  for (let tries = 0; ; tries += 1) {
    try {
      return await run();
    } catch (error) {
      const mayPass = error instanceof DeployError && MAY_PASS.test(error.apiCode ?? "");
      if (!mayPass || clock.now() >= givesUpAt) throw error;
      await clock.sleep(delayOf(tries));
    }
  }
}

/** @param {number} tries */
function delayOf(tries) {
  return DELAYS_MS[Math.min(tries, DELAYS_MS.length - 1)] ?? 0;
}
