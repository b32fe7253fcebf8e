import { describe, expect, it } from "vitest";
import {
  afterAcceptedProbe,
  afterFailedProbe,
  afterFailure,
  afterGone,
  afterSuccess,
  allowance,
  type Breaker,
  createBreaker,
} from "../../../shared/outbox/breaker.ts";

const NOW = 1_800_000_000_000;
const DOWN = { reason: "network" };

function fail(breaker: Breaker, times: number, now = NOW): Breaker {
  let next = breaker;
  for (let i = 0; i < times; i += 1) next = afterFailure(next, DOWN, now, 0.5);
  return next;
}

describe("the circuit breaker", () => {
  it("lets twenty deliveries run at once while it is closed", () => {
    expect(allowance(createBreaker(undefined, NOW), NOW)).toEqual({ atOnce: 20 });
  });

  it("opens at the fifth failure in a row, not at the fourth", () => {
    const breaker = createBreaker(undefined, NOW);

    expect(fail(breaker, 4).row.state).toBe("closed");
    const open = fail(breaker, 5);
    expect(open.row).toMatchObject({ state: "open", step: 0, nextProbeAt: NOW + 5_000 });
    expect(open.row.reason).toBe("network");
    expect(allowance(open, NOW)).toEqual({ atOnce: 0, retryAt: NOW + 5_000 });
    expect(allowance(open, NOW + 5_000)).toEqual({ atOnce: 0, probe: true });
  });

  it("counts failures only in a row", () => {
    const breaker = fail(afterSuccess(fail(createBreaker(undefined, NOW), 4)), 4);

    expect(breaker.row.state).toBe("closed");
  });

  it("continues the count of the last run", () => {
    const row = { ...createBreaker(undefined, NOW).row, failures: 4 };

    expect(fail(createBreaker(row, NOW), 1).row.state).toBe("open");
  });

  it("waits longer after each failed probe, but not after failures that came late", () => {
    let breaker = fail(createBreaker(undefined, NOW), 5);
    breaker = fail(breaker, 3, NOW + 6_000);
    expect(breaker.row).toMatchObject({ step: 0, nextProbeAt: NOW + 5_000 });

    breaker = afterFailedProbe(breaker, DOWN, NOW + 5_000, 0.5);
    expect(breaker.row).toMatchObject({ step: 1, nextProbeAt: NOW + 35_000 });
    breaker = afterFailedProbe(breaker, DOWN, NOW + 35_000, 0.5);
    expect(breaker.row).toMatchObject({ step: 2, nextProbeAt: NOW + 335_000 });
    expect(breaker.row.since).toBe(new Date(NOW).toISOString());
  });

  it("obeys a Retry-After that comes while it is open", () => {
    const open = fail(createBreaker(undefined, NOW), 5);
    const late = { reason: "status 429", retryAfterMs: 3_600_000 };

    expect(afterFailure(open, late, NOW, 0.5).row.nextProbeAt).toBe(NOW + 3_600_000);
  });

  it("stays closed at reduced speed for an event that fails alone, but opens at five in a row", () => {
    const local = { reason: "status 500", isLocal: true };
    let breaker = afterAcceptedProbe(fail(createBreaker(undefined, NOW), 5), NOW + 5_000);
    for (let i = 0; i < 4; i += 1) breaker = afterFailure(breaker, local, NOW + 6_000, 0.5);
    expect(breaker.row.state).toBe("closed");
    expect(afterFailure(breaker, local, NOW + 6_000, 0.5).row.state).toBe("open");
  });

  it("stays open after a delivery that began before it opened: only a probe closes it", () => {
    const open = fail(createBreaker(undefined, NOW), 5);

    expect(afterSuccess(open)).toEqual(open);
    expect(afterAcceptedProbe(open, NOW + 5_000).row.state).toBe("closed");
  });

  it("halves what runs at once for a 429 while others are accepted, and opens nothing", () => {
    const rate = { reason: "status 429", status: 429, retryAfterMs: 3_600_000, isLocal: true };
    let breaker = createBreaker(undefined, NOW);
    const limits = [];
    for (let count = 0; count < 6; count += 1) {
      breaker = afterFailure(breaker, rate, NOW, 0.5);
      limits.push(breaker.limit);
    }

    expect(limits).toEqual([10, 5, 2, 1, 1, 1]);
    expect(breaker.row).toMatchObject({ state: "closed", step: 0 });
    expect(fail(breaker, 5).row).toMatchObject({ state: "open", step: 0 });
  });

  it("stays closed for a Retry-After that concerns one event", () => {
    const busy = { reason: "status 503", retryAfterMs: 120_000, isLocal: true };

    expect(afterFailure(createBreaker(undefined, NOW), busy, NOW, 0.5).row.state).toBe("closed");
  });

  it("opens at once for a Retry-After, and obeys it if it is longer than the step", () => {
    const busy = { reason: "status 503", retryAfterMs: 120_000 };
    const breaker = afterFailure(createBreaker(undefined, NOW), busy, NOW, 0.5);

    expect(breaker.row).toMatchObject({ state: "open", nextProbeAt: NOW + 120_000 });
  });

  it("allows 1, 2, 4, 8, 16, then 20 deliveries at once after an accepted probe", () => {
    let breaker = afterAcceptedProbe(fail(createBreaker(undefined, NOW), 5), NOW + 5_000);
    const limits = [breaker.limit];
    for (let successes = 0; successes < 40; successes += 1) {
      breaker = afterSuccess(breaker);
      limits.push(breaker.limit);
    }

    expect([...new Set(limits)]).toEqual([1, 2, 4, 8, 16, 20]);
    expect(limits.indexOf(20)).toBe(31);
    expect(breaker.row).toMatchObject({ state: "closed", step: 0 });
  });

  it("opens at the first failure before full speed, with the next longer wait", () => {
    const open = fail(createBreaker(undefined, NOW), 5);
    const reopened = afterAcceptedProbe(open, NOW + 5_000);
    const again = fail(reopened, 1, NOW + 5_100);

    expect(again.row).toMatchObject({ state: "open", step: 1, nextProbeAt: NOW + 35_100 });
  });

  it("allows nothing after a 410 or a pause, and plans no probe", () => {
    const gone = afterGone(createBreaker(undefined, NOW), NOW);

    expect(gone.row).toMatchObject({ state: "disabled", reason: "410" });
    expect(allowance(gone, NOW + 1e12)).toEqual({ atOnce: 0 });
    const paused = createBreaker({ ...gone.row, state: "paused" }, NOW);
    expect(allowance(paused, NOW + 1e12)).toEqual({ atOnce: 0 });
  });
});
