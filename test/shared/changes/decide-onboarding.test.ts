import { describe, expect, it } from "vitest";
import { decide } from "../../../shared/changes/decide.ts";
import type { CustomerRow } from "../../../shared/schemas/customer-row.ts";
import type { NumberEvent } from "../../../shared/schemas/event.ts";
import type { PhoneNumberItem } from "../../../shared/schemas/upstream.ts";
import {
  decideOn,
  FIELDS,
  gist,
  iso,
  item,
  NUMBER,
  OTHER,
  rowOf,
  SOURCE,
  stateOf,
  T0,
  withAddedNumbers,
} from "../../support/watch-builders.ts";

const HOUR = 3_600_000;
const ENTRY = { [NUMBER]: { cc: "49", addedAt: iso(0) } };
const PENDING = {
  Status: "PENDING",
  CodeVerificationStatus: "NOT_VERIFIED",
  NameStatus: "Pending_Review",
};
const pendingState = stateOf({
  ...FIELDS,
  status: "PENDING",
  codeVerificationStatus: "NOT_VERIFIED",
  nameStatus: "Pending_Review",
});

function read(row: CustomerRow, items: readonly PhoneNumberItem[], hours: number, entries = ENTRY) {
  const decision = decide({
    customer: "acme",
    source: SOURCE,
    row: withAddedNumbers(row, entries),
    reply: { requestId: "REQ", items, malformed: 0 },
    readAt: T0 + hours * HOUR,
  });
  const events = decision.events.map(({ body }) => JSON.parse(body) as NumberEvent);
  return { row: decision.row ?? row, events, wrote: decision.row !== undefined };
}

