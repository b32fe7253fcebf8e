import { describe, expect, it } from "vitest";
import { CELLS, LIMIT, planRun, type Setting, WAYS } from "../../bench/pacing-cells.ts";
import {
  createPacingServer,
  createVirtualTransport,
  type PacingResult,
  type PacingRun,
  runPacing,
} from "../../bench/pacing-run.ts";
import type { RatePolicy } from "../../sandbox/cams-limit.ts";
import { createRandom } from "../../schedules/scheduler.ts";
import { createFakeClock } from "../../support/fake-clock.ts";
import { SEED } from "../../support/seed.ts";

const SEEDS = [SEED, SEED + 1, SEED + 2];
const POLICIES = ["fixed", "sliding", "bucket"] as const;
/** A figure may miss its requirement by this much in runs as short as these. */
const TOLERANCE = 0.01;

async function simulate(policy: RatePolicy, seed: number, run: PacingRun): Promise<PacingResult> {
  const clock = createFakeClock(0);
  const random = createRandom(seed);
  const server = createPacingServer(policy, LIMIT, random, clock);
  const transport = createVirtualTransport(server, clock);
  return clock.run(runPacing(run, server, transport, random, clock));
}

/** The most calls in any window of one second, wherever it begins. */
function fullestSecond(times: readonly number[]): number {
  const sorted = [...times].sort((a, b) => a - b);
  let first = 0;
  let fullest = 0;
  for (const [index, end] of sorted.entries()) {
    while ((sorted[first] ?? end) <= end - 1_000) first += 1;
    fullest = Math.max(fullest, index - first + 1);
  }
  return fullest;
}

/** The cells in which a figure is required. */
const boundCells = (...settings: readonly Setting[]) =>
  CELLS.flatMap(({ required, ...cell }) =>
    required && settings.includes(cell.setting) ? [{ ...cell, required }] : [],
  );

describe("the limiter alone on the account", () => {
  it.each(boundCells("alone", "runs").flatMap((cell) => WAYS.map((way) => ({ ...cell, way }))))(
    "the limiter alone uses its share without a throttled answer: $setting, $policy, $roundTrip, counted after $way",
    async ({ way, ...cell }) => {
      for (const seed of SEEDS) {
        const result = await simulate(cell.policy, seed, planRun(cell, way, 120));
        expect(result.throttled).toBe(0);
        expect(fullestSecond(result.counted)).toBeLessThanOrEqual(10);
        expect(result.share).toBeGreaterThanOrEqual(cell.required.share - TOLERANCE);
      }
    },
  );

  it.each(POLICIES)(
    "the limiter is not throttled when a network of 300 ms gets as fast as 20 ms, or 0 ms: %s",
    async (policy) => {
      for (const fast of [20, 0]) {
        const trip = (_random: () => number, now: number) => {
          const half = (now < 60_050 ? 300 : fast) / 2;
          return { out: half, back: half };
        };
        const result = await simulate(policy, SEED, { limit: LIMIT, seconds: 120, trip });
        expect(result.throttled).toBe(0);
        expect(fullestSecond(result.counted)).toBeLessThanOrEqual(10);
      }
    },
  );

  it.each(POLICIES)(
    "the limiter loses at most one call when all of the 300 ms were on the way out: %s",
    async (policy) => {
      const trip = (_random: () => number, now: number) => ({
        out: now < 60_050 ? 300 : 20,
        back: 0,
      });
      const result = await simulate(policy, SEED, { limit: LIMIT, seconds: 120, trip });
      expect(result.throttled).toBeLessThanOrEqual(1);
    },
  );

  it.each(POLICIES)(
    "the limiter is not throttled by a network that keeps changing between 300 and 20 ms: %s",
    async (policy) => {
      const trip = (_random: () => number, now: number) => {
        const half = (Math.floor(now / 15_000) % 2 === 0 ? 300 : 20) / 2;
        return { out: half, back: half };
      };
      const result = await simulate(policy, SEED, { limit: LIMIT, seconds: 120, trip });
      expect(result.throttled).toBe(0);
    },
  );

  it.each(POLICIES)(
    "the limiter keeps its share when 2 % of the calls are fast: %s",
    async (policy) => {
      const trip = (random: () => number) => {
        const half = (random() < 0.02 ? 20 : 300) / 2;
        return { out: half, back: half };
      };
      const result = await simulate(policy, SEED, { limit: LIMIT, seconds: 120, trip });
      expect(result.throttled).toBe(0);
      expect(result.share).toBeGreaterThan(0.76);
    },
  );
});

describe("the limiter beside another caller", () => {
  it.each(boundCells("beside"))(
    "the limiter takes its share of what another caller leaves, and few throttled answers: $policy",
    async (cell) => {
      const run = planRun(cell, "half", 120);
      const results: PacingResult[] = [];
      for (const seed of SEEDS) results.push(await simulate(cell.policy, seed, run));
      const mean = (pick: (result: PacingResult) => number) =>
        results.reduce((sum, result) => sum + pick(result), 0) / results.length;
      expect(mean((result) => result.share)).toBeGreaterThanOrEqual(
        cell.required.share - TOLERANCE,
      );
      expect(mean((result) => result.throttledShare)).toBeLessThan(0.06);
    },
  );
});
