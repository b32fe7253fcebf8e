import { randomUUID } from "node:crypto";
import { describe, expect, it } from "vitest";
import {
  customerOfLaneKey,
  dropFromLane,
  prioritizeOnboarding,
  prioritizeWorse,
  pruneLane,
  withdrawOnboarding,
} from "../../../shared/customers/priority-lane.ts";
import { createMemoryStore } from "../../../shared/store/memory.ts";
import { iso, T0 } from "../../support/watch-builders.ts";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const GERMAN = { cc: "49", national: "15112345678" };
const KEY = "4915112345678";
const COMPLETED = { [KEY]: { addedAt: iso(0), completedAt: iso(HOUR) } };

function createLane() {
  const store = createMemoryStore({ newVersion: randomUUID });
  const read = async () => {
    const found = await store.get("hot/acme");
    return found && JSON.parse(found.value);
  };
  return { store, read };
}

describe("the priority lane", () => {
  it("holds an added number once, with its first time", async () => {
    const { store, read } = createLane();
    await prioritizeOnboarding(store, "acme", GERMAN, "add-1", T0);
    await prioritizeOnboarding(store, "acme", GERMAN, "add-2", T0 + HOUR);
    expect(await read()).toEqual({
      schema: 1,
      onboarding: { [KEY]: { cc: "49", addedAt: iso(0), adds: ["add-1", "add-2"] } },
    });
  });

  it("keeps a number that another add relies on when one is refused", async () => {
    const { store, read } = createLane();
    await prioritizeOnboarding(store, "acme", GERMAN, "refused", T0);
    await prioritizeOnboarding(store, "acme", GERMAN, "accepted", T0);
    await withdrawOnboarding(store, "acme", KEY, "refused");
    expect((await read()).onboarding).toEqual({
      [KEY]: { cc: "49", addedAt: iso(0), adds: ["accepted"] },
    });
  });

  it("deletes a customer's row with its last number", async () => {
    const { store, read } = createLane();
    await prioritizeOnboarding(store, "acme", GERMAN, "add-1", T0);
    await withdrawOnboarding(store, "acme", "49999", "add-1");
    expect(await read()).toBeDefined();
    await withdrawOnboarding(store, "acme", KEY, "add-1");
    expect(await read()).toBeUndefined();
  });

  it("keeps a number until its completed onboarding is reported", async () => {
    const { store, read } = createLane();
    await prioritizeOnboarding(store, "acme", GERMAN, "add-1", T0);
    const earlierAdd = { [KEY]: { addedAt: iso(-DAY), completedAt: iso(-HOUR) } };
    const stuck = { [KEY]: { addedAt: iso(0), stuckAt: iso(HOUR) } };
    for (const reported of [undefined, {}, earlierAdd, stuck]) {
      await pruneLane(store, "acme", reported, T0 + HOUR);
      expect((await read()).onboarding).toHaveProperty(KEY);
    }
    await pruneLane(store, "acme", COMPLETED, T0 + HOUR);
    expect(await read()).toBeUndefined();
  });

  it("drops a number after seven days", async () => {
    const { store, read } = createLane();
    await prioritizeOnboarding(store, "acme", GERMAN, "add-1", T0);
    await pruneLane(store, "acme", undefined, T0 + 7 * DAY - 1);
    expect(await read()).toBeDefined();
    await pruneLane(store, "acme", undefined, T0 + 7 * DAY);
    expect(await read()).toBeUndefined();
  });

  it("keeps a customer for a day after its last change for the worse", async () => {
    const { store, read } = createLane();
    await prioritizeWorse(store, "acme", T0);
    await prioritizeWorse(store, "acme", T0 + HOUR);
    await pruneLane(store, "acme", undefined, T0 + DAY);
    expect(await read()).toEqual({ schema: 1, onboarding: {}, worseUntil: T0 + HOUR + DAY });
    await pruneLane(store, "acme", undefined, T0 + HOUR + DAY);
    expect(await read()).toBeUndefined();
  });

  it("removes one reason and keeps the other", async () => {
    const { store, read } = createLane();
    await prioritizeOnboarding(store, "acme", GERMAN, "add-1", T0);
    await prioritizeWorse(store, "acme", T0);
    await pruneLane(store, "acme", undefined, T0 + DAY);
    expect(await read()).toEqual({
      schema: 1,
      onboarding: { [KEY]: { cc: "49", addedAt: iso(0), adds: ["add-1"] } },
    });
  });

  it("writes nothing when no reason is over", async () => {
    const { store } = createLane();
    await prioritizeOnboarding(store, "acme", GERMAN, "add-1", T0);
    const before = await store.get("hot/acme");
    await pruneLane(store, "acme", undefined, T0 + HOUR);
    await pruneLane(store, "other", COMPLETED, T0 + HOUR);
    await withdrawOnboarding(store, "other", KEY, "add-1");
    expect(await store.get("hot/acme")).toEqual(before);
    expect(await store.get("hot/other")).toBeUndefined();
  });

  it("loses neither of two changes made at once", async () => {
    const { store, read } = createLane();
    await Promise.all([
      prioritizeOnboarding(store, "acme", GERMAN, "add-1", T0),
      prioritizeOnboarding(store, "acme", { cc: "49", national: "30123456" }, "add-1", T0),
      prioritizeWorse(store, "acme", T0),
    ]);
    expect(Object.keys((await read()).onboarding).sort()).toEqual(["4915112345678", "4930123456"]);
    expect((await read()).worseUntil).toBe(T0 + DAY);
  });

  it("drops a customer whatever its reasons are", async () => {
    const { store, read } = createLane();
    await prioritizeOnboarding(store, "acme", GERMAN, "add-1", T0);
    await prioritizeWorse(store, "acme", T0);
    await dropFromLane(store, "acme");
    await dropFromLane(store, "acme");
    expect(await read()).toBeUndefined();
    expect(customerOfLaneKey("hot/acme")).toBe("acme");
  });
});
