import type { AttemptResult, OutgoingEvent } from "../../shared/webhook/attempt.ts";
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

  function isRefused(id: string): boolean {
    if (refusedShare === 0) return false;
    const is = refused.get(id) ?? random() < refusedShare;
    refused.set(id, is);
    return is;
  }

  function isFailing(id: string): boolean {
    if (failingShare === 0 || isCalm()) return false;
    const until = failsUntil.get(id) ?? drawEnd();
    failsUntil.set(id, until);
    return now() < until;
  }

  return {
    /** The answer to an event that it does not accept. */
    answer({ id }: OutgoingEvent): AttemptResult | undefined {
      if (id.startsWith("evt_test")) return undefined;
      if (isRefused(id)) return { kind: "refused", status: 400 };
      if (!isFailing(id)) return undefined;
      failures += 1;
      return { kind: "failed", reason: "status", status: 500 };
    },

    failures: () => failures,
    refusesSome: refusedShare > 0,
    /** Whether events may be refused or fail in this schedule. */
    areAny: refusedShare > 0 || failingShare > 0,
  };
}
