import { describe, expect, it } from "vitest";
import {
  decideOn,
  gist,
  item,
  MINUTE,
  parse,
  rowAfter,
  rowOf,
  stateOf,
  T0,
} from "../../support/watch-builders.ts";

const PLAIN = "523355501042";
const WITH_1 = "5213355501042";

describe("a known number under another spelling", () => {
  it("has no event for the spelling, which the row notes once", () => {
    const row = rowOf({ [PLAIN]: stateOf() });
    const first = decideOn([item(WITH_1)], { row });
    expect(first.events).toEqual([]);
    const after = rowAfter(first, row);
    expect(Object.keys(after.numbers)).toEqual([PLAIN]);
    expect(after.numbers[PLAIN]).toMatchObject({ listedAs: WITH_1 });
    expect(decideOn([item(WITH_1)], { row: after }).row).toBeUndefined();
  });

  it("keeps its first spelling in a change, which names today's", () => {
    const row = rowOf({ [PLAIN]: stateOf() });
    const { events } = decideOn([item(WITH_1, { Status: "BANNED" })], { row });
    expect(events.map(gist)).toEqual([`changed ${PLAIN} status:CONNECTED>BANNED`]);
    expect(parse(events[0]).data).toMatchObject({ phoneNumber: PLAIN, listedAs: WITH_1 });
  });

  it("has no listedAs again once it is listed as before", () => {
    const row = rowOf({ [PLAIN]: { ...stateOf(), listedAs: WITH_1 } });
    const { row: after, events } = decideOn([item(PLAIN)], { row });
    expect([events, after?.numbers[PLAIN]?.listedAs]).toEqual([[], undefined]);
  });

  it("is neither missing nor returned, however long it is listed so", () => {
    let row = rowOf({ [PLAIN]: stateOf() });
    for (const minute of [0, 5, 10, 15, 20]) {
      const decision = decideOn([item(WITH_1)], { row, readAt: T0 + minute * MINUTE });
      expect(decision.events).toEqual([]);
      row = rowAfter(decision, row);
    }
  });

  it("is two lines when both spellings are listed", () => {
    const row = rowOf({ [PLAIN]: stateOf() });
    const { events } = decideOn([item(WITH_1), item(PLAIN)], { row });
    expect(events.map(gist)).toEqual([`discovered ${WITH_1}`]);
  });

  it.each([
    ["447700900142", "+44 (0)7700 900142"],
    ["447700900142", "4407700900142"],
    // As the first edition may have stored it.
    ["4407700900142", "+44 (0)7700 900142"],
  ])("is one line if %s is listed as %s", (known, listed) => {
    const row = rowOf({ [known]: stateOf() });
    const decision = decideOn([item(listed)], { row });
    expect(decision.events).toEqual([]);
    expect(Object.keys(rowAfter(decision, row).numbers)).toEqual([known]);
  });

  it("is in digits alone, however it is listed", () => {
    const row = rowOf({});
    const { events } = decideOn([item("+60 1155 501 42")], { row });
    expect(events.map(gist)).toEqual(["discovered 60115550142"]);
    expect(
      Object.keys(rowAfter({ row: decideOn([item("+60 1155 501 42")], { row }).row }, row).numbers),
    ).toEqual(["60115550142"]);
  });

  it("is another line for a Brazilian landline and a mobile of the same digits", () => {
    const row = rowOf({ "551133334444": stateOf() });
    const { events } = decideOn([item("551133334444"), item("5511933334444")], { row });
    expect(events.map(gist)).toEqual(["discovered 5511933334444"]);
  });
});

describe("two rows that spell one number and its values otherwise", () => {
  it("are one row", () => {
    const row = rowOf({ "4915112345678": stateOf() });
    const twice = [item("4915112345678"), item("+49 1511 2345678", { QualityRating: " green " })];
    expect(decideOn(twice, { row })).toMatchObject({ events: [], isComplete: true });
  });
});

describe("an added number that is listed under another spelling", () => {
  const addedAt = new Date(T0).toISOString();
  const onboarding = { [PLAIN]: { cc: "52", addedAt } };

  it("is discovered with the form and the time of its add", () => {
    const { events } = decideOn([item(WITH_1, { Status: "PENDING" })], {
      row: rowOf({}),
      onboarding,
    });
    expect(parse(events[0]).data).toMatchObject({ phoneNumber: WITH_1, addedAs: PLAIN, addedAt });
  });

  it("keeps the added form in its later events, outside the lane as well", () => {
    const first = decideOn([item(WITH_1, { Status: "PENDING" })], { row: rowOf({}), onboarding });
    const row = rowAfter(first, rowOf({}));
    const { events } = decideOn([item(WITH_1, { Status: "BANNED" })], { row });
    expect(parse(events.at(-1)).data).toMatchObject({ phoneNumber: WITH_1, addedAs: PLAIN });
  });
});
