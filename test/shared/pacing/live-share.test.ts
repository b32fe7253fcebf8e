import { describe, expect, it } from "vitest";
import { createLiveShare } from "../../../shared/pacing/live-share.ts";
import { createFakeClock } from "../../support/fake-clock.ts";

/** Sends queries at these times, each answered after `tripMs`. */
async function send(qps: number, times: readonly number[], tripMs: number) {
  const clock = createFakeClock(0);
  const limitQuery = createLiveShare(qps, clock);
  const starts: number[] = [];
  const refused: number[] = [];
  const one = async (at: number) => {
    await clock.sleep(at);
    const limiter = limitQuery();
    try {
      await limiter.acquire();
    } catch {
      refused.push(clock.monotonic());
      return;
    }
    starts.push(clock.monotonic());
    await clock.sleep(tripMs);
    limiter.release("answered");
  };
  await clock.run(Promise.all(times.map(one)));
  return { starts, refused };
}

function fullestSecond(times: readonly number[]): number {
  return Math.max(
    ...times.map((from) => times.filter((at) => at >= from && at < from + 1_000).length),
  );
}

/** Twenty a second for ten seconds. */
const BUSY = Array.from({ length: 200 }, (_, n) => n * 50);

describe("one instance's share of live queries", () => {
  it.each([1, 2, 5, 50])(
    "no second holds more than QUERY_QPS=%i calls, whatever comes",
    async (qps) => {
      const { starts } = await send(qps, BUSY, 30);
      expect(fullestSecond(starts)).toBeLessThanOrEqual(qps);
      expect(starts.length).toBeGreaterThan(8 * Math.min(qps, 20) * 0.8);
    },
  );

  it("a query at the end of the line waits two seconds at most, or is refused at once", async () => {
    const { starts, refused } = await send(1, [0, 0, 0, 0, 0], 10);
    expect(starts).toEqual([0, 1_000, 2_000]);
    expect(refused).toEqual([0, 0]);
  });

  it("a slow answer holds the next call back, since the upstream may count late", async () => {
    const { starts } = await send(1, [0, 1_500], 1_400);
    expect(starts).toEqual([0, 2_400]);
  });
});
