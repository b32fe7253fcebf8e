import { describe, expect, it } from "vitest";
import { endOfWait, isoNotAfter } from "../../../shared/schemas/stored-time.ts";

const NOW = 1_800_000_000_000;
const HOUR = 3_600_000;
const YEAR = 365 * 24 * HOUR;

describe("endOfWait", () => {
  it.each([
    ["keeps a wait that is not over", NOW + HOUR, NOW + HOUR],
    ["keeps a wait of a clock ten minutes ahead", NOW + HOUR + 600_000, NOW + HOUR + 600_000],
    ["ends a wait that is longer than any", NOW + HOUR + 600_001, NOW],
    ["ends a wait of a clock a year ahead", NOW + YEAR, NOW],
    ["keeps the end of a wait that is over", NOW - 1, NOW - 1],
  ])("%s", (_name, at, end) => {
    expect(endOfWait(at, HOUR, NOW)).toBe(end);
  });
});

describe("isoNotAfter", () => {
  it("gives now for a later time, and an earlier time as it is", () => {
    expect(isoNotAfter("2099-01-01T00:00:00Z", NOW)).toBe("2027-01-15T08:00:00.000Z");
    expect(isoNotAfter("2026-01-01T00:00:00Z", NOW)).toBe("2026-01-01T00:00:00Z");
  });
});
