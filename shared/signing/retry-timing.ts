import type { AnyAppError } from "../errors.ts";

const BASE_MS = 250;
const THROTTLED_BASE_MS = 1000;

/**
 * The wait before the next try of a read in ms, or undefined when another try cannot help. The
 * upstream's own hint is a lower bound, to which jitter only adds.
 *
 * @param triesDone tries made so far, at least 1
 * @param random a number in [0, 1)
 */
export function retryDelayMs(
  error: AnyAppError,
  triesDone: number,
  random: number,
): number | undefined {
  const step = 2 ** (triesDone - 1);
  switch (error.code) {
    case "ERR_UPSTREAM_THROTTLED":
      return Math.max(error.retryAfterMs ?? 0, THROTTLED_BASE_MS * step) + random * BASE_MS;
    case "ERR_UPSTREAM_TIMEOUT":
    case "ERR_UPSTREAM_UNAVAILABLE":
    case "ERR_UPSTREAM_CONTRACT":
      return BASE_MS * step * (0.5 + random);
    default:
      return undefined;
  }
}
