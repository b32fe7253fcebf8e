import type { ReceiverRow } from "../schemas/outbox-rows.ts";
import { endOfWait } from "../schemas/stored-time.ts";
import type { AttemptResult } from "../webhook/attempt.ts";
import { LONGEST_PROBE_WAIT_MS, probeDelayMs } from "./schedule.ts";

/** The breaker opens after this many failures in a row. */
const OPEN_AFTER = 5;
const MAX_CONCURRENT = 20;

/**
 * The circuit breaker of the receiver during one run. Pure: each function returns the next state.
 * While it is open, one probe at a time replaces the deliveries, and no event loses an attempt.
 * Afterwards the number of deliveries at once doubles from one to full speed.
 */
export type Breaker = {
  readonly row: ReceiverRow;
  /** Failures since the last success. */
  readonly failures: number;
  /** Deliveries that may run at once while closed. */
  readonly limit: number;
  /** From an accepted probe until full speed. */
  readonly isRecovering: boolean;
  /** Successes since the limit was last doubled. */
  readonly successes: number;
};

/** The breaker at the start of a run: as stored, or closed for a new receiver. */
export function createBreaker(row: ReceiverRow | undefined, now: number): Breaker {
  const closed: ReceiverRow = {
    schema: 1,
    state: "closed",
    step: 0,
    nextProbeAt: 0,
    since: new Date(now).toISOString(),
  };
  const stored = row ?? closed;
  const nextProbeAt = endOfWait(stored.nextProbeAt, LONGEST_PROBE_WAIT_MS, now);
  const known = nextProbeAt === stored.nextProbeAt ? stored : { ...stored, nextProbeAt };
  const failures = known.failures ?? 0;
  return { row: known, failures, limit: MAX_CONCURRENT, isRecovering: false, successes: 0 };
}

export type Allowance = {
  /** How many deliveries may run at once. */
  readonly atOnce: number;
  /** One `webhook.test` may probe the receiver instead. */
  readonly probe?: boolean;
  /** When a probe is due, on the wall clock in ms; undefined if none is planned. */
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

/** After an accepted probe, which alone closes an open breaker. Its limit begins with one. */
export function afterAcceptedProbe(breaker: Breaker, now: number): Breaker {
  if (breaker.row.state !== "open") return afterSuccess(breaker);
  const since = new Date(now).toISOString();
  const row: ReceiverRow = { ...breaker.row, state: "closed", nextProbeAt: 0, since };
  return {
    row: { ...row, reason: undefined },
    failures: 0,
    limit: 1,
    isRecovering: true,
    successes: 0,
  };
}

/** After a delivery: a closed breaker raises its limit. */
export function afterSuccess(breaker: Breaker): Breaker {
  // This delivery began before the breaker opened, so it shows nothing of the receiver now.
  if (breaker.row.state !== "closed") return breaker;
  const successes = breaker.successes + 1;
  if (breaker.limit === MAX_CONCURRENT || successes < breaker.limit) {
    return { ...breaker, failures: 0, successes };
  }
  const limit = Math.min(MAX_CONCURRENT, breaker.limit * 2);
  // At full speed the outage is over: the next one starts with the shortest wait.
  const isRecovering = breaker.isRecovering && limit < MAX_CONCURRENT;
  const row = isRecovering || breaker.row.step === 0 ? breaker.row : { ...breaker.row, step: 0 };
  return { row, failures: 0, limit, isRecovering, successes: 0 };
}

/** After a 429 while the receiver accepts others: a rate, which halves what runs at once. */
function afterThrottle(breaker: Breaker): Breaker {
  return { ...breaker, limit: Math.max(1, Math.floor(breaker.limit / 2)), successes: 0 };
}

/** A failed attempt that may be the receiver's problem. */
export type ReceiverFailure = {
  readonly reason: string;
  readonly status?: number | undefined;
  readonly retryAfterMs?: number | undefined;
  /** The receiver accepted another event recently, so this event alone may be the cause. */
  readonly isLocal?: boolean;
};

export function toReceiverFailure(result: AttemptResult): ReceiverFailure {
  const { status } = result;
  if (result.kind !== "failed") return { reason: `status ${status}`, status };
  const { reason, transportCode, retryAfterMs } = result;
  const cause = transportCode === undefined ? reason : `${reason}: ${transportCode}`;
  return { reason: status === undefined ? cause : `status ${status}`, status, retryAfterMs };
}

/** After a failed delivery; `random` from 0 to 1 spreads the probes. */
export function afterFailure(
  breaker: Breaker,
  failure: ReceiverFailure,
  now: number,
  random: number,
): Breaker {
  const { row, isRecovering } = breaker;
  if (failure.isLocal && failure.status === 429) return afterThrottle(breaker);
  const failures = breaker.failures + 1;
  if (row.state === "open") {
    // A delivery that began before the breaker opened is no probe: it only moves the next one.
    const asked = failure.retryAfterMs === undefined ? 0 : now + failure.retryAfterMs;
    return asked <= row.nextProbeAt ? breaker : { ...breaker, row: { ...row, nextProbeAt: asked } };
  }
  const isUrgent = !failure.isLocal && (isRecovering || failure.retryAfterMs !== undefined);
  const opens = row.state === "closed" && (failures >= OPEN_AFTER || isUrgent);
  if (!opens) {
    // From the first failure on, status says why.
    const isNew = row.state === "closed" && row.reason !== failure.reason;
    return { ...breaker, failures, row: isNew ? { ...row, reason: failure.reason } : row };
  }
  return open(breaker, isRecovering ? row.step + 1 : 0, failure, now, random);
}

/** After a failed probe, which makes the wait for the next one a step longer. */
export function afterFailedProbe(
  breaker: Breaker,
  failure: ReceiverFailure,
  now: number,
  random: number,
): Breaker {
  return open(breaker, breaker.row.step + 1, failure, now, random);
}

function open(
  breaker: Breaker,
  step: number,
  failure: ReceiverFailure,
  now: number,
  random: number,
): Breaker {
  const { row } = breaker;
  const wait = Math.max(probeDelayMs(step, random), failure.retryAfterMs ?? 0);
  return {
    ...breaker,
    // A probe closes the breaker with no failures counted.
    failures: 0,
    row: {
      ...row,
      state: "open",
      step,
      nextProbeAt: now + wait,
      since: row.state === "open" ? row.since : new Date(now).toISOString(),
      reason: failure.reason,
    },
  };
}

/** After a 410: nothing is sent until an operator enables the receiver. */
export function afterGone(breaker: Breaker, now: number): Breaker {
  const since = new Date(now).toISOString();
  return { ...breaker, row: { ...breaker.row, state: "disabled", since, reason: "410" } };
}
