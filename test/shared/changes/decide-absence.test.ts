import { describe, expect, it } from "vitest";
import type { CustomerRow } from "../../../shared/schemas/customer-row.ts";
import type { PhoneNumberItem } from "../../../shared/schemas/upstream.ts";
import {
  decideOn,
  FIELDS,
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

const two = () => rowOf({ [NUMBER]: stateOf(), [OTHER]: stateOf() });

/** Reads at these minutes, each answered with `items`; what was said, by minute. */
function readAt(
  start: CustomerRow,
  minutes: readonly number[],
  items: readonly PhoneNumberItem[],
  malformed = 0,
) {
  let row = start;
  const said: string[] = [];
  let writes = 0;
  for (const minute of minutes) {
    const decision = decideOn(items, { row, readAt: T0 + minute * MINUTE }, malformed);
    said.push(...decision.events.map((event) => `${minute}: ${gist(event)}`));
    if (decision.row) writes += 1;
    row = rowAfter(decision, row);
  }
  return { row, said, writes };
}

describe("an absent number", () => {
  it("is missing after three good reads over ten minutes, exactly once", () => {
    const minutes = [1, 2, 3, 4, 10, 11, 12, 20, 5_000];
    const { row, said, writes } = readAt(two(), minutes, [item()]);
    expect(said).toEqual([`11: missing ${OTHER}`]);
    expect(row.numbers[OTHER]).toEqual({
      fields: FIELDS,
      observedAt: iso(0),
      missingSince: iso(11 * MINUTE),
    });
    expect(writes).toBe(4);
  });

  it("is missing at the third read when reads are rare", () => {
    expect(readAt(two(), [1, 60, 120, 180], [item()]).said).toEqual([`120: missing ${OTHER}`]);
  });

  it("is not missing after ten minutes of two reads", () => {
    expect(readAt(two(), [1, 60], [item()]).said).toEqual([]);
  });

  it("counts its absences and remembers when it was last there", () => {
    const { row } = readAt(two(), [1, 2], [item()]);
    expect(row.numbers[OTHER]).toEqual({
      fields: FIELDS,
      observedAt: iso(0),
      absent: { reads: 2, since: iso(MINUTE), lastSeenAt: iso(0) },
    });
  });

  it("starts its count anew once it has been seen", () => {
    const gone = readAt(two(), [1, 2, 3], [item()]).row;
    const back = readAt(gone, [4], [item(), item(OTHER)]);
    expect(back.said).toEqual([]);
    expect(back.row.numbers[OTHER]).toEqual({ fields: FIELDS, observedAt: iso(4 * MINUTE) });
    expect(readAt(back.row, [12, 13, 14, 21], [item()]).said).toEqual([]);
  });

  it("is not counted by an answer with a malformed or contradictory item, or without a list", () => {
    expect(readAt(two(), [1, 20, 40, 60], [item()], 1).writes).toBe(0);
    const contradictory = [item(), item("49333"), item("49333", { Status: "PAUSED" })];
    expect(readAt(two(), [1, 20, 40, 60], contradictory).writes).toBe(0);
    expect(decideOn(undefined, { row: two() }).row).toBeUndefined();
  });

  it("that returns says so once, with what changed meanwhile", () => {
    const gone = readAt(two(), [1, 2, 11], [item()]).row;
    const items = [item(), item(OTHER, { Status: "PENDING" })];
    const { row, said } = readAt(gone, [12, 13, 14], items);
    expect(said).toEqual([`12: returned ${OTHER} status:CONNECTED>PENDING`]);
    expect(row.numbers[OTHER]).toEqual({
      fields: { ...FIELDS, status: "PENDING" },
      observedAt: iso(12 * MINUTE),
    });
  });

  it("can be missing and return again and again, each under an id of its own", () => {
    let row = two();
    const ids = new Set<string>();
    for (const start of [0, 100, 200]) {
      row = readAt(row, [start, start + 5, start + 10], [item()]).row;
      row = readAt(row, [start + 20], [item(), item(OTHER)]).row;
    }
    for (const { id } of row.pending) ids.add(id);
    expect(row.pending.map((event) => event.type.split(".").at(-1))).toEqual([
      "missing",
      "returned",
      "missing",
      "returned",
      "missing",
      "returned",
    ]);
    expect(ids.size).toBe(6);
  });

  it("that changes before it is missing changes from its last known value", () => {
    const gone = readAt(two(), [1, 2], [item()]).row;
    const decision = decideOn([item(), item(OTHER, { Status: "BANNED" })], {
      row: gone,
      readAt: T0 + 3 * MINUTE,
      lastSeenAt: T0 + 2 * MINUTE,
    });
    expect(decision.events.map(gist)).toEqual([`changed ${OTHER} status:CONNECTED>BANNED`]);
    expect(parse(decision.events[0]).data.previousObservedAt).toBe(iso(0));
  });

  it("went missing after the last answer that listed it", () => {
    let row = two();
    const first = { row, readAt: T0 + 5 * MINUTE, lastSeenAt: T0 + 4 * MINUTE };
    row = rowAfter(decideOn([item()], first), row);
    for (const minute of [10, 15]) {
      const told = { row, readAt: T0 + minute * MINUTE, lastSeenAt: T0 + (minute - 5) * MINUTE };
      const decision = decideOn([item()], told);
      row = rowAfter(decision, row);
      const [event] = decision.events;
      if (event) expect(parse(event).data.previousObservedAt).toBe(iso(4 * MINUTE));
    }
    expect(row.pending.map(gist)).toEqual([`missing ${OTHER}`]);
  });
});

describe("an empty list", () => {
  it("turns a customer empty that had numbers, and counts like any absence", () => {
    const decision = decideOn([], { row: two() });
    expect(decision.becameEmpty).toBe(true);
    expect(decision.events).toEqual([]);
    expect(decision.row?.numbers[NUMBER]?.absent).toEqual({
      reads: 1,
      since: iso(MINUTE),
      lastSeenAt: iso(0),
    });
  });

  it("turns no customer empty that had none, or whose numbers are all missing already", () => {
    expect(decideOn([], { row: rowOf({}) }).becameEmpty).toBe(false);
    const gone = stateOf(FIELDS, { missingSince: iso(0) });
    expect(decideOn([], { row: rowOf({ [NUMBER]: gone }) })).toMatchObject({
      becameEmpty: false,
      row: undefined,
    });
  });

  it("with malformed items only is not empty", () => {
    expect(decideOn([], { row: two() }, 2)).toMatchObject({ becameEmpty: false, row: undefined });
  });
});
