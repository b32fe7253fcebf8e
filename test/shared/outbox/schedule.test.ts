import { describe, expect, it } from "vitest";
import { probeDelayMs, refusalDelayMs } from "../../../shared/outbox/schedule.ts";

const HOUR = 3_600_000;

describe("refusalDelayMs", () => {
  it("follows the Standard Webhooks schedule, ten attempts in 75 h 35 min 5 s", () => {
    const waits = Array.from({ length: 10 }, (_, refusals) => refusalDelayMs(refusals, 0));

    expect(waits).toEqual([
      0,
      5_000,
      300_000,
      1_800_000,
      2 * HOUR,
      5 * HOUR,
      10 * HOUR,
      14 * HOUR,
      20 * HOUR,
      24 * HOUR,
    ]);
    const total = waits.reduce<number>((sum, wait) => sum + (wait ?? 0), 0);
    expect(total).toBe(75 * HOUR + 35 * 60_000 + 5_000);
  });

  it("returns undefined after the tenth refusal", () => {
    expect(refusalDelayMs(10, 0)).toBeUndefined();
  });

  it("waits up to a tenth longer, never shorter", () => {
    expect(refusalDelayMs(2, 0.999_999)).toBeCloseTo(330_000, -1);
  });
});

describe("probeDelayMs", () => {
  it("waits 5 s, 30 s, 5 min, 15 min, 30 min and then an hour each time", () => {
    const waits = [0, 1, 2, 3, 4, 5, 6, 100].map((step) => probeDelayMs(step, 0.5));

    expect(waits).toEqual([5_000, 30_000, 300_000, 900_000, 1_800_000, HOUR, HOUR, HOUR]);
  });

  it("stays within a fifth of the step", () => {
    expect(probeDelayMs(0, 0)).toBe(4_000);
    expect(probeDelayMs(0, 1)).toBeCloseTo(6_000, 6);
  });
});