describe("decide, for an added number", () => {
  it("reports completed onboarding once, after the change that completes it", () => {
    const known = rowOf({ [NUMBER]: pendingState });
    const { row, events } = read(known, [item()], 2);
    const [changed, completed] = events;
    expect(events.map(({ type }) => type)).toEqual([
      "whatsapp.phone_number.changed",
      "whatsapp.onboarding.completed",
    ]);
    expect(Number(completed?.sequence) - Number(changed?.sequence)).toBe(1);
    expect(changed?.data.changes.map(({ field }) => field)).toEqual([
      "status",
      "codeVerificationStatus",
      "nameStatus",
    ]);
    expect(completed?.data).toMatchObject({
      changes: [],
      direction: "better",
      severity: "info",
      addedAt: iso(0),
    });
    expect(changed?.data.groupId).toMatch(/^grp_[\w-]{22}$/);
    expect(completed?.data.groupId).toBe(changed?.data.groupId);
    expect(row.onboarding).toEqual({ [NUMBER]: { addedAt: iso(0), completedAt: iso(2 * HOUR) } });
    expect(read(row, [item()], 3)).toMatchObject({ events: [], wrote: false });
  });

  it("reports a change for the worse beside the milestone of the same read", () => {
    const known = rowOf({
      [NUMBER]: stateOf({ ...FIELDS, nameStatus: "PENDING_REVIEW" }),
    });
    const { events } = read(known, [item(NUMBER, { QualityRating: "RED" })], 2);
    expect(events.map(({ type, data }) => [type, data.severity])).toEqual([
      ["whatsapp.phone_number.changed", "critical"],
      ["whatsapp.onboarding.completed", "info"],
    ]);
  });

  it("reports completed onboarding of a connected number whose verification lapsed", () => {
    const lapsed = stateOf({ ...FIELDS, codeVerificationStatus: "EXPIRED" });
    const items = [item(NUMBER, { CodeVerificationStatus: "EXPIRED" })];
    const { events } = read(rowOf({ [NUMBER]: lapsed }), items, 25);
    expect(events.map(({ type }) => type)).toEqual(["whatsapp.onboarding.completed"]);
  });

  it.each(["DECLINED", "Rejected"])(
    "reports a connected number with the name %s stuck at once, and completed once it is decided well",
    (NameStatus) => {
      const refused = [item(NUMBER, { NameStatus })];
      const known = rowOf({ [NUMBER]: stateOf({ ...FIELDS, nameStatus: NameStatus }) });
      const { row, events } = read(known, refused, 0.1);
      expect(events.map(({ type, data }) => [type, data.blockedBy, data.severity])).toEqual([
        ["whatsapp.onboarding.stuck", "nameStatus", "warning"],
      ]);
      expect(events[0]?.data.nextStep?.sentence).toContain("display name was refused");
      expect(read(row, refused, 30)).toMatchObject({ events: [], wrote: false });
      expect(read(row, [item()], 31).events.map(({ type }) => type)).toEqual([
        "whatsapp.phone_number.changed",
        "whatsapp.onboarding.completed",
      ]);
    },
  );

  it("reports a number stuck after 24 hours whose name was refused before", () => {
    const known = rowOf({ [NUMBER]: pendingState });
    const refused = read(known, [item(NUMBER, { ...PENDING, NameStatus: "DECLINED" })], 1);
    const waiting = read(refused.row, [item(NUMBER, PENDING)], 2);
    expect([...refused.events, ...waiting.events].map(({ type }) => type)).toEqual([
      "whatsapp.phone_number.changed",
      "whatsapp.onboarding.stuck",
      "whatsapp.phone_number.changed",
    ]);
    const later = read(waiting.row, [item(NUMBER, PENDING)], 25);
    expect(later.events.map(({ data }) => data.blockedBy)).toEqual(["codeVerificationStatus"]);
  });

  it.each([
    ["CONNECTED", "VERIFIED", []],
    ["PENDING", "VERIFIED", ["nameStatus"]],
    ["PENDING", "REJECTED", ["codeVerificationStatus"]],
  ])("has no news in a name that was refused before, %s and %s", (Status, code, later) => {
    const fields = { status: Status, codeVerificationStatus: code, nameStatus: "Rejected" };
    const known = rowOf({ [NUMBER]: stateOf({ ...FIELDS, ...fields }) });
    const listed = { Status, CodeVerificationStatus: code, NameStatus: "Rejected" };
    const entries = { [NUMBER]: { cc: "49", addedAt: iso(0), refusedBefore: true } };
    const blockers = (hours: number) =>
      read(known, [item(NUMBER, listed)], hours, entries).events.map(({ data }) => data.blockedBy);
    expect(blockers(23)).toEqual([]);
    expect(blockers(30)).toEqual(later);
  });

  it("says when a discovered number was added, and reports its milestone after it", () => {
    const { events } = read(rowOf({ [OTHER]: stateOf() }), [item(OTHER), item()], 1);
    expect(events.map(({ type, data }) => [type, data.addedAt])).toEqual([
      ["whatsapp.phone_number.discovered", iso(0)],
      ["whatsapp.onboarding.completed", iso(0)],
    ]);
  });

  it("reports completed onboarding of a number that was in service from the first", () => {
    const { events } = read(rowOf({ [NUMBER]: stateOf() }), [item()], 1);
    expect(events.map(({ type, data }) => [type, data.changes])).toEqual([
      ["whatsapp.onboarding.completed", []],
    ]);
  });

  it.each([
    ["codeVerificationStatus", PENDING],
    ["status", { ...PENDING, CodeVerificationStatus: "VERIFIED" }],
    ["nameStatus", { NameStatus: "PENDING_REVIEW" }],
  ])("reports that it is stuck at %s once, after 24 hours", (blockedBy, fields) => {
    const stored = Object.entries(fields).map(([name, value]) => [
      name.charAt(0).toLowerCase() + name.slice(1),
      value,
    ]);
    const known = rowOf({ [NUMBER]: stateOf({ ...FIELDS, ...Object.fromEntries(stored) }) });
    const items = [item(NUMBER, fields)];
    expect(read(known, items, 23.9)).toMatchObject({ events: [], wrote: false });
    const { row, events } = read(known, items, 24);
    expect(events.map(({ type, data }) => [type, data.blockedBy, data.severity])).toEqual([
      ["whatsapp.onboarding.stuck", blockedBy, "warning"],
    ]);
    expect(read(row, items, 48)).toMatchObject({ events: [], wrote: false });
    expect(read(row, [item()], 49).events.map(({ type }) => type)).toEqual([
      "whatsapp.phone_number.changed",
      "whatsapp.onboarding.completed",
    ]);
  });

  it("does not report it stuck within two hours of a step", () => {
    const known = rowOf({ [NUMBER]: pendingState });
    const verified = [item(NUMBER, { ...PENDING, CodeVerificationStatus: "VERIFIED" })];
    const step = read(known, verified, 23);
    expect(read(step.row, verified, 24.5).events).toEqual([]);
    expect(read(step.row, verified, 25).events.map(({ data }) => data.blockedBy)).toEqual([
      "status",
    ]);
  });

  it("does not take a number for one that is not listed if a row cannot be read", () => {
    const given = { row: rowOf({ [OTHER]: stateOf() }), onboarding: ENTRY };
    const at = (hours: number, malformed: number) =>
      decideOn([item(OTHER)], { ...given, readAt: T0 + hours * HOUR }, malformed).events.map(gist);
    expect(at(25, 1)).toEqual([]);
    expect(at(25, 0)).toEqual([`stuck ${NUMBER}`]);

    const gone = {
      ...given,
      row: rowOf({ [NUMBER]: stateOf(FIELDS, { missingSince: iso(HOUR) }) }),
    };
    const readAt = T0 + 25 * HOUR;
    expect(decideOn([], { ...gone, readAt }, 1).events.map(gist)).toEqual([]);
  });

  it("reports a number that is not listed as stuck, and stores no such number", () => {
    const known = rowOf({ [OTHER]: stateOf() });
    const { row, events } = read(known, [item(OTHER)], 24);
    expect(events.map(({ subject, data }) => [subject, data.blockedBy])).toEqual([
      [NUMBER, "phoneNumber"],
    ]);
    expect(Object.keys(row.numbers)).toEqual([OTHER]);
    expect(read(row, [item(OTHER)], 30).events).toEqual([]);
  });

  it("recognises the number in the form that WhatsApp gives it", () => {
    const listed = "525512345678";
    const entries = { "5215512345678": { cc: "52", addedAt: iso(0) } };
    const known = rowOf({ [listed]: pendingState });
    const { events } = read(known, [item(listed)], 1, entries as unknown as typeof ENTRY);
    expect(events.map(({ subject, type }) => [subject, type])).toEqual([
      [listed, "whatsapp.phone_number.changed"],
      [listed, "whatsapp.onboarding.completed"],
    ]);
  });

  it.each(["DELETED", "MIGRATED"])(
    "recognises the form that is in service beside an earlier one that is %s",
    (Status) => {
      const [gone, listed] = ["5215512345678", "525512345678"];
      const entries = { [gone]: { cc: "52", addedAt: iso(0) } };
      const known = rowOf({
        [gone]: stateOf({ ...FIELDS, status: Status }),
        [listed]: pendingState,
      });
      const items = [item(gone, { Status }), item(listed)];
      const { events } = read(known, items, 1, entries as unknown as typeof ENTRY);
      expect(events.map(({ subject, type }) => [subject, type])).toEqual([
        [listed, "whatsapp.phone_number.changed"],
        [listed, "whatsapp.onboarding.completed"],
      ]);
    },
  );

  it("reports completed onboarding again for a number that is added again", () => {
    const reported = { [NUMBER]: { addedAt: iso(-HOUR), completedAt: iso(-HOUR) } };
    const known = rowOf({ [NUMBER]: stateOf() }, { onboarding: reported });
    expect(read(known, [item()], 1).events).toHaveLength(1);
  });
});

