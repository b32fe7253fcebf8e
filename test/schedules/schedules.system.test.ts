import { describe, expect, it } from "vitest";
import { noteEvent } from "../contract/document-guard.ts";
import { BREAKAGES } from "./breakages.ts";
import { runSchedule } from "./schedule.ts";

const SEEDS = 2_000;
/** Each breakage shows within two hundred seeds. The rest is room for changes of the code. */
const BREAKAGE_SEEDS = 600;

describe("random schedules", () => {
  it("2,000 random schedules break no promise", { timeout: 600_000 }, async () => {
    const bad: { seed: number; problems: readonly string[] }[] = [];
    let events = 0;
    let deaths = 0;
    let deadLetters = 0;
    let eventFailures = 0;
    let odd = 0;
    for (let seed = 1; seed <= SEEDS; seed += 1) {
      const verdict = await runSchedule(seed);
      events += verdict.events;
      deaths += verdict.deaths;
      deadLetters += verdict.deadLetters;
      eventFailures += verdict.eventFailures;
      odd += verdict.odd;
      if (verdict.problems.length > 0) bad.push({ seed, problems: verdict.problems });
    }

    expect(bad, "replay with: npm run check:schedules -- --seed <seed>").toEqual([]);
    // A schedule in which nothing happens would pass as well.
    expect(events).toBeGreaterThan(SEEDS * 4);
    expect(deaths).toBeGreaterThan(SEEDS);
    expect(deadLetters).toBeGreaterThan(SEEDS / 20);
    expect(eventFailures).toBeGreaterThan(SEEDS / 20);
    expect(odd).toBeGreaterThan(SEEDS / 5);
  });

  it("random schedules send only what the OpenAPI document describes", async () => {
    for (let seed = 1; seed <= 50; seed += 1) {
      for (const body of (await runSchedule(seed)).bodies) noteEvent(body);
    }
  });

  it("a random schedule is the same for the same seed", async () => {
    expect(await runSchedule(7)).toEqual(await runSchedule(7));
  });
});

describe("breakages", () => {
  it.for(Object.entries(BREAKAGES))(
    "the schedule checker catches: %s",
    { timeout: 60_000 },
    async (broken, test) => {
      const [, breakage] = broken;
      let caughtAt: number | undefined;
      for (let seed = 1; seed <= BREAKAGE_SEEDS && caughtAt === undefined; seed += 1) {
        if ((await runSchedule(seed, breakage)).problems.length > 0) caughtAt = seed;
      }

      await test.annotate(`caught at seed ${caughtAt}`);
      expect(caughtAt, `not caught in ${BREAKAGE_SEEDS} seeds`).toBeDefined();
    },
  );
});
