import { setMaxListeners } from "node:events";
import type { CallLimiter } from "../signing/upstream.ts";
import { createSlots, type Pace } from "./slots.ts";

export type RateLimiterOptions = {
  /** Calls per second that may be used. */
  readonly limit: number;
  /** On the monotonic clock: no call starts from then on. */
  readonly stopAt: number;
  /** Where the limiter before this one ended, if its calls may still count upstream. */
  readonly earlier?: Pace | undefined;
};

export type RateLimiterDeps = {
  /** Only ever moves forward, ms. */
  readonly monotonic: () => number;
  readonly sleep: (ms: number, signal?: AbortSignal) => Promise<void>;
};

type Grant = (isGranted: boolean) => void;

export type RateLimiter = CallLimiter & {
  /** As `acquire`, but before all calls that wait and are not urgent. */
  acquireUrgent(): Promise<boolean>;
  /** Starts no further call. Callers that wait for one get `false` at once. */
  stop(): void;
  /** Waits this long in ms. Resolves to false as soon as no call could start afterwards. */
  wait(ms: number): Promise<boolean>;
  /** Waits this long in ms, until the signal, or until no call could start any more. */
  idle(ms: number, signal: AbortSignal): Promise<void>;
  readonly stopped: boolean;
  /** What the next limiter of the same calls begins with. */
  pace(): Pace;
};

/**
 * Paces calls by slots: `limit` slots, each free again one second after its answer, less a lead
 * that long and steady round trips earn (slots.ts). A throttled answer takes slots away at once.
 * They come back slowly, because the whole account shares the quota.
 */
export function createRateLimiter(options: RateLimiterOptions, deps: RateLimiterDeps): RateLimiter {
  const slots = createSlots(options.limit, deps.monotonic(), options.earlier);
  const stopping = new AbortController();
  // Every worker may wait on it at once. Node would report more than ten listeners as a leak.
  setMaxListeners(0, stopping.signal);
  // First come, first served: a customer that others overtake would hold the sweep's cursor back.
  // Only the few urgent calls go before them.
  const waiting = { urgent: [] as Grant[], others: [] as Grant[] };
  let isServing = false;

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

  async function serve(): Promise<void> {
    if (isServing) return;
    isServing = true;
    while (waiting.urgent.length + waiting.others.length > 0) {
      const isGranted = await takeSlot();
      const grant = waiting.urgent.shift() ?? waiting.others.shift();
      grant?.(isGranted);
    }
    isServing = false;
  }

  const acquire = (line: Grant[]) =>
    new Promise<boolean>((resolve) => {
      line.push(resolve);
      void serve();
    });

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

    async idle(ms, signal) {
      const leftMs = options.stopAt - deps.monotonic();
      await deps.sleep(Math.min(ms, leftMs), AbortSignal.any([stopping.signal, signal]));
    },

    acquire: () => acquire(waiting.others),
    acquireUrgent: () => acquire(waiting.urgent),

    release(outcome) {
      slots.end(deps.monotonic(), outcome);
    },

    pace: () => slots.pace(deps.monotonic()),
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
