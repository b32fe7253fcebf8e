import { expect, it } from "vitest";
import { runHintSchedule } from "./hints.ts";

it("random hints change no customer's sequence of events", async () => {
  let [events, reads] = [0, 0];
  for (let seed = 1; seed <= 60; seed += 1) {
    const verdict = await runHintSchedule(seed);
    expect([seed, verdict.problems]).toEqual([seed, []]);
    events += verdict.events;
    reads += verdict.reads;
  }
  // Hints that cause no read prove nothing.
  expect(events).toBeGreaterThan(300);
  expect(reads).toBeGreaterThan(300);
});
