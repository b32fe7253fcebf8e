import { describe, expect, it } from "vitest";
import {
  decideOn,
  FIELDS,
  freshRow,
  gist,
  iso,
  item,
  MINUTE,
  NUMBER,
  OTHER,
  parse,
  rowAfter,
  rowOf,
  stateOf,
  T0,
} from "../../support/watch-builders.ts";

const known = () => rowOf({ [NUMBER]: stateOf() });

describe("decide, for a customer's first read", () => {
  it("stores a baseline without events", () => {
    const decision = decideOn([item(), item(OTHER)], { row: freshRow() });
    expect(decision.events).toEqual([]);
    expect(decision.row).toEqual({
      schema: 2,
      seq: T0,
      baselineAt: iso(MINUTE),
      observedAt: iso(MINUTE),
      numbers: {
        [NUMBER]: { fields: FIELDS, observedAt: iso(MINUTE) },
        [OTHER]: { fields: FIELDS, observedAt: iso(MINUTE) },
      },
      pending: [],
    });
  });

  it("stores numbers without events until an answer is complete", () => {
    const first = decideOn([item()], { row: freshRow() }, 1);
    expect(first.row).toMatchObject({ partialBaseline: true });
    const second = decideOn([item(), item(OTHER)], { row: rowAfter(first, freshRow()) });
    expect(second.events).toEqual([]);
    expect(Object.keys(second.row?.numbers ?? {})).toEqual([NUMBER, OTHER]);
    const row = rowAfter(second, freshRow());
    expect(row).not.toHaveProperty("partialBaseline");
    const third = decideOn([item(), item(OTHER), item("49333")], { row });
    expect(third.events.map(gist)).toEqual(["discovered 49333"]);
  });

  it.each([
    ["a new number beside the row that was never read", [[1], [1, 2]], [1, 1], ["discovered 2"]],
    [
      "two, one after the other",
      [[1], [1, 2], [1, 2, 3]],
      [1, 1, 1],
      ["discovered 2", "discovered 3"],
    ],
    [
      "a new number once a known one is gone for longer",
      [[1], [2], [2, 3]],
      [1, 1, 1],
      ["discovered 3"],
    ],
    ["none that the row may have held", [[1], [1, 2]], [1, 0], []],
    ["none of two of which one row may have held one", [[1], [1, 2, 3]], [2, 1], []],
    ["none whose row may have passed to a known number", [[1], [2]], [1, 1], []],
    ["none if a known number's row was malformed in between", [[1], [], [2]], [1, 2, 1], []],
    ["none if a new row was malformed in between", [[1], [1], [1, 2]], [1, 2, 1], []],
    [
      "none that was listed twice when its row was first read",
      [[1], [1, 2, 2], [1, 2]],
      [2, 1, 1],
      [],
    ],
  ] as [string, number[][], number[], string[]][])(
    "discovers, after lists that were never complete, %s",
    (_, lists, malformed, events) => {
      let row = freshRow();
      const said = lists.flatMap((list, index) => {
        const items = list.map((number, at) => {
          const isSecond = list.indexOf(number) < at;
          return item(`4915100${number}`, isSecond ? { Status: "BANNED" } : {});
        });
        const decision = decideOn(items, { row, readAt: T0 + index * MINUTE }, malformed[index]);
        row = { ...rowAfter(decision, row), pending: [] };
        return decision.events.map((event) => gist(event).replace("4915100", ""));
      });
      expect(said).toEqual(events);
    },
  );

  it("stores nothing while all items are malformed", () => {
    expect(decideOn([], { row: freshRow() }, 3).row).toBeUndefined();
  });

  it("stores an empty baseline after three empty reads over ten minutes", () => {
    let row = freshRow();
    for (const minute of [0, 1, 2, 3, 9]) {
      const decision = decideOn([], { row, readAt: T0 + minute * MINUTE });
      row = rowAfter(decision, row);
      expect(row.baselineAt).toBeUndefined();
      if (minute > 2) expect(decision.row).toBeUndefined();
    }
    expect(row.emptyAtFirst).toEqual({ reads: 3, since: iso(0) });
    row = rowAfter(decideOn([], { row, readAt: T0 + 10 * MINUTE }), row);
    expect(row).toMatchObject({ baselineAt: iso(10 * MINUTE), numbers: {}, pending: [] });
    expect(row).not.toHaveProperty("emptyAtFirst");
    expect(decideOn([item()], { row }).events.map(gist)).toEqual([`discovered ${NUMBER}`]);
  });

  it("reports no discovery after one empty read", () => {
    const row = rowAfter(decideOn([], { row: freshRow() }), freshRow());
    const decision = decideOn([item()], { row });
    expect(decision.events).toEqual([]);
    expect(decision.row).toMatchObject({ baselineAt: iso(MINUTE) });
    expect(rowAfter(decision, row)).not.toHaveProperty("emptyAtFirst");
  });
});

