import { QuotaShareError } from "../errors.ts";
import type { CallLimiter } from "../signing/upstream.ts";
import type { RateLimiterDeps } from "./rate-limiter.ts";

/** So long a query waits for its turn, because meanwhile its instance answers nobody else. */
const MAX_WAIT_MS = 2_000;
/** What was full is mostly still full within the same second. */
const THROTTLED_REST_MS = 1_000;

/**
 * What one instance of query may send: `qps` calls a second. The platform bounds the instances, so
 * their share of the account's calls has a ceiling that needs no shared state.
 *
 * @returns makes the limiter of one query. Its first `acquire` throws QuotaShareError instead of a
 *   longer wait than two seconds. A retry is given up.
 */
export function createLiveShare(
  qps: number,
  { monotonic, sleep }: RateLimiterDeps,
): () => CallLimiter {
  const spacingMs = 1_000 / qps;
  let freeAt = Number.NEGATIVE_INFINITY;

  return function limitQuery() {
    let isRetry = false;
    return {
      async acquire() {
        const now = monotonic();
        const waitMs = Math.max(0, freeAt - now);
        if (waitMs > MAX_WAIT_MS) {
          if (isRetry) return false;
          throw new QuotaShareError(waitMs / 1_000);
        }
        isRetry = true;
        freeAt = now + waitMs + spacingMs;
        if (waitMs > 0) await sleep(waitMs);
        return true;
      },

      // The upstream counts a call no later than it answers, so the next one is apart from that.
      release(outcome) {
        const restMs = outcome === "throttled" ? THROTTLED_REST_MS : 0;
        freeAt = Math.max(freeAt, monotonic() + Math.max(spacingMs, restMs));
      },
    };
  };
}
