import { DeployError } from "./deploy-error.js";

const DELAYS_MS = [300, 700, 1500, 3000, 5000];
const LIMIT_MS = 90_000;

/**
 * @typedef {object} Clock
 * @property {() => number} now ms
 * @property {(ms: number) => Promise<unknown>} sleep
 */

/** @typedef {{ clock: Clock, say: (text: string) => void }} Waiting `say` tells once what is waited for */

/**
 * Asks until there is an answer: what was just made is not seen everywhere at once.
 *
 * @template T
 * @param {Waiting} waiting
 * @param {string} what
 * @param {() => Promise<T | undefined>} probe
 * @returns {Promise<T>}
 * @throws {DeployError} after 90 s
 */
export async function untilSeen({ clock, say }, what, probe) {
  const givesUpAt = clock.now() + LIMIT_MS;
  for (let tries = 0; ; tries += 1) {
    const found = await probe();
    if (found !== undefined) return found;
    if (clock.now() > givesUpAt) {
      throw new DeployError(`${what} is still not there after 90 s; run the same command again.`);
    }
    if (tries === 0) say(`${what} is not there yet: waiting for up to 90 s`);
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
 * @param {Waiting} waiting
 * @param {boolean} isNew whether one of them is young enough for that
 * @param {() => Promise<T>} run
 * @returns {Promise<T>}
 * @throws {DeployError} at once for another refusal, or the last one after 90 s
 */
export async function untilAccepted({ clock, say }, isNew, run) {
  const givesUpAt = clock.now() + (isNew ? LIMIT_MS : 0);
  for (let tries = 0; ; tries += 1) {
    try {
      return await run();
    } catch (error) {
      const mayPass = error instanceof DeployError && MAY_PASS.test(error.apiCode ?? "");
      if (!mayPass || clock.now() >= givesUpAt) throw error;
      if (tries === 0) {
        say(
          `Refused with ${error.apiCode}, which may be because the role or the logs are new: trying again for up to 90 s`,
        );
      }
      await clock.sleep(delayOf(tries));
    }
  }
}

/** @param {number} tries */
function delayOf(tries) {
  return DELAYS_MS[Math.min(tries, DELAYS_MS.length - 1)] ?? 0;
}
