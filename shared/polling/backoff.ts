import type { AnyAppError } from "../errors.ts";
import { describeError, type LogFields } from "../log.ts";

const DENIED_PAUSE_MS = 3_600_000;
/** After so many failures in a row the source counts as down. */
const FAILURES_BEFORE_PAUSE = 3;
const DOWN_PAUSE_MS = 300_000;

/** What a warm instance remembers of an optional operation. Losing it costs a few calls and a warning. */
export type BackoffState = {
  /** Until then it is not called, on the wall clock in ms. */
  pausedUntil: number;
  /** Failed calls in a row. */
  failures: number;
};

/** What says nothing about the source: a refusal concerns its customer, the others the pace. */
const NO_FAILURES = /* @__PURE__ */ new Set([
  "ERR_UPSTREAM_REJECTED",
  "ERR_UPSTREAM_NOT_SENT",
  "ERR_UPSTREAM_THROTTLED",
]);

export function newBackoffState(): BackoffState {
  return { pausedUntil: 0, failures: 0 };
}

/**
 * Pauses an optional operation: for an hour without its RAM action, and for five minutes after three
 * failures in a row. Each pause is one warning. A refusal concerns its customer alone.
 */
export function createBackoff(
  state: BackoffState,
  warn: Readonly<Record<"denied" | "down", (facts: LogFields) => void>>,
  now: () => number,
) {
  /** A pause that is longer than any was set by a wrong clock, and is over. */
  const isPaused = () => {
    const left = state.pausedUntil - now();
    return left > 0 && left <= DENIED_PAUSE_MS;
  };

  const pause = (ms: number, reason: keyof typeof warn, error: unknown) => {
    // Calls that are under way together fail together.
    if (isPaused()) return;
    warn[reason]({ ...describeError(error), pauseMs: ms });
    state.pausedUntil = now() + ms;
    state.failures = 0;
  };

  return {
    isPaused,
    noteFailure(error: AnyAppError): void {
      if (error.code === "ERR_UPSTREAM_ACCOUNT") {
        pause(DENIED_PAUSE_MS, "denied", error);
      } else if (!NO_FAILURES.has(error.code)) {
        state.failures += 1;
        if (state.failures < FAILURES_BEFORE_PAUSE) return;
        pause(DOWN_PAUSE_MS, "down", error);
      }
    },
    noteSuccess(): void {
      state.failures = 0;
    },
  };
}
