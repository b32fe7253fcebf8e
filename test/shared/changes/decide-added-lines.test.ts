import { describe, expect, it } from "vitest";
import type { AddedNumber, CustomerRow } from "../../../shared/schemas/customer-row.ts";
import type { NumberEvent } from "../../../shared/schemas/event.ts";
import type { PhoneNumberItem } from "../../../shared/schemas/upstream.ts";
import {
  decideOn,
  FIELDS,
  iso,
  item,
  OTHER,
  parse,
  rowAfter,
  rowOf,
  stateOf,
  T0,
} from "../../support/watch-builders.ts";

const HOUR = 3_600_000;
const pendingState = stateOf({ ...FIELDS, status: "PENDING" });

/** One read, so many hours after T0. */
function read(
  row: CustomerRow,
  items: readonly PhoneNumberItem[],
  hours: number,
  onboarding: Record<string, AddedNumber> = {},
) {
  const decision = decideOn(items, { row, readAt: T0 + hours * HOUR, onboarding });
  const wrote = decision.row !== undefined;
  const added = rowOf(row.numbers, { ...row, onboarding: { ...row.onboarding, ...onboarding } });
  return { row: rowAfter(decision, added), events: decision.events.map(parse), wrote };
}

const isMilestone = ({ type }: NumberEvent) => type.startsWith("whatsapp.onboarding.");
const short = ({ type, subject, data }: NumberEvent) => [type, subject, data.addedAs, data.addedAt];

describe("a line that was added more than once", () => {
  it.each([
    ["447700900142", "4407700900142", "447700900142"],
    ["4407700900142", "447700900142", "447700900142"],
    ["525512345678", "5215512345678", "5215512345678"],
    ["5215512345678", "525512345678", "5215512345678"],
    ["5521985550142", "552185550142", "5521985550142"],
  ])("reports one line added as %s and %s once, listed as %s", (one, other, listed) => {
    const cc = one.slice(0, 2);
    const entries = {
      [one]: { cc, addedAt: iso(0) },
      [other]: { cc, addedAt: iso(60_000) },
    };
    const waiting = [item(listed, { Status: "PENDING" })];
    const absent = read(rowOf({ [OTHER]: stateOf() }), [item(OTHER)], 24.1, entries);
    const stuck = read(rowOf({ [listed]: pendingState }), waiting, 26, entries);
    const refused = [item(listed, { Status: "PENDING", NameStatus: "DECLINED" })];
    const atOnce = read(rowOf({ [listed]: pendingState }), refused, 1, entries);
    const done = read(rowOf({ [listed]: pendingState }), [item(listed)], 1, entries);
    const steps = [absent, stuck, atOnce, done];
    expect(steps.map(({ events }) => events.filter(isMilestone).map(short))).toEqual([
      [["whatsapp.onboarding.stuck", one, one, iso(0)]],
      [["whatsapp.onboarding.stuck", listed, one, iso(0)]],
      [["whatsapp.onboarding.stuck", listed, one, iso(0)]],
      [["whatsapp.onboarding.completed", listed, one, iso(0)]],
    ]);
    for (const [{ row }, items] of [
      [absent, [item(OTHER)]],
      [stuck, waiting],
      [atOnce, refused],
      [done, [item(listed)]],
    ] as const) {
      expect(read(row, items, 30)).toMatchObject({ events: [], wrote: false });
    }
    expect(done.row.onboarding).toEqual({
      [one]: { addedAt: iso(0), completedAt: iso(HOUR) },
      [other]: { addedAt: iso(60_000), completedAt: iso(HOUR) },
    });
  });

  it("reports two listed near forms that were both added as two lines", () => {
    const [one, other] = ["525512345678", "5215512345678"];
    const entries = Object.fromEntries(
      [one, other].map((key) => [key, { cc: "52", addedAt: iso(0) }]),
    );
    const known = rowOf({ [one]: stateOf(), [other]: stateOf() });
    const both = read(known, [item(one), item(other)], 1, entries);
    expect(both.events.map(short)).toEqual([
      ["whatsapp.onboarding.completed", one, one, iso(0)],
      ["whatsapp.onboarding.completed", other, other, iso(0)],
    ]);
  });
});
