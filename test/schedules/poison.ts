import type { Random } from "./scheduler.ts";

/** Of the schedules, and in those of the events. */
const REFUSING_SEEDS = 0.15;
const REFUSED_EVENTS = 0.1;
const STUMBLING_SEEDS = 0.15;
const STUMBLED_EVENTS = 0.25;
/** Of the events stumbled over, those that are for as long as the upstream keeps changing. */
const STUBBORN = 0.3;
const MAX_STUMBLE_MS = 40_000;

/**
 * Events that a receiver will not take although it takes others: in some schedules some are
 * refused for ever, and in some it stumbles over some until a time or until all is calm.
 */
export function createPoison(random: Random, now: () => number, isCalm: () => boolean) {
  const refusedShare = random() < REFUSING_SEEDS ? REFUSED_EVENTS : 0;
  const stumbledShare = random() < STUMBLING_SEEDS ? STUMBLED_EVENTS : 0;
  const refused = new Map<string, boolean>();
  const stumblesUntil = new Map<string, number>();
  let stumbles = 0;

  const drawEnd = () => {
    if (random() >= stumbledShare) return 0;
    return random() < STUBBORN ? Number.POSITIVE_INFINITY : now() + random() * MAX_STUMBLE_MS;
  };

  return {
    isPoison(id: string): boolean {
      if (refusedShare === 0 || id.startsWith("evt_test")) return false;
      const decided = refused.get(id) ?? random() < refusedShare;
      refused.set(id, decided);
      return decided;
    },

    isStumble(id: string): boolean {
      if (stumbledShare === 0 || isCalm() || id.startsWith("evt_test")) return false;
      const until = stumblesUntil.get(id) ?? drawEnd();
      stumblesUntil.set(id, until);
      if (now() >= until) return false;
      stumbles += 1;
      return true;
    },

    stumbles: () => stumbles,
  };
}