describe("decide, for a known number", () => {
  it("gives no row and no event when nothing changed", () => {
    expect(decideOn([item()], { row: known() })).toEqual({
      row: undefined,
      events: [],
      becameEmpty: false,
      worse: false,
      heldBack: 0,
      confirms: true,
      isComplete: true,
      firstValues: [],
      unclear: [],
    });
  });

  it("gives one event for all its changes, and the row advances with it", () => {
    const items = [item(NUMBER, { Status: "BANNED", QualityRating: "RED", VerifiedName: "New" })];
    const decision = decideOn(items, { row: known() });
    expect(decision.events.map(gist)).toEqual([
      `changed ${NUMBER} status:CONNECTED>BANNED qualityRating:GREEN>RED verifiedName:Acme>New`,
    ]);
    expect(decision.worse).toBe(true);
    expect(decision.events[0]?.seq).toBe(T0 + MINUTE);
    expect(decision.row).toEqual({
      ...known(),
      seq: T0 + MINUTE,
      observedAt: iso(MINUTE),
      numbers: {
        [NUMBER]: {
          fields: { ...FIELDS, status: "BANNED", qualityRating: "RED", verifiedName: "New" },
          observedAt: iso(MINUTE),
        },
      },
      pending: decision.events,
    });
    expect(decideOn(items, { row: rowAfter(decision, known()) }).row).toBeUndefined();
  });

  it("reports unknown values and ignores unknown fields", () => {
    const odd = item(NUMBER, { Status: "HIBERNATING", Mood: "good", Nested: { a: [1] } });
    expect(decideOn([odd], { row: known() }).events.map(gist)).toEqual([
      `changed ${NUMBER} status:CONNECTED>HIBERNATING`,
    ]);
    const mood = item(NUMBER, { Mood: "good", Nested: { a: [1] }, StatusQueue: "another" });
    expect(decideOn([mood], { row: known() }).row).toBeUndefined();
  });

  it.each([undefined, null, 0, false, {}, []])("reports no change for a status of %j", (value) => {
    expect(decideOn([item(NUMBER, { Status: value })], { row: known() }).row).toBeUndefined();
  });

  it("reports the first value of a field that the number lacked, as a change from null", () => {
    const { status: _status, ...rest } = FIELDS;
    const row = rowOf({ [NUMBER]: stateOf(rest) });
    const first = decideOn([item(NUMBER, { Status: "BANNED" })], { row });
    expect(first.events.map(gist)).toEqual([`changed ${NUMBER} status:null>BANNED`]);
    expect(parse(first.events[0]).data).toMatchObject({
      direction: "worse",
      severity: "critical",
      previous: { status: null },
    });
    expect(first.firstValues).toEqual(["status"]);
    const well = decideOn([item()], { row });
    expect(parse(well.events[0]).data).toMatchObject({ direction: "lateral", severity: "info" });
  });

  it("stores the first values of silent fields, and reports bad ones and what else changed", () => {
    const { status: _status, ...rest } = FIELDS;
    const row = rowOf({ [NUMBER]: stateOf(rest) });
    const decisionOn = (Status: string) =>
      decideOn([item(NUMBER, { Status, QualityRating: "RED" })], {
        row,
        silent: new Set(["status"]),
      });
    const decision = decisionOn("CONNECTED");
    expect(decision.events.map(gist)).toEqual([`changed ${NUMBER} qualityRating:GREEN>RED`]);
    expect(decision.row?.numbers[NUMBER]?.fields.status).toBe("CONNECTED");
    expect(decision.firstValues).toEqual([]);
    expect(decisionOn("BANNED").events.map(gist)).toEqual([
      `changed ${NUMBER} status:null>BANNED qualityRating:GREEN>RED`,
    ]);
  });

  it("stores the first value of a field that is watched since an update silently, then its changes", () => {
    const old = rowOf({ [NUMBER]: stateOf() }, { schema: 1 });
    expect(decideOn([item()], { row: old }).row).toBeUndefined();
    const first = decideOn([item(NUMBER, { IsOfficial: "Y" })], { row: old });
    expect(first.events).toEqual([]);
    expect(first.row?.numbers[NUMBER]?.fields.isOfficial).toBe("Y");
    const row = rowAfter(first, old);
    expect(decideOn([item(NUMBER, { IsOfficial: "N" })], { row }).events.map(gist)).toEqual([
      `changed ${NUMBER} isOfficial:Y>N`,
    ]);
    const lacking = rowOf({ [NUMBER]: stateOf() });
    expect(decideOn([item(NUMBER, { IsOfficial: "Y" })], { row: lacking }).events).toHaveLength(1);
  });

  it.each([undefined, null, "", "  ", "None", "null", "NULL", "N/A", " None ", "\t"])(
    "takes the value %j for absent",
    (value) => {
      const items = [
        item(NUMBER, { Status: value, QualityRating: value, MessagingLimitTier: value }),
      ];
      expect(decideOn(items, { row: known() }).row).toBeUndefined();
      const lacking = rowOf({ [NUMBER]: stateOf({ status: "CONNECTED" }) });
      const only = { PhoneNumber: NUMBER, Status: "CONNECTED", NameStatus: value };
      expect(decideOn([only], { row: lacking }).row).toBeUndefined();
    },
  );

  it("takes NONE and NA for values, blanks around a word for nothing, and None for a name", () => {
    const row = rowOf({ [NUMBER]: stateOf() });
    expect(decideOn([item(NUMBER, { Status: " CONNECTED " })], { row }).row).toBeUndefined();
    const items = [item(NUMBER, { QualityRating: "NA", NameStatus: "NONE", VerifiedName: "None" })];
    expect(decideOn(items, { row }).events.map(gist)).toEqual([
      `changed ${NUMBER} qualityRating:GREEN>NA nameStatus:Approval>NONE verifiedName:Acme>None`,
    ]);
    expect(decideOn([item(NUMBER, { VerifiedName: "" })], { row }).row).toBeUndefined();
  });

  it("keeps a value through answers that lack it, and reports the change from it", () => {
    const absent = decideOn([item(NUMBER, { Status: undefined })], { row: known() });
    const row = rowAfter(absent, known());
    const items = [item(NUMBER, { Status: "BANNED" })];
    expect(decideOn(items, { row }).events.map(gist)).toEqual([
      `changed ${NUMBER} status:CONNECTED>BANNED`,
    ]);
  });

  it("recognises the number however the upstream writes it", () => {
    expect(decideOn([item("+49 (151) 1234-5678")], { row: known() }).row).toBeUndefined();
  });

  it("changes nothing for an answer without a list", () => {
    const decision = decideOn(undefined, { row: known() });
    expect(decision).toMatchObject({ row: undefined, becameEmpty: false, confirms: false });
  });

  it("changes nothing for items that contradict each other, in any order", () => {
    const good = item();
    const bad = item(NUMBER, { Status: "BANNED" });
    for (const items of [
      [good, bad],
      [bad, good],
      [bad, good, bad],
      [good, bad, bad],
    ]) {
      const decision = decideOn(items, { row: known() });
      expect(decision.row?.numbers).toEqual(known().numbers);
      expect(decision.events).toEqual([]);
    }
    expect(decideOn([bad, bad], { row: known() }).events.map(gist)).toEqual([
      `changed ${NUMBER} status:CONNECTED>BANNED`,
    ]);
  });

  it("reports a change beside a malformed or ambiguous item", () => {
    const row = rowOf({ [NUMBER]: stateOf(), [OTHER]: stateOf() });
    const bad = item(NUMBER, { Status: "BANNED" });
    const expected = [`changed ${NUMBER} status:CONNECTED>BANNED`];
    expect(decideOn([bad], { row }, 1).events.map(gist)).toEqual(expected);
    const contradictory = [item(OTHER), item(OTHER, { Status: "PAUSED" })];
    expect(decideOn([bad, ...contradictory], { row }).events.map(gist)).toEqual(expected);
  });

  it("reports a new number beside known ones as discovered, with its state", () => {
    const decision = decideOn([item(), item(OTHER, { Status: "PENDING" })], { row: known() });
    expect(decision.events.map(gist)).toEqual([`discovered ${OTHER}`]);
    expect(parse(decision.events[0]).data.current.status).toBe("PENDING");
    expect(decision.worse).toBe(false);
  });

  it("keeps keys that a later version has stored", () => {
    const row = rowOf(
      { [NUMBER]: stateOf(FIELDS, { later: 1 }), [OTHER]: stateOf(FIELDS, { later: 2 }) },
      { laterStill: { a: 1 } },
    );
    const decision = decideOn([item(NUMBER, { Status: "BANNED" }), item(OTHER)], { row });
    expect(decision.row).toMatchObject({
      laterStill: { a: 1 },
      numbers: { [NUMBER]: { later: 1 }, [OTHER]: { later: 2 } },
    });
  });

  it("removes the add intents of a customer that has numbers, once", () => {
    const row = { ...known(), addIntents: ["a"], revivedFrom: iso(0) };
    const decision = decideOn([item()], { row });
    expect(decision.events).toEqual([]);
    expect(decision.row).toEqual({ ...known(), observedAt: iso(MINUTE) });
    expect(decideOn([item()], { row: rowAfter(decision, row) }).row).toBeUndefined();
  });
});