describe("decide, for a tier that moves", () => {
  const known = rowOf({ [NUMBER]: stateOf(), [OTHER]: stateOf() });
  const tier = { MessagingLimitTier: "TIER_250" };

  it("gives the events of all the customer's numbers one group id", () => {
    const { events } = read(known, [item(NUMBER, tier), item(OTHER, tier)], 1, {} as typeof ENTRY);
    const groups = events.map(({ data }) => data.groupId);
    expect(groups[0]).toMatch(/^grp_[\w-]{22}$/);
    expect(groups).toEqual([groups[0], groups[0]]);
  });

  it("gives no group id when it moves on one number, or differently", () => {
    const one = read(known, [item(NUMBER, tier), item(OTHER)], 1, {} as typeof ENTRY);
    expect(one.events.map(({ data }) => data.groupId)).toEqual([undefined]);
    const other = { MessagingLimitTier: "TIER_50" };
    const two = read(known, [item(NUMBER, tier), item(OTHER, other)], 1, {} as typeof ENTRY);
    expect(two.events.map(({ data }) => data.groupId)).toEqual([undefined, undefined]);
  });
});

describe("decide, for a number that the list lacks for good", () => {
  it.each([
    ["CONNECTED", "absent", "critical", "worse"],
    ["DELETED", "deleted", "info", "lateral"],
    ["MIGRATED", "migrated", "info", "lateral"],
  ])("after %s reports it missing as %s", (status, reason, severity, direction) => {
    let row = rowOf({ [NUMBER]: stateOf({ ...FIELDS, status }), [OTHER]: stateOf() });
    const events: NumberEvent[] = [];
    for (const hours of [1, 2, 3]) {
      const step = read(row, [item(OTHER)], hours, {} as typeof ENTRY);
      row = step.row;
      events.push(...step.events);
    }
    expect(events.map(({ type }) => type)).toEqual(["whatsapp.phone_number.missing"]);
    expect(events[0]?.data).toMatchObject({
      missingReason: reason,
      severity,
      direction,
      missingSince: iso(3 * HOUR),
    });
  });
});
