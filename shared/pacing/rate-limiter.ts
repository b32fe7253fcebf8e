import { setMaxListeners } from "node:events";
import type { CallLimiter } from "../signing/upstream.ts";
import { createSlots } from "./slots.ts";

export type RateLimiterOptions = {
  /** Calls per second that may be used. */
  readonly limit: number;
  /** On the monotonic clock: no call starts from then on. */
  readonly stopAt: number;
};

export type RateLimiterDeps = {
  readonly monotonic: () => number;
  readonly sleep: (ms: number, signal?: AbortSignal) => Promise<void>;
};

export type RateLimiter = CallLimiter & {
  /** No further call starts; waiting ones are told so. */
  stop(): void;
  /** Waits this long in ms; false at once if no call could start afterwards, or as soon as so. */
  wait(ms: number): Promise<boolean>;
  readonly stopped: boolean;
};

/**
 * Paces calls by slots: `limit` slots, each free again one second after its answer came, less a
 * lead that long and steady round trips earn (pace-slots.ts). On throttling slots are given up at
 * once and won back slowly, because the quota is everyone's on the account.
 */
export function createRateLimiter(options: RateLimiterOptions, deps: RateLimiterDeps): RateLimiter {
  const slots = createSlots(options.limit, deps.monotonic());
  const stopping = new AbortController();
  // Every worker may wait on it at once: Node would take more than ten for a leak and say so.
  setMaxListeners(0, stopping.signal);
  // First come, first served: a customer that waits while others overtake it would hold the sweep's
  // cursor where it is.
  let line: Promise<unknown> = Promise.resolve();

  const isStopped = () => stopping.signal.aborted || deps.monotonic() >= options.stopAt;

  async function takeSlot(): Promise<boolean> {
    for (;;) {
      if (isStopped()) return false;
      const now = deps.monotonic();
      const wait = slots.waitMs(now);
      if (wait <= 0) {
        slots.start(now);
        return true;
      }
      await deps.sleep(Math.min(wait, options.stopAt - now), stopping.signal);
    }
  }

  return {
    get stopped() {
      return isStopped();
    },

    stop() {
      stopping.abort();
    },

    async wait(ms) {
      if (stopping.signal.aborted || deps.monotonic() + ms >= options.stopAt) return false;
      await deps.sleep(ms, stopping.signal);
      return !isStopped();
    },

    acquire() {
      const mine = line.then(takeSlot);
      line = mine;
      return mine;
    },

    release(outcome) {
      slots.end(deps.monotonic(), outcome);
    },
  };
}

/** The same limiter, which also reports what each `acquire` resolves to. */
export function observeAcquire(
  limiter: CallLimiter,
  onAcquired: (isGranted: boolean) => void,
): CallLimiter {
  return {
    async acquire() {
      const isGranted = await limiter.acquire();
      onAcquired(isGranted);
      return isGranted;
    },
    release: (outcome) => limiter.release(outcome),
  };
}
