import { describe, expect, it } from "vitest";
import { agePace, createSlots, type Slots } from "../../../shared/pacing/slots.ts";

/** Makes calls of one round trip, each as soon as it may start, and gives the time after them. */
function callOneByOne(slots: Slots, from: number, calls: number, roundTripMs: number): number {
  let now = from;
  for (let call = 0; call < calls; call += 1) {
    for (let wait = slots.waitMs(now); wait > 0; wait = slots.waitMs(now)) now += wait;
    slots.start(now);
    now += roundTripMs;
    slots.end(now, "answered");
  }
  return now;
}

describe("createSlots", () => {
  it("slots are free a second after their answers", () => {
    const slots = createSlots(2, 0);
    slots.start(0);
    expect(slots.waitMs(0)).toBe(0);
    slots.start(0);
    slots.end(40, "answered");
    slots.end(60, "answered");
    expect(slots.waitMs(60)).toBe(980);
    expect(slots.waitMs(1_039)).toBe(1);
    expect(slots.waitMs(1_040)).toBe(0);
  });

  it("slots have no lead for 99 answers, and 0.45 of a steady round trip from the hundredth on", () => {
    const slots = createSlots(1, 0);
    const before = callOneByOne(slots, 0, 99, 300);
    expect(slots.waitMs(before)).toBe(1_000);
    const after = callOneByOne(slots, before, 1, 300);
    expect(slots.waitMs(after)).toBe(865);
  });

  it("slots lose the lead at the first faster answer", () => {
    const slots = createSlots(1, 0);
    const steady = callOneByOne(slots, 0, 100, 300);
    const faster = callOneByOne(slots, steady, 1, 20);
    // The mean is still near the old round trip, so that nothing is left.
    expect(slots.waitMs(faster)).toBe(1_000);
  });

  it("a slot rests its whole second again once the lead is gone", () => {
    const slots = createSlots(2, 0);
    const steady = callOneByOne(slots, 0, 100, 300);
    const answeredAt = steady + 2_300;
    slots.start(steady + 2_000);
    slots.end(answeredAt, "answered");
    expect(slots.waitMs(answeredAt + 865)).toBe(0);
    slots.start(answeredAt + 865);
    slots.end(answeredAt + 866, "answered");
    expect(slots.waitMs(answeredAt + 866)).toBe(134);
  });

  it("slots keep calls apart while there is a lead", () => {
    const slots = createSlots(10, 0);
    const steady = callOneByOne(slots, 0, 100, 300) + 5_000;
    slots.start(steady);
    expect(slots.waitMs(steady)).toBe(80);
    expect(slots.waitMs(steady + 80)).toBe(0);
  });

  it("slots earn the lead again after a throttled answer", () => {
    const slots = createSlots(1, 0);
    let now = callOneByOne(slots, 0, 100, 300) + 5_000;
    slots.start(now);
    slots.end(now + 300, "throttled");
    now += 300;
    expect(slots.waitMs(now)).toBe(1_000);
    now = callOneByOne(slots, now, 99, 300);
    expect(slots.waitMs(now)).toBe(1_000);
    now = callOneByOne(slots, now, 1, 300);
    expect(slots.waitMs(now)).toBe(865);
  });

  it("slots start no call for 300 ms after a throttled answer", () => {
    const slots = createSlots(8, 0);
    slots.start(0);
    slots.end(10, "throttled");
    expect(slots.waitMs(10)).toBe(300);
    expect(slots.waitMs(309)).toBe(1);
    expect(slots.waitMs(310)).toBe(0);
  });

  it("a throttled answer takes a quarter of the slots, and half a slot a second comes back", () => {
    const slots = createSlots(8, 0);
    slots.start(0);
    slots.end(0, "throttled");
    const startable = (now: number) => {
      let started = 0;
      while (slots.waitMs(now) === 0) {
        slots.start(now);
        started += 1;
      }
      for (let call = 0; call < started; call += 1) slots.end(now, "answered");
      return started;
    };
    expect(startable(1_000)).toBe(6);
    expect(startable(2_001)).toBe(7);
    expect(startable(4_002)).toBe(8);
    expect(startable(60_000)).toBe(8);
  });

  it("slots come back while none is free, without a call in between", () => {
    const slots = createSlots(2, 0);
    slots.start(0);
    slots.end(0, "throttled");
    // 1.5 of 2 are left: one slot, and the second again after a second.
    slots.start(400);
    expect(slots.waitMs(400)).toBeCloseTo(600, 6);
    expect(slots.waitMs(1_000)).toBe(0);
  });

  it("slots ignore an answer that no call waited for", () => {
    const slots = createSlots(1, 0);
    slots.end(0, "throttled");
    expect(slots.waitMs(0)).toBe(0);
  });

  it("slots begin where earlier ones ended, and never rest longer than a second", () => {
    const first = createSlots(2, 0);
    first.start(0);
    first.end(40, "answered");
    first.start(300);
    // Without its answer, a call may be counted at any time.
    expect(first.pace(600)).toMatchObject({ restMs: [440, 1_000] });
    const next = createSlots(2, 50_000, agePace(first.pace(600), 100));
    expect([next.waitMs(50_000), next.waitMs(50_340)]).toEqual([340, 0]);
    const wrong = { ...first.pace(600), restMs: [9e9, 9e9] };
    expect(createSlots(2, 50_000, wrong).waitMs(50_000)).toBe(1_000);
  });

  it("slots keep what throttled answers took, and get it back between runs as well", () => {
    const first = createSlots(8, 0);
    first.start(0);
    first.end(20, "throttled");
    const allowed = (ms: number) => agePace(first.pace(20), ms).allowed;
    expect([allowed(0), allowed(1_000)]).toEqual([6, 6.5]);
  });

  it("slots keep their lead over a run, and forget the shortest round trip in the second", () => {
    const first = createSlots(1, 0);
    const end = callOneByOne(first, callOneByOne(first, 0, 1, 200), 99, 300);
    const second = createSlots(1, end + 5_000, agePace(first.pace(end), 5_000));
    const ended = callOneByOne(second, end + 5_000, 1, 300);
    expect(second.waitMs(ended)).toBeLessThan(970);
    const later = callOneByOne(second, ended, 99, 300);
    expect(second.pace(later).trips).toEqual({
      shortest: 300,
      mean: expect.closeTo(300, 0),
      count: 100,
    });
  });
});
