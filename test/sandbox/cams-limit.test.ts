import { describe, expect, it } from "vitest";
import { createRateLimit, type RatePolicy } from "./cams-limit.ts";

/** The waits for calls at these times. A call that passed has none. */
function waits(policy: RatePolicy, qps: number, times: readonly number[]) {
  const limit = createRateLimit(qps, policy);
  return times.map((at) => limit.take("Query", at));
}

const pass = undefined;

describe("the sandbox upstream's rate limit", () => {
  it("frees a sliding slot one second after the call that took it", () => {
    expect(waits("sliding", 2, [900, 950, 1000, 1899, 1900, 1900, 1950])).toEqual([
      pass,
      pass,
      900,
      1,
      pass,
      50,
      pass,
    ]);
  });

  it("frees all fixed slots at the next second", () => {
    expect(waits("fixed", 2, [900, 950, 999, 1000, 1000, 1000])).toEqual([
      pass,
      pass,
      1,
      pass,
      pass,
      1000,
    ]);
  });

  it("refills a bucket evenly and never above its size", () => {
    expect(waits("bucket", 2, [0, 0, 0, 499, 500, 500, 60_000, 60_000, 60_000])).toEqual([
      pass,
      pass,
      500,
      1,
      pass,
      500,
      pass,
      pass,
      500,
    ]);
  });

  it("counts each operation separately", () => {
    const limit = createRateLimit(1, "sliding");
    expect([limit.take("Add", 0), limit.take("Query", 0), limit.take("Add", 0)]).toEqual([
      undefined,
      undefined,
      1000,
    ]);
  });
});
