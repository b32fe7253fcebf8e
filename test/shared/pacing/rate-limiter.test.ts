import { describe, expect, it } from "vitest";
import { createRateLimiter, type RateLimiterOptions } from "../../../shared/pacing/rate-limiter.ts";
import { createFakeClock } from "../../support/fake-clock.ts";
import { SEED } from "../../support/seed.ts";
import { T0 } from "../../support/watch-builders.ts";

/** mulberry32 */
function createRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

type Simulation = Partial<RateLimiterOptions> & {
  readonly seconds: number;
  readonly maxDelayMs: number;
  readonly workers?: number;
  /** Whether the server throttles the call that arrives at this time. */
  readonly throttles?: (at: number) => boolean;
};

/** When each call of busy workers was sent, and when the server counted it. */
async function simulate(given: Simulation) {
  const clock = createFakeClock(T0);
  const random = createRandom(SEED);
  const limit = given.limit ?? 8;
  const stopAt = given.stopAt ?? given.seconds * 1_000;
  const limiter = createRateLimiter({ limit, stopAt }, clock);
  const sent: number[] = [];
  const counted: number[] = [];
  const work = async () => {
    while (await limiter.acquire()) {
      sent.push(clock.monotonic());
      await clock.sleep(random() * given.maxDelayMs);
      const at = clock.monotonic();
      counted.push(at);
      await clock.sleep(random() * given.maxDelayMs);
      limiter.release(given.throttles?.(at) ? "throttled" : "answered");
    }
  };
  const workers = Array.from({ length: given.workers ?? limit + 2 }, work);
  await clock.run(Promise.all(workers));
  return { sent, counted: counted.sort((a, b) => a - b) };
}

/** The most calls in any window of one second, wherever it begins. */
function fullestSecond(times: readonly number[]): number {
  let fullest = 0;
  for (const [index, end] of times.entries()) {
    const first = times.findIndex((time) => time > end - 1_000);
    fullest = Math.max(fullest, index - first + 1);
  }
  return fullest;
}

const between = (times: readonly number[], from: number, to: number) =>
  times.filter((time) => time >= from && time < to).length;

