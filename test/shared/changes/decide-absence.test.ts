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

describe("decide, for a number that the list lacks", () => {
  it("reports it missing once, after three complete reads over ten minutes", () => {
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

  it("reports it missing at the third read when reads are rare", () => {
    expect(readAt(two(), [1, 60, 120, 180], [item()]).said).toEqual([`120: missing ${OTHER}`]);
  });

  it("does not report it missing after two reads, however far apart", () => {
    expect(readAt(two(), [1, 60], [item()]).said).toEqual([]);
  });

  it("counts its absences and stores when it was last listed", () => {
    const { row } = readAt(two(), [1, 2], [item()]);
    expect(row.numbers[OTHER]).toEqual({
      fields: FIELDS,
      observedAt: iso(0),
      absent: { reads: 2, since: iso(MINUTE), lastSeenAt: iso(0) },
    });
  });

  it("counts from the beginning again once it has been listed", () => {
    const gone = readAt(two(), [1, 2, 3], [item()]).row;
    const back = readAt(gone, [4], [item(), item(OTHER)]);
    expect(back.said).toEqual([]);
    expect(back.row.numbers[OTHER]).toEqual({ fields: FIELDS, observedAt: iso(4 * MINUTE) });
    expect(readAt(back.row, [12, 13, 14, 21], [item()]).said).toEqual([]);
  });

  it("does not count an answer with a malformed item, or without a list", () => {
    expect(readAt(two(), [1, 20, 40, 60], [item()], 1).writes).toBe(0);
    expect(decideOn(undefined, { row: two() }).row).toBeUndefined();
  });

  it("counts although another number is in two rows that differ", () => {
    const items = [item(), item(NUMBER, { Status: "PAUSED" })];
    expect(readAt(two(), [1, 2, 11], items).said).toEqual([`11: missing ${OTHER}`]);
  });

  it("does not count a number that is in two rows that differ, and reports no change of it", () => {
    const items = [item(), item(OTHER), item(OTHER, { Status: "PAUSED", QualityRating: "RED" })];
    expect(readAt(two(), [1, 20], items).said).toEqual([]);
    expect(decideOn(items, { row: two() })).toMatchObject({ unclear: [OTHER], isComplete: true });
    const changed = [item(NUMBER, { Status: "BANNED" }), ...items.slice(1)];
    expect(readAt(two(), [1], changed).said).toEqual([
      `1: changed ${NUMBER} status:CONNECTED>BANNED`,
    ]);
  });

  it.each(["DELETED", "Migrated"])(
    "takes the other of two rows of one number if one is %s",
    (Status) => {
      const left = item(OTHER, { Status, QualityRating: "RED" });
      for (const items of [
        [item(), item(OTHER), left],
        [left, item(OTHER), item()],
      ]) {
        expect(decideOn(items, { row: two() })).toMatchObject({ row: undefined, isComplete: true });
      }
      expect(readAt(two(), [1], [item(), left]).said).toEqual([
        `1: changed ${OTHER} status:CONNECTED>${Status} qualityRating:GREEN>RED`,
      ]);
    },
  );

  it("reports its return once, and then what changed meanwhile", () => {
    const gone = readAt(two(), [1, 2, 11], [item()]).row;
    const items = [item(), item(OTHER, { Status: "PENDING" })];
    const { row, said } = readAt(gone, [12, 13, 14], items);
    expect(said).toEqual([
      `12: returned ${OTHER}`,
      `12: changed ${OTHER} status:CONNECTED>PENDING`,
    ]);
    expect(row.numbers[OTHER]).toEqual({
      fields: { ...FIELDS, status: "PENDING" },
      observedAt: iso(12 * MINUTE),
      listedSince: iso(12 * MINUTE),
    });
  });

  it("gives each absence and each return an event with an id of its own", () => {
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

  it("reports a change before it counts as missing, from its last known value", () => {
    const gone = readAt(two(), [1, 2], [item()]).row;
    const decision = decideOn([item(), item(OTHER, { Status: "BANNED" })], {
      row: gone,
      readAt: T0 + 3 * MINUTE,
      lastSeenAt: T0 + 2 * MINUTE,
    });
    expect(decision.events.map(gist)).toEqual([`changed ${OTHER} status:CONNECTED>BANNED`]);
    expect(parse(decision.events[0]).data.previousObservedAt).toBe(iso(0));
  });

  it("says that it went missing after the last answer that listed it", () => {
    let row = two();
    const first = { row, readAt: T0 + 5 * MINUTE, lastSeenAt: T0 + 4 * MINUTE };
    row = rowAfter(decideOn([item()], first), row);
    for (const minute of [10, 15]) {
      const given = { row, readAt: T0 + minute * MINUTE, lastSeenAt: T0 + (minute - 5) * MINUTE };
      const decision = decideOn([item()], given);
      row = rowAfter(decision, row);
      const [event] = decision.events;
      if (event) expect(parse(event).data.previousObservedAt).toBe(iso(4 * MINUTE));
    }
    expect(row.pending.map(gist)).toEqual([`missing ${OTHER}`]);
  });
});

describe("decide, for an empty list", () => {
  it("marks a customer with numbers as become empty, and counts like any absence", () => {
    const decision = decideOn([], { row: two() });
    expect(decision.becameEmpty).toBe(true);
    expect(decision.events).toEqual([]);
    expect(decision.row?.numbers[NUMBER]?.absent).toEqual({
      reads: 1,
      since: iso(MINUTE),
      lastSeenAt: iso(0),
    });
  });

  it("does not mark a customer without numbers, or whose numbers are all missing", () => {
    expect(decideOn([], { row: rowOf({}) }).becameEmpty).toBe(false);
    const gone = stateOf(FIELDS, { missingSince: iso(0) });
    expect(decideOn([], { row: rowOf({ [NUMBER]: gone }) })).toMatchObject({
      becameEmpty: false,
      row: undefined,
    });
  });

  it("does not mark a customer whose items are all malformed", () => {
    expect(decideOn([], { row: two() }, 2)).toMatchObject({ becameEmpty: false, row: undefined });
  });
});
