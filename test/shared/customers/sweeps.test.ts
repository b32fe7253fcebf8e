import { describe, expect, it } from "vitest";
import {
  divisorOf,
  everyoneSince,
  includes,
  mostOf,
  sweptSince,
  withSweep,
} from "../../../shared/customers/sweeps.ts";
import type { CustomerRow } from "../../../shared/schemas/customer-row.ts";
import type { Sweep } from "../../../shared/schemas/watch-rows.ts";
import { iso, rowOf, stateOf, T0 } from "../../support/watch-builders.ts";

const HOUR = 3_600_000;
const changed = (hoursAgo: number, row: Partial<CustomerRow> = {}): CustomerRow => ({
  ...rowOf({}),
  baselineAt: iso(-1_000 * HOUR),
  observedAt: iso(-hoursAgo * HOUR),
  ...row,
});
const sweep = (number: number, most = 4): Sweep => ({
  number,
  most,
  startedAt: T0 + number * HOUR,
  endedAt: T0 + number * HOUR + HOUR,
});
const IDS = Array.from({ length: 1_000 }, (_, index) => `customer-${index}`);

describe("divisorOf", () => {
  it.each([
    [0, 1],
    [11.99, 1],
    [12, 2],
    [95.99, 2],
    [96, 4],
  ])("a customer that changed %d hours ago is read in each %d. sweep", (hours, divisor) => {
    expect(divisorOf(changed(hours), T0)).toBe(divisor);
  });

  it.each<[string, Partial<CustomerRow>]>([
    ["has no baseline", { baselineAt: undefined }],
    ["has a baseline that is not complete", { partialBaseline: true }],
    ["is failing", { failure: { reads: 1, since: iso(-HOUR), code: "ERR_UPSTREAM_TIMEOUT" } }],
    [
      "lacks a number",
      { numbers: { "491": stateOf({}, { absent: { reads: 1, since: iso(-HOUR) } }) } },
    ],
    [
      "has a number that is being added",
      { onboarding: { "491": { cc: "49", addedAt: iso(-HOUR) } } },
    ],
  ])("a customer is in every sweep while it %s", (_name, row) => {
    expect(divisorOf(changed(200), T0)).toBe(4);
    expect(divisorOf(changed(200, row), T0)).toBe(1);
  });

  it("takes a change of a wrong clock as one of now, and no add for long", () => {
    expect(divisorOf(changed(-9_000), T0)).toBe(1);
    const onboarding = { "491": { cc: "49", addedAt: iso(-200 * HOUR) } };
    expect(divisorOf(changed(300, { onboarding }), T0)).toBe(4);
  });
});

describe("includes", () => {
  it.each([
    [200, 4, 250],
    [200, 2, 500],
    [200, 1, 1_000],
    [24, 4, 500],
    [1, 4, 1_000],
  ])(
    "of customers that changed %d hours ago, a sweep up to %d has about %d",
    (hours, most, count) => {
      for (const number of [0, 1, 2, 3]) {
        const found = IDS.filter((id) =>
          includes({ ...sweep(number, most), startedAt: T0 }, id, changed(hours)),
        );
        expect(found.length).toBeGreaterThan(count * 0.85);
        expect(found.length).toBeLessThan(count * 1.15 + 1);
      }
    },
  );

  it("reads every customer once in four sweeps", () => {
    for (const id of IDS) {
      const found = [5, 6, 7, 8].filter((number) => includes(sweep(number), id, changed(500)));
      expect(found).toHaveLength(1);
    }
  });
});

describe("mostOf", () => {
  const plan = (customers: number[], msPerRead = 125) => ({ customers, msPerRead });
  it.each<[string, ReturnType<typeof plan> | undefined, number]>([
    ["nothing is known", undefined, 1],
    ["all are settled", plan([0, 0, 10_000]), 4],
    ["a tenth changed lately", plan([500, 500, 9_000]), 4],
    [
      "half changed lately, as the others would wait for more than two sweeps",
      plan([5_000, 0, 5_000]),
      2,
    ],
    ["all changed lately, and it skips nobody", plan([10_000, 0, 0]), 2],
    ["a whole sweep takes less than the interval", plan([0, 0, 400]), 1],
    ["a quarter of it would", plan([0, 0, 1_500]), 2],
  ])("skips as far as it is worth when %s", (_name, known, most) => {
    expect(mostOf(known, 60_000)).toBe(most);
  });

  it("keeps the longest wait within two sweeps of everyone, whatever the mix", () => {
    for (let every = 0; every <= 100; every += 5) {
      for (let second = 0; every + second <= 100; second += 5) {
        const counts = [every, second, 100 - every - second] as const;
        const most = mostOf({ customers: [...counts], msPerRead: 60_000 }, 60_000);
        const reads = counts[0] + counts[1] / Math.min(2, most) + counts[2] / most;
        expect(most * reads).toBeLessThanOrEqual(200);
      }
    }
  });
});

describe("withSweep", () => {
  it("keeps of each phase the last sweep that includes it", () => {
    let sweeps: Sweep[] = [];
    for (const number of [1, 2, 3, 4, 5, 6]) sweeps = withSweep(sweeps, sweep(number));
    expect(sweeps.map(({ number }) => number)).toEqual([6, 5, 4, 3]);
    expect(everyoneSince(sweeps)).toBe(T0 + 3 * HOUR);
    expect(withSweep(sweeps, sweep(7, 1)).map(({ number }) => number)).toEqual([7]);
  });

  it("knows of nobody when a phase was left out", () => {
    const sweeps = [1, 2, 4].reduce<Sweep[]>((kept, number) => withSweep(kept, sweep(number)), []);
    expect(everyoneSince(sweeps)).toBeUndefined();
    const since = IDS.map((id) => sweptSince(sweeps, id, changed(500)));
    expect(new Set(since)).toEqual(new Set([undefined, 1, 2, 4].map((n) => n && T0 + n * HOUR)));
  });
});
