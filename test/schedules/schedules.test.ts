import { describe, expect, it } from "vitest";
import { BREAKAGES } from "./breakages.ts";
import { runSchedule } from "./world.ts";

const SEEDS = 2_000;
/** Each breakage shows within a hundred seeds or so; the rest is room for changes of the code. */
const BREAKAGE_SEEDS = 600;

describe("random schedules", () => {
  it("break no promise in 2,000 seeds", { timeout: 170_000 }, async () => {
    const bad: { seed: number; problems: readonly string[] }[] = [];
    let events = 0;
    let deaths = 0;
    for (let seed = 1; seed <= SEEDS; seed += 1) {
      const verdict = await runSchedule(seed);
      events += verdict.events;
      deaths += verdict.deaths;
      if (verdict.problems.length > 0) bad.push({ seed, problems: verdict.problems });
    }

    expect(bad, "replay with: npm run check:schedules -- --seed <seed>").toEqual([]);
    // A schedule in which nothing happens would pass as well.
    expect(events).toBeGreaterThan(SEEDS * 4);
    expect(deaths).toBeGreaterThan(SEEDS);
  });

  it("give the same run for the same seed", async () => {
    expect(await runSchedule(7)).toEqual(await runSchedule(7));
  });
});

describe("the schedule checker", () => {
  it.each(Object.keys(BREAKAGES))("catches: %s", { timeout: 60_000 }, async (name) => {
    const breakage = BREAKAGES[name];
    let caughtAt: number | undefined;
    for (let seed = 1; seed <= BREAKAGE_SEEDS && caughtAt === undefined; seed += 1) {
      if ((await runSchedule(seed, breakage)).problems.length > 0) caughtAt = seed;
    }

    expect(caughtAt, `not caught in ${BREAKAGE_SEEDS} seeds`).toBeDefined();
  });
});