describe("createRateLimiter", () => {
  it.each([0, 1, 20, 100])(
    "the limiter lets no second at the server hold more than 8 calls, at delays up to %i ms each way",
    async (maxDelayMs) => {
      const { counted } = await simulate({ seconds: 600, maxDelayMs });
      expect(fullestSecond(counted)).toBeLessThanOrEqual(8);
      const slowest = 8 / (1 + (2 * maxDelayMs) / 1_000);
      expect(counted.length).toBeGreaterThan(600 * slowest * 0.95);
    },
    20_000,
  );

  it("the limiter holds a limit of one call a second, and one of ten", async () => {
    for (const limit of [1, 10]) {
      const { counted } = await simulate({ limit, seconds: 30, maxDelayMs: 50, workers: 20 });
      expect(fullestSecond(counted)).toBe(limit);
    }
  });

  it("a slot rests from its answer on, so a slow call is never forgotten", async () => {
    const clock = createFakeClock(T0);
    const limiter = createRateLimiter({ limit: 1, stopAt: 60_000 }, clock);
    expect(await limiter.acquire()).toBe(true);
    const next = clock.run(limiter.acquire().then(() => clock.monotonic()));
    void clock.sleep(5_000).then(() => limiter.release("answered"));
    expect(await next).toBe(6_000);
  });

  it("the limiter loses slots at the first throttled answer and gets half a slot a second back", async () => {
    let isThrottling = true;
    const { sent } = await simulate({
      seconds: 60,
      maxDelayMs: 5,
      throttles(at) {
        const isHit = isThrottling && at > 10_000;
        if (isHit) isThrottling = false;
        return isHit;
      },
    });
    expect(between(sent, 9_000, 10_000)).toBe(8);
    expect(between(sent, 10_500, 11_500)).toBeLessThanOrEqual(6);
    expect(between(sent, 10_500, 11_500)).toBeGreaterThanOrEqual(4);
    expect(between(sent, 17_000, 18_000)).toBeGreaterThanOrEqual(7);
  });

  it("the limiter falls to one call a second, not to none, under throttling without end", async () => {
    const { sent } = await simulate({ seconds: 60, maxDelayMs: 5, throttles: () => true });
    expect(between(sent, 30_000, 60_000)).toBeGreaterThanOrEqual(25);
    expect(between(sent, 30_000, 60_000)).toBeLessThanOrEqual(60);
  });

  it("the limiter serves waiting callers in the order in which they came", async () => {
    const clock = createFakeClock(T0);
    const limiter = createRateLimiter({ limit: 2, stopAt: 60_000 }, clock);
    const order: number[] = [];
    const call = async (name: number) => {
      if (!(await limiter.acquire())) return;
      order.push(name);
      await clock.sleep(20);
      limiter.release("answered");
      await call(name + 10);
    };
    const calls = [1, 2, 3, 4].map(call);
    await clock.advance(4_500);
    limiter.stop();
    await clock.run(Promise.all(calls));
    expect(order).toEqual([1, 2, 3, 4, 11, 12, 13, 14, 21, 22]);
  });

  it("a burst of throttled answers counts as one", async () => {
    const clock = createFakeClock(T0);
    const limiter = createRateLimiter({ limit: 8, stopAt: 60_000 }, clock);
    for (let call = 0; call < 8; call += 1) await limiter.acquire();
    for (let call = 0; call < 8; call += 1) limiter.release("throttled");
    await clock.advance(1_001);
    let entered = 0;
    for (let call = 0; call < 8; call += 1) void limiter.acquire().then(() => (entered += 1));
    await clock.settle();
    expect(entered).toBe(6);
    limiter.stop();
    await clock.settle();
  });

  it("the limiter starts no call at its end or later", async () => {
    const { sent } = await simulate({ seconds: 600, stopAt: 3_000, maxDelayMs: 100 });
    expect(Math.max(...sent)).toBeLessThan(3_000);
    const clock = createFakeClock(T0);
    const limiter = createRateLimiter({ limit: 8, stopAt: 1_000 }, clock);
    clock.jump(1_000);
    expect(limiter.stopped).toBe(true);
    expect(await limiter.acquire()).toBe(false);
  });

  it("a stopped limiter refuses waiting callers at once", async () => {
    const clock = createFakeClock(T0);
    const limiter = createRateLimiter({ limit: 1, stopAt: 60_000 }, clock);
    await limiter.acquire();
    const waiting = [limiter.acquire(), limiter.acquire(), limiter.wait(30_000)];
    await clock.advance(100);
    limiter.stop();
    expect(await Promise.all(waiting)).toEqual([false, false, false]);
    expect(clock.monotonic()).toBe(100);
    expect(limiter.stopped).toBe(true);
    expect(await limiter.acquire()).toBe(false);
    expect(await limiter.wait(1)).toBe(false);
  });

  it("the limiter waits for what comes before its end, and for nothing else", async () => {
    const clock = createFakeClock(T0);
    const limiter = createRateLimiter({ limit: 1, stopAt: 10_000 }, clock);
    expect(await clock.run(limiter.wait(4_000))).toBe(true);
    expect(clock.monotonic()).toBe(4_000);
    expect(await limiter.wait(6_000)).toBe(false);
    expect(clock.monotonic()).toBe(4_000);
  });
});

describe("an urgent call", () => {
  it("goes before those that wait, and counts as they do", async () => {
    const clock = createFakeClock(T0);
    const limiter = createRateLimiter({ limit: 1, stopAt: 60_000 }, clock);
    const order: string[] = [];
    const call = async (name: string, acquire: () => Promise<boolean>) => {
      expect(await acquire()).toBe(true);
      order.push(`${name} ${clock.monotonic()}`);
      limiter.release("answered");
    };
    const calls = ["a", "b", "c"].map((name) => call(name, limiter.acquire));
    await clock.settle();
    calls.push(call("now", limiter.acquireUrgent));
    await clock.run(Promise.all(calls));
    expect(order).toEqual(["a 0", "now 1000", "b 2000", "c 3000"]);
  });

  it("gets false like the others once the limiter is stopped", async () => {
    const clock = createFakeClock(T0);
    const limiter = createRateLimiter({ limit: 1, stopAt: 60_000 }, clock);
    limiter.stop();
    expect([await limiter.acquireUrgent(), await limiter.acquire()]).toEqual([false, false]);
  });
});
