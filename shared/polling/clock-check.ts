import type { CallOptions, Upstream } from "../signing/upstream.ts";

/** Two clocks that differ by no more are both taken for right. */
const MAX_DIFFERENCE_MS = 300_000;

/**
 * Whether this clock is right, by the `Date` of the upstream's answers in this run. Nothing is
 * deleted or reported by age before: a clock that is a year ahead makes everything old.
 */
export type ClockCheck = {
  /** Notes an answer, an error as well, by its `Date` header. */
  note(date: unknown): void;
  isConfirmed(): boolean;
  /** Whether any call was answered. */
  hasAnswer(): boolean;
  /** How far this clock is ahead of the last `Date`, in ms, if that is too far. */
  aheadMs(): number | undefined;
};

export function createClockCheck(now: () => number): ClockCheck {
  let isConfirmed = false;
  let hasAnswer = false;
  let lastMs: number | undefined;
  return {
    note(date) {
      hasAnswer = true;
      const at = typeof date === "string" ? Date.parse(date) : Number.NaN;
      if (Number.isNaN(at)) return;
      lastMs = now() - at;
      isConfirmed ||= Math.abs(lastMs) <= MAX_DIFFERENCE_MS;
    },
    isConfirmed: () => isConfirmed,
    hasAnswer: () => hasAnswer,
    aheadMs: () => (isConfirmed ? undefined : lastMs),
  };
}

/** The upstream, each of whose answers is noted. */
export function withClockCheck(upstream: Upstream, { note }: ClockCheck): Upstream {
  const noted = (options: CallOptions): CallOptions => ({ ...options, onAnswer: note });
  return {
    ...upstream,
    query: (params, options) => upstream.query(params, noted(options)),
    sync: (params, options) => upstream.sync(params, noted(options)),
    listInstances: (params, options) => upstream.listInstances(params, noted(options)),
    health: (params, options) => upstream.health(params, noted(options)),
  };
}
