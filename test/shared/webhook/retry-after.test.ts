import { describe, expect, it } from "vitest";
import { retryAfterMs } from "../../../shared/webhook/retry-after.ts";

const NOW = Date.parse("2026-01-02T03:04:05Z");

describe("retryAfterMs", () => {
  it.each([
    ["120", 120_000],
    [" 7 ", 7_000],
    ["3600", 3_600_000],
    ["86400", 3_600_000],
    ["99999999999999999999", 3_600_000],
    ["Fri, 02 Jan 2026 03:05:05 GMT", 60_000],
    ["Friday, 02-Jan-26 03:05:05 GMT", 60_000],
    ["Fri, 02 Jan 2036 03:04:05 GMT", 3_600_000],
    ["Fri, 31 Dec 9999 23:59:59 GMT", 3_600_000],
  ])("reads %j as %i ms", (header, ms) => {
    expect(retryAfterMs(header, NOW)).toBe(ms);
  });

  it.each([
    undefined,
    "",
    "soon",
    "-5",
    "1.5",
    "5s",
    "1e3",
    "Fri, 99 Foo 2026 99:99:99 GMT",
    "0",
    "Fri, 02 Jan 2026 03:04:04 GMT",
  ])("ignores %j, which is unreadable or past", (header) => {
    expect(retryAfterMs(header, NOW)).toBeUndefined();
  });
});