describe("previousObservedAt", () => {
  const change = [item(NUMBER, { Status: "BANNED" })];
  const since = (given: Parameters<typeof decideOn>[1], items = change) =>
    parse(decideOn(items, given).events[0]).data.previousObservedAt;

  it("is the stored time, or that of a later read that showed the same", () => {
    expect(since({ row: known() })).toBe(iso(0));
    expect(since({ row: known(), lastSeenAt: T0 + 30_000 })).toBe(iso(30_000));
    expect(since({ row: known(), lastSeenAt: T0 - 30_000 })).toBe(iso(0));
  });

  it("of a discovery is the last complete read", () => {
    const items = [item(), item(OTHER)];
    expect(since({ row: known() }, items)).toBe(iso(0));
    expect(since({ row: known(), lastSeenAt: T0 + 30_000 }, items)).toBe(iso(30_000));
    const partial = decideOn(change, { row: known() }, 1);
    expect(
      since({ row: rowAfter(partial, known()), readAt: T0 + 2 * MINUTE }, [...change, item(OTHER)]),
    ).toBe(iso(0));
  });

  it("is never an answer that lacked the value", () => {
    const read = decideOn([item(NUMBER, { Status: undefined, QualityRating: "RED" })], {
      row: known(),
    });
    expect(since({ row: rowAfter(read, known()), readAt: T0 + 2 * MINUTE })).toBe(iso(0));
  });

  it("is moved only by an answer that shows every stored value and every number", () => {
    const row = rowOf({ [NUMBER]: stateOf(), [OTHER]: stateOf() });
    const all = [item(), item(OTHER)];
    const confirms = (items: typeof all | undefined, malformed = 0) =>
      decideOn(items, { row }, malformed).confirms;
    expect(confirms(all)).toBe(true);
    expect(confirms([item(NUMBER, { Status: "BANNED" }), item(OTHER)])).toBe(true);
    expect(confirms(all, 1)).toBe(false);
    expect(confirms(undefined)).toBe(false);
    expect(confirms([item(), item(OTHER, { NameStatus: undefined })])).toBe(false);
    // Of the other number this is true, and the unclear one has a time of its own.
    expect(confirms([item(), item(OTHER), item(OTHER, { Status: "PAUSED" })])).toBe(true);
  });
});
