const MAX_MS = 3_600_000;

/**
 * Reads a Retry-After header (RFC 9110, 10.2.3), which holds seconds or a date.
 *
 * @returns ms from now, at most an hour; undefined if the header is absent, unreadable or past
 */
export function retryAfterMs(header: string | undefined, nowMs: number): number | undefined {
  if (header === undefined) return undefined;
  const text = header.trim();
  // Date.parse reads nearly any text with a number as a date, such as `-5` or `1.5`.
  const isDate = /^[A-Z][a-z]{2}.*\d:\d\d/.test(text);
  const ms = /^\d+$/.test(text) ? Number(text) * 1000 : isDate ? Date.parse(text) - nowMs : NaN;
  return ms > 0 ? Math.min(MAX_MS, ms) : undefined;
}
