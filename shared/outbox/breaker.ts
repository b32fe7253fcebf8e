import type { ReceiverRow } from "../schemas/outbox-rows.ts";
import { probeDelayMs } from "./schedule.ts";

/** Failures in a row after which the receiver counts as being in trouble. */
const OPEN_AFTER = 5;
const MAX_CONCURRENT = 20;

/**
 * What is believed of the receiver during one run. Pure: each function gives the next state.
 * Trouble of the receiver costs no event an attempt; it only stops the sending, but for one probe
 * at a time on a growing schedule, and the return to full speed doubles from one.
 */
export type Breaker = {
  readonly row: ReceiverRow;
  /** Failures since the last success. */
  readonly failures: number;
  /** Deliveries that may run at once while closed. */
  readonly limit: number;
  /** Successes since the limit was last doubled. */
  readonly successes: number;
};

/** What a run starts with: the stored belief, or that a receiver nobody knows is well. */
export function createBreaker(row: ReceiverRow | undefined, now: number): Breaker {
  const closed: ReceiverRow = {
    schema: 1,
    state: "closed",
    step: 0,
    nextProbeAt: 0,
    since: new Date(now).toISOString(),
  };
  const known = row ?? closed;
  return { row: known, failures: known.failures ?? 0, limit: MAX_CONCURRENT, successes: 0 };
}

export type Allowance = {
  /** How many deliveries may run now. */
  readonly atOnce: number;
  /** Instead, one `webhook.test` is to find out whether the receiver is back. */
  readonly probe?: boolean;
  /** When to look again if nothing may be sent, on the wall clock in ms. */
  readonly retryAt?: number;
};

/** What may be sent now; `now` is the wall clock in ms. */
export function allowance(breaker: Breaker, now: number): Allowance {
  switch (breaker.row.state) {
    case "closed":
      return { atOnce: breaker.limit };
    case "open":
      return now >= breaker.row.nextProbeAt
        ? { atOnce: 0, probe: true }
        : { atOnce: 0, retryAt: breaker.row.nextProbeAt };
    case "disabled":
    case "paused":
      return { atOnce: 0 };
  }
}

/** After a 2xx: an open receiver is closed at a limit of one, a closed one gets on with doubling. */
export function afterSuccess(breaker: Breaker, now: number): Breaker {
  if (breaker.row.state === "open") {
    const row: ReceiverRow = {
      ...breaker.row,
      state: "closed",
      nextProbeAt: 0,
      since: new Date(now).toISOString(),
    };
    return { row, failures: 0, limit: 1, successes: 0 };
  }
  const successes = breaker.successes + 1;
  if (breaker.limit === MAX_CONCURRENT || successes < breaker.limit) {
    return { ...breaker, failures: 0, successes };
  }
  const limit = Math.min(MAX_CONCURRENT, breaker.limit * 2);
  // Only a receiver that is back at full speed starts a later trouble with the shortest wait.
  const row = limit === MAX_CONCURRENT ? { ...breaker.row, step: 0 } : breaker.row;
  return { row, failures: 0, limit, successes: 0 };
}

export type ReceiverFailure = {
  readonly reason: string;
  readonly retryAfterMs?: number | undefined;
  /** The receiver accepted something else just now: this event alone may be what it stumbles over. */
  readonly isLocal?: boolean;
};

/** After a failure that says something of the receiver; `random` from 0 to 1 spreads the probes. */
export function afterFailure(
  breaker: Breaker,
  trouble: ReceiverFailure,
  now: number,
  random: number,
): Breaker {
  const failures = breaker.failures + 1;
  const { row } = breaker;
  if (row.state === "open") {
    // Deliveries that were under way when it opened end one after the other: they are no probes.
    const asked = trouble.retryAfterMs === undefined ? 0 : now + trouble.retryAfterMs;
    return asked <= row.nextProbeAt ? breaker : { ...breaker, row: { ...row, nextProbeAt: asked } };
  }
  const ramping = breaker.limit < MAX_CONCURRENT;
  const opens =
    row.state === "closed" &&
    (failures >= OPEN_AFTER || (ramping && !trouble.isLocal) || trouble.retryAfterMs !== undefined);
  if (!opens) return { ...breaker, failures };
  return open(breaker, ramping ? row.step + 1 : 0, trouble, now, random);
}

/** A probe has failed: the next one comes a step later. */
export function afterFailedProbe(
  breaker: Breaker,
  trouble: ReceiverFailure,
  now: number,
  random: number,
): Breaker {
  return open(breaker, breaker.row.step + 1, trouble, now, random);
}

function open(
  breaker: Breaker,
  step: number,
  trouble: ReceiverFailure,
  now: number,
  random: number,
): Breaker {
  const { row } = breaker;
  const wait = Math.max(probeDelayMs(step, random), trouble.retryAfterMs ?? 0);
  return {
    ...breaker,
    // The count begins anew when a probe closes it.
    failures: 0,
    row: {
      ...row,
      state: "open",
      step,
      nextProbeAt: now + wait,
      since: row.state === "open" ? row.since : new Date(now).toISOString(),
      reason: trouble.reason,
    },
  };
}

/** 410: the receiver wants nothing more, until an operator says otherwise. */
export function afterGone(breaker: Breaker, now: number): Breaker {
  const since = new Date(now).toISOString();
  return { ...breaker, row: { ...breaker.row, state: "disabled", since, reason: "410" } };
}
