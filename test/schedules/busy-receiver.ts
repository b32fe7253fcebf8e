import type { AttemptResult, OutgoingEvent } from "../../shared/webhook/attempt.ts";
import { ORDINARY } from "./scenario.ts";
import type { Random } from "./scheduler.ts";

/** In these shares of the schedules the receiver takes few at a time, holds a customer, … */
const BUSY_SEEDS = 0.15;
const HOLDING_SEEDS = 0.1;
/**
 * … or refuses every `webhook.test`, because it knows only events of numbers. One that also refuses
 * the first event of every customer accepts nothing at all, so nobody could tell what it refuses.
 */
const UNTESTED_SEEDS = 0.1;
const MAX_PAUSE_MS = 400;
const SECOND = 1_000;
/** What a Retry-After comes to. */
const SHORT_WAITS = [SECOND, 3 * SECOND, 10 * SECOND];
/** An hour at most is left of a longer one. */
const HOUR = 3_600 * SECOND;

/**
 * A receiver that says when to come again. It accepts one event in a while and answers the others
 * with 429 or 503. Or it answers 429 to every event of one customer, for as long as it holds it.
 */
export function createBusyReceiver(
  random: Random,
  now: () => number,
  { refusesSome }: { readonly refusesSome: boolean },
) {
  let pauseMs = random() < BUSY_SEEDS ? random() * MAX_PAUSE_MS : 0;
  const pick = <T>(from: readonly T[]) => from[Math.floor(random() * from.length)] as T;
  let held = random() < HOLDING_SEEDS ? pick(ORDINARY) : undefined;
  const isUntested = random() < UNTESTED_SEEDS && !refusesSome;
  // One that accepts no test and asks for an hour at its first event asks for it for everybody.
  const heldWait = pick([undefined, ...SHORT_WAITS, isUntested ? SECOND : HOUR]);
  let freeAt = 0;

  const later = (status: number, retryAfterMs: number | undefined): AttemptResult => ({
    ...{ kind: "failed", reason: "status", status },
    ...(retryAfterMs !== undefined && { retryAfterMs }),
  });

  return {
    /** It takes few events at a time. */
    isBusy: pauseMs > 0,
    /** The customer whose events get a 429, until `release`. */
    held: () => held,
    /** @param isEager from now on it takes all that come */
    release(isEager: boolean): void {
      held = undefined;
      if (isEager) pauseMs = 0;
    },
    /** The answer to an event that it does not take now. */
    answer({ id, body }: OutgoingEvent): AttemptResult | undefined {
      const isTest = id.startsWith("evt_test");
      if (isTest && isUntested) return { kind: "refused", status: 400 };
      if (held !== undefined && body.includes(`"partitionkey":"${held}"`)) {
        return later(429, heldWait);
      }
      if (pauseMs === 0) return undefined;
      if (now() < freeAt) {
        return random() < 0.3
          ? later(503, pick(SHORT_WAITS))
          : later(429, pick([undefined, ...SHORT_WAITS]));
      }
      freeAt = now() + pauseMs;
      return undefined;
    },
  };
}
