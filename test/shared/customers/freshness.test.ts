import { randomUUID } from "node:crypto";
import { describe, expect, it } from "vitest";
import { confirmedUntil } from "../../../shared/customers/freshness.ts";
import {
  prioritizeOnboarding,
  prioritizeRequested,
  prioritizeWorse,
} from "../../../shared/customers/priority-lane.ts";
import { type CustomerRow, newCustomerRow } from "../../../shared/schemas/customer-row.ts";
import {
  type LaneRow,
  type LeaseRow,
  laneKey,
  laneRowSchema,
  newLeaseRow,
} from "../../../shared/schemas/watch-rows.ts";
import { createMemoryStore } from "../../../shared/store/memory.ts";
import { readRow } from "../../../shared/store/rows.ts";

/** Later than every time below. */
const NOW = 1_900_000_000_000;

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
/** 2026-01-02T00:00:00Z */
const DAY = 1_767_312_000_000;
const OBSERVED = DAY + HOUR;
const SWEPT = DAY + 4 * HOUR;
const LANE_READ = DAY + 8 * HOUR;

const time = (ms: number) => new Date(ms).toISOString();

const ROW: CustomerRow = {
  ...newCustomerRow(DAY),
  baselineAt: time(DAY),
  observedAt: time(OBSERVED),
  numbers: {
    "4915111": { fields: { status: "CONNECTED" }, observedAt: time(OBSERVED) },
    "4915222": { fields: { status: "PENDING" }, observedAt: time(DAY) },
  },
};

/** Finished passes of an hour's length that began at these times. */
function leaseOf(startedAt: Partial<Record<"sweep" | "onboarding" | "worse" | "asked", number>>) {
  const passes = Object.entries(startedAt).map(([name, at]) => {
    const full = { startedAt: at, endedAt: at + HOUR };
    return [name, { cursor: "", startedAt: at, done: true, full }];
  });
  return { ...newLeaseRow(), ...Object.fromEntries(passes) } as LeaseRow;
}

const ALL = leaseOf({ sweep: SWEPT, onboarding: LANE_READ, worse: LANE_READ, asked: LANE_READ });

async function laneRowOf(
  put: (store: ReturnType<typeof createMemoryStore>) => Promise<void>,
): Promise<LaneRow | undefined> {
  const store = createMemoryStore({ newVersion: randomUUID });
  await put(store);
  return (await readRow(store, laneKey("acme"), laneRowSchema))?.value;
}

const number = { cc: "49", national: "15111" };

function eventOf(body: string, seq = 1) {
  return { id: `evt_${seq}`, seq, type: "t", body };
}

const few = (count: number) => Array.from({ length: count }, (_, seq) => eventOf("{}", seq));

describe("confirmedUntil", () => {
  const untilBy = (lease: LeaseRow | undefined, row = ROW) =>
    confirmedUntil({ now: NOW, row, lease, laneRow: undefined });

  it("is undefined before the first read, whatever has been swept", () => {
    expect(untilBy(ALL, newCustomerRow(DAY))).toBeUndefined();
  });

  it("is the stored time before a finished sweep, or after one that is older", () => {
    expect(untilBy(undefined)).toBe(OBSERVED);
    expect(untilBy(newLeaseRow())).toBe(OBSERVED);
    expect(untilBy(leaseOf({ sweep: DAY }))).toBe(OBSERVED);
  });

  it("is the beginning of the last finished sweep, for a customer outside the lane", () => {
    expect(untilBy(ALL)).toBe(SWEPT);
  });
});

