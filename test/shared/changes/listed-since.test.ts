import { describe, expect, it } from "vitest";
import type { CustomerRow } from "../../../shared/schemas/customer-row.ts";
import type { PhoneNumberItem } from "../../../shared/schemas/upstream.ts";
import {
  decideOn,
  freshRow,
  iso,
  item,
  MINUTE,
  NUMBER,
  OTHER,
  rowAfter,
  rowOf,
  stateOf,
  T0,
} from "../../support/watch-builders.ts";

/** The time stored of the other number, after these reads, a minute apart. */
function sinceAfter(
  before: CustomerRow,
  ...reads: readonly (readonly PhoneNumberItem[] | "malformed")[]
) {
  let row = before;
  reads.forEach((items, index) => {
    const readAt = T0 + (index + 1) * 6 * MINUTE;
    const isWhole = items !== "malformed";
    const decision = decideOn(isWhole ? items : [item()], { row, readAt }, isWhole ? 0 : 1);
    row = rowAfter(decision, row);
  });
  return row.numbers[OTHER]?.listedSince;
}

const one = [item()];
const both = [item(), item(OTHER)];
const left = [item(), item(OTHER, { Status: "DELETED" })];
const known = () => rowOf({ [NUMBER]: stateOf() });

describe("since when a number is listed", () => {
  it("is the first read that listed it after one that did not", () => {
    expect(sinceAfter(known(), both)).toBe(iso(6 * MINUTE));
    expect(sinceAfter(known(), one, both, both)).toBe(iso(12 * MINUTE));
    const banned = [item(), item(OTHER, { Status: "BANNED" })];
    expect(sinceAfter(known(), both, banned)).toBe(iso(6 * MINUTE));
  });

  it("is unknown of a number of the first list, or of one that was not whole", () => {
    expect(sinceAfter(freshRow(), both)).toBeUndefined();
    expect(sinceAfter(freshRow(), "malformed", both)).toBeUndefined();
    expect(sinceAfter(rowOf({ [OTHER]: stateOf() }), both, both)).toBeUndefined();
  });

  it("begins again with a number that was missing, or had left the account", () => {
    expect(sinceAfter(known(), both, one, one, one, both)).toBe(iso(30 * MINUTE));
    expect(sinceAfter(known(), both, one, both)).toBe(iso(6 * MINUTE));
    expect(sinceAfter(known(), left, both)).toBe(iso(12 * MINUTE));
  });

  it("is the first of the reads that listed it in two rows which contradict each other", () => {
    const unclear = [...both, item(OTHER, { Status: "BANNED" })];
    expect(sinceAfter(known(), one, unclear, unclear, both)).toBe(iso(12 * MINUTE));
    expect(sinceAfter(known(), left, unclear, both)).toBe(iso(12 * MINUTE));
    expect(sinceAfter(freshRow(), unclear, both)).toBeUndefined();
  });
});
