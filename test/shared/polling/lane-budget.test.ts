import { describe, expect, it } from "vitest";
import { createLaneBudget } from "../../../shared/polling/lane-budget.ts";
import type { ResumableScan } from "../../../shared/polling/resumable-scan.ts";
import type { ReadSource } from "../../../shared/polling/worker-pool.ts";

const scan = () => ({}) as ResumableScan;
const LANES = { onboarding: scan(), worse: scan(), asked: scan() };
const OPEN = { acquire: async () => true, release: () => undefined };

/** Reserves rows of a source until it gives no more, and returns how many. */
function drain(source: ReadSource | undefined): number {
  let reserved = 0;
  while (source?.reserve()) reserved += 1;
  return reserved;
}

describe("createLaneBudget", () => {
  it("lane budget is half of a run's calls, with something left for each later lane", () => {
    const budget = createLaneBudget(8, 50_000);
    const sources = budget.sources(LANES);
    expect(sources.map((source) => source.scan)).toEqual([
      LANES.onboarding,
      LANES.worse,
      LANES.asked,
      LANES.onboarding,
      LANES.worse,
    ]);
    expect(sources.map(drain)).toEqual([120, 50, 30, 0, 0]);
    expect(budget.customers()).toBe(200);
  });

  it("lane budget gives unused calls back to onboarding", () => {
    const budget = createLaneBudget(8, 50_000);
    const [onboarding, , , onboardingAgain] = budget.sources(LANES);
    expect([drain(onboarding), drain(onboardingAgain)]).toEqual([120, 80]);
  });

  it("lane budget does not count a reservation for which there was no row", () => {
    const budget = createLaneBudget(2, 10_000);
    const [onboarding] = budget.sources(LANES);
    onboarding?.reserve();
    onboarding?.cancel();
    expect(budget.customers()).toBe(0);
  });

  it("lane budget counts calls where one customer needs several", async () => {
    const budget = createLaneBudget(2, 10_000);
    const [onboarding] = budget.sources(LANES);
    const limiter = budget.countCalls(OPEN);
    onboarding?.reserve();
    for (let tries = 0; tries < 6; tries += 1) expect(await limiter.acquire()).toBe(true);
    expect(onboarding?.reserve()).toBe(false);
    expect(budget.customers()).toBe(1);
  });

  it("lane budget does not count a call that the rate limiter refused", async () => {
    const budget = createLaneBudget(2, 10_000);
    const limiter = budget.countCalls({ ...OPEN, acquire: async () => false });
    for (let tries = 0; tries < 20; tries += 1) expect(await limiter.acquire()).toBe(false);
    expect(budget.sources(LANES)[0]?.reserve()).toBe(true);
  });
});
