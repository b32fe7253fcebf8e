import { describe, expect, it } from "vitest";
import { createLaneBudget } from "../../../shared/polling/lane-budget.ts";
import type { ResumableScan } from "../../../shared/polling/resumable-scan.ts";

const scan = () => ({}) as ResumableScan;
const scans = { onboarding: scan(), worse: scan(), asked: scan() };
const OPEN = { acquire: async () => true, release: () => undefined };

/** Takes rows from a stage until it gives no more release; the number taken. */
function drain(stage: ReturnType<ReturnType<typeof createLaneBudget>["stages"]>[number]): number {
  for (let taken = 0; ; taken += 1) {
    const release = stage.enter();
    if (!release) return taken;
    release(true);
  }
}

describe("the lanes' budget", () => {
  it("is half of a tick's calls, with something left for each of the later lanes", () => {
    const budget = createLaneBudget(8, 50_000);
    const stages = budget.stages(scans);
    expect(stages.map((stage) => stage.scan)).toEqual([
      scans.onboarding,
      scans.worse,
      scans.asked,
      scans.onboarding,
      scans.worse,
    ]);
    expect(stages.map(drain)).toEqual([120, 50, 30, 0, 0]);
    expect(budget.taken()).toBe(200);
  });

  it("goes back to the first what the later ones do not need", () => {
    const budget = createLaneBudget(8, 50_000);
    const [onboarding, , , again] = budget.stages(scans);
    expect([onboarding && drain(onboarding), again && drain(again)]).toEqual([120, 80]);
  });

  it("counts calls where customers need several, and no customer that was not there", async () => {
    const budget = createLaneBudget(2, 10_000);
    const [onboarding] = budget.stages(scans);
    onboarding?.enter()?.(false);
    expect(budget.taken()).toBe(0);

    const limiter = budget.limiter(OPEN);
    onboarding?.enter()?.(true);
    for (let tries = 0; tries < 6; tries += 1) expect(await limiter.acquire()).toBe(true);
    expect(onboarding?.enter()).toBeUndefined();
    expect(budget.taken()).toBe(1);
  });

  it("does not count a call that the pace turned away", async () => {
    const budget = createLaneBudget(2, 10_000);
    const limiter = budget.limiter({ ...OPEN, acquire: async () => false });
    for (let tries = 0; tries < 20; tries += 1) expect(await limiter.acquire()).toBe(false);
    expect(budget.stages(scans)[0]?.enter()).toBeDefined();
  });
});
