/** A run waits for what is due within this share of the interval, as timers are not exact… */
const PATIENCE_RATIO = 0.1;
/** …but never longer, in ms: a run that waits costs as much as one that works. */
const MAX_PATIENCE_MS = 6_000;

/** How long a run waits for what is nearly due, in ms. */
export function patienceMs(intervalMs: number): number {
  return Math.min(intervalMs * PATIENCE_RATIO, MAX_PATIENCE_MS);
}

/**
 * How long until something is due again, in ms, or 0 for now. A last time in the future means that
 * the clock was wrong: it is due now.
 */
export function dueInMs(lastAt: number, everyMs: number, now: number): number {
  const age = now - lastAt;
  return age < 0 ? 0 : Math.max(0, everyMs - age);
}
