import { describe, expect, it } from "vitest";
import { createLaneBudget } from "../../../shared/watch/lane-budget.ts";
import type { PassWalk } from "../../../shared/watch/pass.ts";

const walk = () => ({}) as PassWalk;
const walks = { onboarding: walk(), worse: walk(), asked: walk() };
const OPEN = { enter: async () => true, leave: () => undefined };

/** Takes rows from a stage until it gives no more leave; the number taken. */
function drain(stage: ReturnType<ReturnType<typeof createLaneBudget>["stages"]>[number]): number {
  for (let taken = 0; ; taken += 1) {
    const leave = stage.enter();
    if (!leave) return taken;
    leave(true);
  }
}

describe("the lanes' budget", () => {
  it("is half of a tick's calls, with something left for each of the later lanes", () => {
    const budget = createLaneBudget(8, 50_000);
    const stages = budget.stages(walks);
    expect(stages.map((stage) => stage.walk)).toEqual([
      walks.onboarding,
      walks.worse,
      walks.asked,
      walks.onboarding,
      walks.worse,
    ]);
    expect(stages.map(drain)).toEqual([120, 50, 30, 0, 0]);
    expect(budget.taken()).toBe(200);
  });

  it("goes back to the first what the later ones do not need", () => {
    const budget = createLaneBudget(8, 50_000);
    const [onboarding, , , again] = budget.stages(walks);
    expect([onboarding && drain(onboarding), again && drain(again)]).toEqual([120, 80]);
  });

  it("counts calls where customers need several, and no customer that was not there", async () => {
    const budget = createLaneBudget(2, 10_000);
    const [onboarding] = budget.stages(walks);
    onboarding?.enter()?.(false);
    expect(budget.taken()).toBe(0);

    const gate = budget.gate(OPEN);
    onboarding?.enter()?.(true);
    for (let tries = 0; tries < 6; tries += 1) expect(await gate.enter()).toBe(true);
    expect(onboarding?.enter()).toBeUndefined();
    expect(budget.taken()).toBe(1);
  });

  it("does not count a call that the pace turned away", async () => {
    const budget = createLaneBudget(2, 10_000);
    const gate = budget.gate({ ...OPEN, enter: async () => false });
    for (let tries = 0; tries < 20; tries += 1) expect(await gate.enter()).toBe(false);
    expect(budget.stages(walks)[0]?.enter()).toBeDefined();
  });
});
