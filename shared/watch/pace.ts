import type { Gate } from "../signing/upstream.ts";

/** A slot is free again this long after its answer. */
const SLOT_REST_MS = 1_000;

/** On throttling the pace drops to this share of itself, at most once a second… */
const CUT = 0.7;
const CUT_PAUSE_MS = 1_000;
/** …and wins back this many slots a second. */
const RECOVERY_PER_SECOND = 0.5;

export type PaceOptions = {
  /** Calls per second that may be used. */
  readonly limit: number;
  /** On the monotonic clock: no call starts from then on. */
  readonly stopAt: number;
};

export type PaceDeps = {
  readonly monotonic: () => number;
  readonly sleep: (ms: number, signal?: AbortSignal) => Promise<void>;
};

export type Pace = Gate & {
  /** No further call starts; waiting ones are told so. */
  stop(): void;
  readonly stopped: boolean;
};

/**
 * Paces calls by slots: `limit` slots, each free again one second after its answer came. A call was
 * counted upstream no later than its answer came, so no window of one second there, fixed or
 * sliding, can hold more than `limit` of ours, whatever the network does.
 */
export function createPace(options: PaceOptions, deps: PaceDeps): Pace {
  const freeAt: number[] = Array.from({ length: options.limit }, () => Number.NEGATIVE_INFINITY);
  const stopping = new AbortController();
  let allowed = options.limit;
  let allowedSince = deps.monotonic();
  let lastCut = Number.NEGATIVE_INFINITY;

  const allowedNow = (now: number) =>
    Math.min(options.limit, allowed + ((now - allowedSince) / 1000) * RECOVERY_PER_SECOND);

  return {
    get stopped() {
      return stopping.signal.aborted || deps.monotonic() >= options.stopAt;
    },

    stop() {
      stopping.abort();
    },

    async enter() {
      for (;;) {
        const now = deps.monotonic();
        if (stopping.signal.aborted || now >= options.stopAt) return false;
        const busy = freeAt.filter((time) => time > now).length;
        const free = freeAt.findIndex((time) => time <= now);
        if (free >= 0 && busy < Math.floor(allowedNow(now))) {
          freeAt[free] = Number.POSITIVE_INFINITY;
          return true;
        }
        const next = Math.min(...freeAt.filter((time) => time > now), now + SLOT_REST_MS);
        await deps.sleep(Math.min(next, options.stopAt) - now, stopping.signal);
      }
    },

    leave(outcome) {
      const now = deps.monotonic();
      const used = freeAt.indexOf(Number.POSITIVE_INFINITY);
      if (used >= 0) freeAt[used] = now + SLOT_REST_MS;
      if (outcome !== "throttled" || now - lastCut < CUT_PAUSE_MS) return;
      allowed = Math.max(1, allowedNow(now) * CUT);
      allowedSince = now;
      lastCut = now;
    },
  };
}
