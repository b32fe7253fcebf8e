import { describe, expect, it } from "vitest";
import { costOf } from "../../../shared/deploy/cost.ts";

const LOAD = {
  ...{ customers: 10, qps: 7, intervalSeconds: 60, runSeconds: 50, runsADay: 1440 },
  ...{ cpu: 0.1, memoryMb: 256 },
};
const of = (change: Partial<typeof LOAD & { looksForHints: boolean }>) =>
  costOf({ ...LOAD, ...change });

describe("costOf", () => {
  it("bills a run for its calls, and a second for each further set of slots", () => {
    expect(of({ customers: 1 }).secondsARun).toBeCloseTo(0.11, 5);
    expect(of({ customers: 10 }).secondsARun).toBeCloseTo(0.11 + 1.05 + 0.2, 5);
    expect(of({ customers: 10 }).reads).toBe(14_400);
  });

  it("ends a run at TICK_SECONDS, and lets a sweep take as many runs as it needs", () => {
    const { secondsARun, sweepSeconds, reads } = of({ customers: 1_000 });
    expect(secondsARun).toBe(50);
    expect(reads).toBe(332 * 1440);
    expect(sweepSeconds).toBeCloseTo((1_000 / 332) * 60, 5);
  });

  it("reads no customer more often than POLL_INTERVAL_SECONDS", () => {
    const { reads, sweepSeconds } = of({ customers: 80, intervalSeconds: 600 });
    expect(reads).toBe(11_520);
    expect(sweepSeconds).toBe(600);
  });

  it("has a time between two reads before any customer is listed", () => {
    expect(of({ customers: 0 }).sweepSeconds).toBe(60);
  });

  it("makes several passes in a run when that is shorter than a run", () => {
    const { reads, secondsARun } = of({ customers: 1, intervalSeconds: 10 });
    expect(reads).toBe(6 * 1440);
    expect(secondsARun).toBe(50);
  });

  it("has a run that looks for hints stay to its end, with a look a second", () => {
    const without = of({ customers: 1 });
    const { secondsARun, readUnits, reads } = of({ customers: 1, looksForHints: true });
    expect([secondsARun, reads]).toEqual([50, 1440]);
    expect(readUnits - without.readUnits).toBeCloseTo(1440 * 50, 5);
  });

  it("prices vCPU, memory and invocations, and units of the table", () => {
    const { functionUsd, storeUsd, readUnits, writeUnits } = of({ customers: 1 });
    const cu = 1440 * (0.11 * (0.1 + 0.25 * 0.15) + 75 / 10_000);
    expect(functionUsd).toBeCloseTo(cu * 0.00002, 8);
    expect(readUnits).toBeCloseTo(1440 * 6.13, 5);
    expect(writeUnits).toBeCloseTo(1440 * 2, 5);
    expect(storeUsd).toBeCloseTo((readUnits * 0.003 + writeUnits * 0.006) / 10_000, 8);
  });
});
