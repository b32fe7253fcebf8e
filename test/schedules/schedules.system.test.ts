import { describe, expect, it } from "vitest";
import { noteEvent } from "../contract/document-guard.ts";
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
    let deadLetters = 0;
    let stumbles = 0;
    for (let seed = 1; seed <= SEEDS; seed += 1) {
      const verdict = await runSchedule(seed);
      events += verdict.events;
      deaths += verdict.deaths;
      deadLetters += verdict.deadLetters;
      stumbles += verdict.stumbles;
      if (verdict.problems.length > 0) bad.push({ seed, problems: verdict.problems });
    }

    expect(bad, "replay with: npm run check:schedules -- --seed <seed>").toEqual([]);
    // A schedule in which nothing happens would pass as well.
    expect(events).toBeGreaterThan(SEEDS * 4);
    expect(deaths).toBeGreaterThan(SEEDS);
    expect(deadLetters).toBeGreaterThan(SEEDS / 20);
    expect(stumbles).toBeGreaterThan(SEEDS / 20);
  });

  it("send only what the OpenAPI document tells of", async () => {
    for (let seed = 1; seed <= 50; seed += 1) {
      for (const body of (await runSchedule(seed)).bodies) noteEvent(body);
    }
  });

  it("give the same run for the same seed", async () => {
    expect(await runSchedule(7)).toEqual(await runSchedule(7));
  });
});

describe("the schedule checker", () => {
  it.for(Object.entries(BREAKAGES))("catches: %s", { timeout: 60_000 }, async (broken, test) => {
    const [, breakage] = broken;
    let caughtAt: number | undefined;
    for (let seed = 1; seed <= BREAKAGE_SEEDS && caughtAt === undefined; seed += 1) {
      if ((await runSchedule(seed, breakage)).problems.length > 0) caughtAt = seed;
    }

    await test.annotate(`caught at seed ${caughtAt}`);
    expect(caughtAt, `not caught in ${BREAKAGE_SEEDS} seeds`).toBeDefined();
  });
});
