/** How far two clocks may differ without one of them being wrong. */
const CLOCK_MARGIN_MS = 600_000;

/**
 * A stored end of a wait, wall clock in ms. One that is further away than the longest wait, and ten
 * minutes, comes from a wrong clock: the wait is over.
 */
export function endOfWait(at: number, longestMs: number, now: number): number {
  return at - now > longestMs + CLOCK_MARGIN_MS ? now : at;
}

/** A stored beginning or sight, wall clock in ms. A later one than now is now. */
export function notAfter(at: number, now: number): number {
  return Math.min(at, now);
}

/** As `notAfter`, for an ISO time. The same text if it is not later. */
export function isoNotAfter(at: string, now: number): string {
  return Date.parse(at) > now ? new Date(now).toISOString() : at;
}

/** Whether a stored time is ahead of the clock by more than clocks differ. */
export function isAhead(at: number, now: number): boolean {
  return at - now > CLOCK_MARGIN_MS;
}
