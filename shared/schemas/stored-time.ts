import * as z from "zod/mini";

/** An ISO time. A row with one that no clock can have written is unreadable, and ends no run. */
export const storedTimeSchema = z
  .string()
  .check(z.refine((time) => !Number.isNaN(Date.parse(time))));

export const optionalTimeSchema = z.optional(storedTimeSchema);

/** The last time that there is, in ms. */
const LAST_MS = 8.64e15;

/** The same in ms, wall clock. */
export const storedMsSchema = z.number().check(z.refine((ms) => Math.abs(ms) <= LAST_MS));

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
