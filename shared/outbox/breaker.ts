import type { EndpointRow } from "../schemas/outbox-rows.ts";
import { probeDelayMs } from "./schedule.ts";

/** Failures in a row after which the receiver counts as being in trouble. */
const OPEN_AFTER = 5;
const MAX_CONCURRENT = 20;

/**
 * What is believed of the receiver during one tick. Pure: each function gives the next state.
 * Trouble of the receiver costs no event an attempt; it only stops the sending, but for one probe
 * at a time on a growing schedule, and the return to full speed doubles from one.
 */
export type Breaker = {
  readonly row: EndpointRow;
  /** Failures since the last success. */
  readonly failures: number;
  /** Deliveries that may run at once while closed. */
  readonly limit: number;
  /** Successes since the limit was last doubled. */
  readonly successes: number;
};

export function createBreaker(row: EndpointRow | undefined, now: number): Breaker {
  const closed: EndpointRow = {
    schema: 1,
    state: "closed",
    step: 0,
    nextProbeAt: 0,
    since: new Date(now).toISOString(),
  };
  const known = row ?? closed;
  return { row: known, failures: known.failures ?? 0, limit: MAX_CONCURRENT, successes: 0 };
}

/** How many deliveries may run now, and when to look again if none may. */
export function allowance(
  breaker: Breaker,
  now: number,
): { readonly atOnce: number; readonly retryAt?: number } {
  switch (breaker.row.state) {
    case "closed":
      return { atOnce: breaker.limit };
    case "open":
      return now >= breaker.row.nextProbeAt
        ? { atOnce: 1 }
        : { atOnce: 0, retryAt: breaker.row.nextProbeAt };
    case "disabled":
    case "paused":
      return { atOnce: 0 };
  }
}

export function afterSuccess(breaker: Breaker, now: number): Breaker {
  if (breaker.row.state === "open") {
    const row: EndpointRow = {
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

export type Trouble = {
  readonly reason: string;
  readonly retryAfterMs?: number | undefined;
};

export function afterFailure(
  breaker: Breaker,
  trouble: Trouble,
  now: number,
  random: number,
): Breaker {
  const failures = breaker.failures + 1;
  const { row } = breaker;
  const ramping = breaker.limit < MAX_CONCURRENT;
  const opens =
    row.state === "closed" &&
    (failures >= OPEN_AFTER || ramping || trouble.retryAfterMs !== undefined);
  const probeFailed = row.state === "open" && now >= row.nextProbeAt;
  if (!opens && !probeFailed) return { ...breaker, failures };
  const step = probeFailed || ramping ? row.step + 1 : 0;
  const wait = Math.max(probeDelayMs(step, random), trouble.retryAfterMs ?? 0);
  return {
    ...breaker,
    failures,
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
