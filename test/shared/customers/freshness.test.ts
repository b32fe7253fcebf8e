import { randomUUID } from "node:crypto";
import { describe, expect, it } from "vitest";
import { confirmedUntil } from "../../../shared/customers/freshness.ts";
import {
  prioritizeAdded,
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
function leaseOf(startedAt: Partial<Record<"sweep", number>>) {
  const passes = Object.entries(startedAt).map(([name, at]) => {
    const full = { startedAt: at, endedAt: at + HOUR };
    return [name, { cursor: "", startedAt: at, done: true, full }];
  });
  return { ...newLeaseRow(), ...Object.fromEntries(passes) } as LeaseRow;
}

const ALL = leaseOf({ sweep: SWEPT });

async function laneRowOf(
  put: (store: ReturnType<typeof createMemoryStore>) => Promise<void>,
): Promise<LaneRow | undefined> {
  const store = createMemoryStore({ newVersion: randomUUID });
  await put(store);
  return (await readRow(store, laneKey("acme"), laneRowSchema))?.value;
}

function eventOf(body: string, seq = 1) {
  return { id: `evt_${seq}`, seq, type: "t", body };
}

const few = (count: number) => Array.from({ length: count }, (_, seq) => eventOf("{}", seq));

describe("confirmedUntil", () => {
  const untilBy = (lease: LeaseRow | undefined, row = ROW) =>
    confirmedUntil({ customer: "acme", now: NOW, row, lease, laneRow: undefined });

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
  const lane = { startedAt: LANE_READ, endedAt: LANE_READ, heldFrom: 0, pollIntervalMs: MINUTE };
  const within = async (
    put: Parameters<typeof laneRowOf>[0],
    pass: Partial<typeof lane> = {},
    lease: LeaseRow = { ...leaseOf({ sweep: SWEPT }), lane: { ...lane, ...pass } },
  ) =>
    confirmedUntil({ customer: "acme", now: NOW, row: ROW, lease, laneRow: await laneRowOf(put) });

  const WAYS: [string, (at: number) => Parameters<typeof laneRowOf>[0]][] = [
    ["an added number", (at) => (store) => prioritizeAdded(store, "acme", at)],
    ["a change for the worse", (at) => (store) => prioritizeWorse(store, "acme", at)],
    ["a request", (at) => (store) => prioritizeRequested(store, "acme", at + 24 * HOUR, at)],
  ];

  it.each(WAYS)("counts a pass if %s came a minute before it", async (_way, enteredAt) => {
    // Whoever was not due at the pass was read within its time before it.
    expect(await within(enteredAt(LANE_READ - MINUTE))).toBe(LANE_READ - 55_000);
    expect(await within(enteredAt(LANE_READ - MINUTE + 1))).toBe(SWEPT);
  });

  it("counts the longer time between the reads of an older trouble", async () => {
    const since = LANE_READ - 80 * MINUTE;
    expect(await within((store) => prioritizeWorse(store, "acme", since))).toBe(
      LANE_READ - 550_000,
    );
  });

  it("counts no pass that did not hold the customer for lack of room", async () => {
    const since = LANE_READ - 10 * MINUTE;
    const put = (store: Parameters<Parameters<typeof laneRowOf>[0]>[0]) =>
      prioritizeWorse(store, "acme", since);
    expect(await within(put, { heldFrom: since + 1 })).toBe(SWEPT);
    expect(await within(put, { heldFrom: since })).toBe(LANE_READ - 75_000 * (55 / 60));
  });

  it("is the beginning of the sweep when that is later", async () => {
    const pass = { startedAt: DAY + 2 * HOUR, endedAt: DAY + 2 * HOUR };
    expect(await within((store) => prioritizeWorse(store, "acme", DAY), pass)).toBe(SWEPT);
  });
});

describe("confirmedUntil when sweeps skip", () => {
  const by = (customer: string, sweeps: LeaseRow["sweeps"], row: CustomerRow = ROW) =>
    confirmedUntil({
      customer,
      now: NOW,
      row,
      lease: { ...leaseOf({ sweep: SWEPT }), sweeps },
      laneRow: undefined,
    });
  const start = OBSERVED + 200 * HOUR;
  const sweep = (number: number, most: number) => ({
    number,
    most,
    startedAt: start + number * HOUR,
    endedAt: start + number * HOUR + HOUR,
  });

  it("is the last sweep that included the customer", () => {
    const sweeps = [4, 3, 2, 1].map((number) => sweep(number, 4));
    const found = ["acme", "beta", "gamma", "delta", "c1", "c2", "c3", "c4"].map((customer) =>
      by(customer, sweeps),
    );
    expect(new Set(found)).toEqual(new Set([1, 2, 3, 4].map((n) => start + n * HOUR)));
  });

  it("is the last sweep for a customer that changed lately, or while a number is being added", () => {
    const sweeps = [4, 3, 2, 1].map((number) => sweep(number, 4));
    for (const customer of ["acme", "beta", "gamma", "delta"]) {
      const young = { ...ROW, observedAt: time(start) };
      expect(by(customer, sweeps, young)).toBe(start + 4 * HOUR);
      const added = { "49151": { cc: "49", addedAt: time(start) } };
      expect(by(customer, sweeps, { ...ROW, onboarding: added })).toBe(start + 4 * HOUR);
      const later = { "49151": { cc: "49", addedAt: time(start + 5 * HOUR) } };
      expect(by(customer, sweeps, { ...ROW, onboarding: later })).toBe(by(customer, sweeps));
    }
  });

  it("is no sweep that knew the customer by an earlier read, but that read", () => {
    const since = start + HOUR / 2;
    expect(by("acme", [{ ...sweep(1, 1), since }])).toBe(since);
  });
});

describe("confirmedUntil of a customer with undelivered events", () => {
  const of = (row: Partial<CustomerRow>) =>
    confirmedUntil({
      customer: "acme",
      now: NOW,
      row: { ...ROW, ...row },
      lease: ALL,
      laneRow: undefined,
    });
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
      customer: "acme",
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
      confirmedUntil({
        customer: "acme",
        now: NOW,
        row: { ...ROW, numbers },
        lease: ALL,
        laneRow: undefined,
      }),
    ).toBe(SWEPT);
  });
});
