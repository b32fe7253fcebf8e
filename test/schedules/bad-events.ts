import type { Random } from "./scheduler.ts";

/** In this share of the schedules the receiver refuses events, and of their events this share. */
const REFUSING_SEEDS = 0.15;
const REFUSED_EVENTS = 0.1;
/** In this share of the schedules it fails on some events, and of their events on this share. */
const FAILING_SEEDS = 0.15;
const FAILING_EVENTS = 0.25;
/** Of the events it fails on, those on which it fails as long as the upstream keeps changing. */
const STUBBORN = 0.3;
const MAX_FAILING_MS = 40_000;

/**
 * Events that the receiver does not accept although it accepts others. In some schedules it
 * refuses some with a 400, always. In some it fails on some with a 500, for a time.
 */
export function createBadEvents(random: Random, now: () => number, isCalm: () => boolean) {
  const refusedShare = random() < REFUSING_SEEDS ? REFUSED_EVENTS : 0;
  const failingShare = random() < FAILING_SEEDS ? FAILING_EVENTS : 0;
  const refused = new Map<string, boolean>();
  const failsUntil = new Map<string, number>();
  let failures = 0;

  const drawEnd = () => {
    if (random() >= failingShare) return 0;
    return random() < STUBBORN ? Number.POSITIVE_INFINITY : now() + random() * MAX_FAILING_MS;
  };

  return {
    isRefused(id: string): boolean {
      if (refusedShare === 0 || id.startsWith("evt_test")) return false;
      const isRefused = refused.get(id) ?? random() < refusedShare;
      refused.set(id, isRefused);
      return isRefused;
    },

    /** Counts as a failure if true. */
    isFailing(id: string): boolean {
      if (failingShare === 0 || isCalm() || id.startsWith("evt_test")) return false;
      const until = failsUntil.get(id) ?? drawEnd();
      failsUntil.set(id, until);
      if (now() >= until) return false;
      failures += 1;
      return true;
    },

    failures: () => failures,
  };
}
