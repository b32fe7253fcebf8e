import { randomUUID } from "node:crypto";
import { describe, expect, it } from "vitest";
import { withAdded } from "../../../shared/customers/added-numbers.ts";
import {
  customerOfLaneKey,
  dropFromLane,
  endAdded,
  laneEveryMs,
  modernLaneRow,
  prioritizeAdded,
  prioritizeRequested,
  prioritizeWorse,
  pruneLane,
  troubleSince,
} from "../../../shared/customers/priority-lane.ts";
import { type LaneRow, laneRowSchema } from "../../../shared/schemas/watch-rows.ts";
import { createMemoryStore } from "../../../shared/store/memory.ts";
import { readRow } from "../../../shared/store/rows.ts";
import { iso, rowOf, T0 } from "../../support/watch-builders.ts";

const MINUTE = 60_000;
const HOUR = 3_600_000;
const DAY = 24 * HOUR;

function createLane() {
  const store = createMemoryStore({ newVersion: randomUUID });
  const read = async () => {
    const found = await store.get("hot/acme");
    return found && JSON.parse(found.value);
  };
  const prune = async (now: number) => {
    const known = await readRow(store, "hot/acme", laneRowSchema);
    if (known) await pruneLane(store, "acme", known, now);
  };
  return { store, read, prune };
}

describe("the priority lane", () => {
  it("holds a customer for a day after its last added number", async () => {
    const { store, read, prune } = createLane();
    await prioritizeAdded(store, "acme", T0);
    await prioritizeAdded(store, "acme", T0 + HOUR);
    expect(await read()).toEqual({ schema: 1, addedAt: T0 + HOUR });
    await prune(T0 + HOUR + DAY - 1);
    expect(await read()).toBeDefined();
    await prune(T0 + HOUR + DAY);
    expect(await read()).toBeUndefined();
  });

  it("keeps a customer for a day after its last change for the worse", async () => {
    const { store, read, prune } = createLane();
    await prioritizeWorse(store, "acme", T0);
    await prioritizeWorse(store, "acme", T0 + HOUR);
    await prune(T0 + DAY);
    expect(await read()).toEqual({ schema: 1, worseUntil: T0 + HOUR + DAY });
    await prune(T0 + HOUR + DAY);
    expect(await read()).toBeUndefined();
  });

  it("holds a customer for as long as an operator asks", async () => {
    const { store, read, prune } = createLane();
    await prioritizeRequested(store, "acme", T0 + HOUR, T0);
    await prune(T0 + HOUR - 1);
    expect(await read()).toEqual({ schema: 1, askedAt: T0, askedUntil: T0 + HOUR });
    await prune(T0 + HOUR);
    expect(await read()).toBeUndefined();
  });

  it("ends the reason that a number was added, and keeps the others", async () => {
    const { store, read } = createLane();
    await prioritizeAdded(store, "acme", T0);
    await prioritizeWorse(store, "acme", T0);
    await endAdded(store, "acme", T0);
    expect(await read()).toEqual({ schema: 1, worseUntil: T0 + DAY });
  });

  it("keeps the reason of an add that came later, and makes no row for none", async () => {
    const { store, read } = createLane();
    await endAdded(store, "acme", T0);
    expect(await read()).toBeUndefined();
    await prioritizeAdded(store, "acme", T0 + 1);
    await endAdded(store, "acme", T0);
    expect(await read()).toEqual({ schema: 1, addedAt: T0 + 1 });
  });

  it("writes nothing when no reason is over", async () => {
    const { store, prune } = createLane();
    await prioritizeAdded(store, "acme", T0);
    const before = await store.get("hot/acme");
    await prune(T0 + HOUR);
    expect(await store.get("hot/acme")).toEqual(before);
  });

  it("loses neither of two changes made at once", async () => {
    const { store, read } = createLane();
    await Promise.all([
      prioritizeAdded(store, "acme", T0),
      prioritizeRequested(store, "acme", T0 + HOUR, T0),
      prioritizeWorse(store, "acme", T0),
    ]);
    expect(await read()).toEqual({
      schema: 1,
      addedAt: T0,
      askedAt: T0,
      askedUntil: T0 + HOUR,
      worseUntil: T0 + DAY,
    });
  });

  it("drops a customer whatever its reasons are", async () => {
    const { store, read } = createLane();
    await prioritizeAdded(store, "acme", T0);
    await prioritizeWorse(store, "acme", T0);
    await dropFromLane(store, "acme");
    await dropFromLane(store, "acme");
    expect(await read()).toBeUndefined();
    expect(customerOfLaneKey("hot/acme")).toBe("acme");
  });

  it("takes a row of the first edition as one of its last added number", async () => {
    const { store, read, prune } = createLane();
    const onboarding = {
      "491511": { cc: "49", addedAt: iso(-HOUR) },
      "491512": { cc: "49", addedAt: iso(0) },
    };
    const old: LaneRow = { schema: 1, onboarding, worseUntil: T0 + DAY };
    expect(modernLaneRow(old)).toEqual({ schema: 1, addedAt: T0, worseUntil: T0 + DAY });
    await store.put("hot/acme", JSON.stringify(old), "absent");
    await prune(T0 + HOUR);
    expect(await read()).toEqual({ schema: 1, addedAt: T0, worseUntil: T0 + DAY });
  });

  it.each<[string, Partial<LaneRow>, number]>([
    ["a new change for the worse", { worseUntil: T0 + DAY }, 60],
    ["one eight minutes old", { worseUntil: T0 + DAY - 8 * MINUTE }, 60],
    ["one sixteen minutes old", { worseUntil: T0 + DAY - 16 * MINUTE }, 120],
    ["an add a day old", { addedAt: T0 - DAY }, 10_800],
    ["an old add and a new change", { addedAt: T0 - DAY, worseUntil: T0 + DAY }, 60],
    ["a request an hour old", { askedAt: T0 - HOUR, askedUntil: T0 + DAY }, 60],
  ])("reads again after %s, a minute or an eighth of its age", (_name, reasons, seconds) => {
    const every = laneEveryMs({ schema: 1, ...reasons }, MINUTE, T0);
    expect(Math.round(every)).toBe(Math.round(seconds * 1_000 * (55 / 60)));
    expect(laneEveryMs({ schema: 1, ...reasons }, 4 * HOUR, T0)).toBe(4 * HOUR * (55 / 60));
  });

  it("takes a trouble of a wrong clock as one of now", () => {
    expect(troubleSince({ schema: 1, addedAt: T0 + 400 * DAY }, T0)).toBe(T0);
  });
});

describe("what was added, in the customer's row", () => {
  it("keeps the first time of a number that is being added, and every add", () => {
    const number = { cc: "49", national: "1511" };
    const first = withAdded(rowOf({}), number, "a", T0);
    expect(withAdded(first, number, "b", T0 + HOUR).onboarding).toEqual({
      "491511": { cc: "49", addedAt: iso(0), adds: ["a", "b"] },
    });
  });

  it("begins again for a number whose onboarding is completed", () => {
    const row = {
      ...rowOf({}),
      onboarding: { "491511": { addedAt: iso(0), completedAt: iso(1) } },
    };
    expect(withAdded(row, { cc: "49", national: "1511" }, "b", T0 + HOUR).onboarding).toEqual({
      "491511": { cc: "49", addedAt: iso(HOUR), adds: ["b"] },
    });
  });
});
