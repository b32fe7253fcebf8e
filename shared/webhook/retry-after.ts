const MAX_MS = 86_400_000;

/**
 * Reads a Retry-After header (RFC 9110, 10.2.3): seconds or a date. The answer is in ms from now,
 * at most a day; undefined when the header is absent or unreadable.
 */
export function retryAfterMs(header: string | undefined, nowMs: number): number | undefined {
  if (header === undefined) return undefined;
  const text = header.trim();
  // Date.parse makes a date of nearly anything that holds a number, such as `-5` or `1.5`.
  const isDate = /^[A-Z][a-z]{2}.*\d:\d\d/.test(text);
  const ms = /^\d+$/.test(text) ? Number(text) * 1000 : isDate ? Date.parse(text) - nowMs : NaN;
  if (Number.isNaN(ms)) return undefined;
  return Math.min(MAX_MS, Math.max(0, ms));
}