describe("confirmedUntil of a customer in the priority lane", () => {
  const within = async (put: Parameters<typeof laneRowOf>[0], lease = ALL) =>
    confirmedUntil({ now: NOW, row: ROW, lease, laneRow: await laneRowOf(put) });

  it.each<[string, (at: number) => Parameters<typeof laneRowOf>[0], number]>([
    [
      "onboarding",
      (at) => (store) => prioritizeOnboarding(store, "acme", number, "a", at),
      LANE_READ,
    ],
    ["worse", (at) => (store) => prioritizeWorse(store, "acme", at), LANE_READ],
    ["asked", (at) => (store) => prioritizeRequested(store, "acme", at + 24 * HOUR), SWEPT],
  ])(
    "counts the %s lane if the customer entered it a minute before the pass",
    async (lane, enteredAt, known) => {
      expect(await within(enteredAt(LANE_READ - MINUTE))).toBe(known);
      expect(await within(enteredAt(LANE_READ - MINUTE + 1))).toBe(SWEPT);
      const other = leaseOf({
        sweep: SWEPT,
        onboarding: LANE_READ,
        worse: LANE_READ,
        [lane]: SWEPT,
      });
      expect(await within(enteredAt(LANE_READ - MINUTE), other)).toBe(SWEPT);
    },
  );

  it("counts the pass of the lane it is read in, from the number added first", async () => {
    const both = async (store: Parameters<Parameters<typeof laneRowOf>[0]>[0]) => {
      await prioritizeWorse(store, "acme", DAY);
      await prioritizeOnboarding(store, "acme", number, "a", DAY);
      await prioritizeOnboarding(
        store,
        "acme",
        { cc: "49", national: "15222" },
        "b",
        LANE_READ + 1,
      );
    };
    expect(await within(both, leaseOf({ sweep: SWEPT, worse: LANE_READ }))).toBe(SWEPT);
    expect(await within(both, leaseOf({ sweep: SWEPT, onboarding: LANE_READ }))).toBe(LANE_READ);
  });

  it("is the beginning of the sweep when that is later", async () => {
    const lease = leaseOf({ sweep: SWEPT, worse: DAY + 2 * HOUR });
    expect(await within((store) => prioritizeWorse(store, "acme", DAY), lease)).toBe(SWEPT);
  });
});

describe("confirmedUntil of a customer with undelivered events", () => {
  const of = (row: Partial<CustomerRow>) =>
    confirmedUntil({ now: NOW, row: { ...ROW, ...row }, lease: ALL, laneRow: undefined });
  const delivered = (count: number, at: number) =>
    few(count).map((event) => ({ ...event, deliveredAt: time(at) }));

  // One read makes up to three events of a number, all of which fit or none.
  it.each([
    ["the sweep's beginning", 497, SWEPT],
    ["the stored time", 498, OBSERVED],
  ])("is %s for %i pending events", (_when, count, until) => {
    expect(of({ pending: few(count) })).toBe(until);
  });

  it.each([
    ["the sweep's beginning", 464_288, SWEPT],
    ["the stored time", 464_289, OBSERVED],
  ])("is %s for %i pending bytes", (_when, bytes, until) => {
    const body = "é".repeat(bytes / 2).padEnd(bytes / 2 + (bytes % 2));
    expect(of({ pending: [eventOf(body)] })).toBe(until);
  });

  it("is the stored time if the customer was full since the sweep began", () => {
    expect(of({ fullUntil: time(SWEPT) })).toBe(OBSERVED);
    expect(of({ fullUntil: time(SWEPT - 1) })).toBe(SWEPT);
  });

  it("counts what an earlier version delivered since the sweep began", () => {
    const pending = few(488);
    expect(of({ pending, delivered: delivered(10, SWEPT) })).toBe(OBSERVED);
    expect(of({ pending, delivered: delivered(9, SWEPT) })).toBe(SWEPT);
    expect(of({ pending, delivered: delivered(10, SWEPT - 1) })).toBe(SWEPT);
  });

  it("is the stored time when an earlier version no longer kept events since the sweep", () => {
    expect(of({ deliveredCutAt: time(SWEPT) })).toBe(OBSERVED);
    expect(of({ deliveredCutAt: time(SWEPT - 1) })).toBe(SWEPT);
  });
});

describe("confirmedUntil of a customer whose last reads did not list a number", () => {
  const absentSince = (lastSeenAt?: number) => {
    const absent = { reads: 1, since: time(LANE_READ), lastSeenAt: lastSeenAt && time(lastSeenAt) };
    const { "4915222": gone, ...others } = ROW.numbers;
    const numbers = { ...others, "4915222": { ...gone, absent } } as CustomerRow["numbers"];
    return confirmedUntil({
      now: NOW,
      row: { ...ROW, observedAt: time(LANE_READ), numbers },
      lease: ALL,
      laneRow: undefined,
    });
  };

  it("is when the number was last seen, despite a later sweep and a later change", () => {
    expect(absentSince(OBSERVED + 5 * MINUTE)).toBe(OBSERVED + 5 * MINUTE);
  });

  it("is when its values were stored, if they were not seen later", () => {
    expect(absentSince()).toBe(DAY);
  });

  it("is the sweep's beginning for a missing number, which the sweep did not list either", () => {
    const { "4915222": gone, ...others } = ROW.numbers;
    const missing = { ...gone, missingSince: time(OBSERVED) };
    const numbers = { ...others, "4915222": missing } as CustomerRow["numbers"];
    expect(
      confirmedUntil({ now: NOW, row: { ...ROW, numbers }, lease: ALL, laneRow: undefined }),
    ).toBe(SWEPT);
  });
});
