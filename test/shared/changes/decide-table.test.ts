import { describe, expect, it } from "vitest";
import { ruleOf, WATCHED_FIELD_NAMES } from "../../../shared/changes/watched-fields.ts";
import {
  decideOn,
  gist,
  iso,
  item,
  MINUTE,
  NUMBER,
  parse,
  rowOf,
  stateOf,
  T0,
} from "../../support/watch-builders.ts";
import { cellsOf, FIELDS, valuesOf } from "./value-table.ts";

type Fields = Readonly<Record<string, string | undefined>>;

const UPSTREAM: Readonly<Record<string, string>> = {
  status: "Status",
  qualityRating: "QualityRating",
  codeVerificationStatus: "CodeVerificationStatus",
  nameStatus: "NameStatus",
  newNameStatus: "NewNameStatus",
  messagingLimitTier: "MessagingLimitTier",
  verifiedName: "VerifiedName",
  isOfficial: "IsOfficial",
};

/** A number that is known with these values, and listed with those. */
function read(before: Fields, after: Fields, more: object = {}) {
  const known = Object.entries(before).filter((entry): entry is [string, string] => !!entry[1]);
  const row = rowOf({ [NUMBER]: stateOf(Object.fromEntries(known)) });
  const listed = Object.entries(UPSTREAM).map(([field, name]) => [name, after[field]]);
  return decideOn([item(NUMBER, Object.fromEntries(listed))], { row, ...more });
}

/** The direction and severity of the one event that a change has, and whether it is for the lane. */
function meaningOf(base: Fields, field: string, from: string | undefined, to: string) {
  const { events, worse } = read({ ...base, [field]: from }, { ...base, [field]: to });
  if (events.length === 0) return { events: [], worse };
  const { changes, direction, severity } = parse(events[0]).data;
  return { events: events.map(({ type }) => type), changes, direction, severity, worse };
}

function expected(
  field: string,
  from: string | undefined,
  to: string,
  direction: string | undefined,
  severity: string | undefined,
) {
  if (!direction) return { events: [], worse: false };
  const change = { field, from: from ?? null, to, direction, severity };
  const events = ["whatsapp.phone_number.changed"];
  return { events, changes: [change], direction, severity, worse: direction === "worse" };
}

describe("the watched fields", () => {
  it("are those of the table, with its values and a new word", () => {
    expect([...WATCHED_FIELD_NAMES].sort()).toEqual([...FIELDS].sort());
    for (const field of FIELDS) {
      const { upstream, kind, levels, unranked = [] } = ruleOf(field);
      const values = [...levels.flatMap((level) => [...level.values]), ...unranked, "NEW_WORD"];
      expect([field, upstream]).toEqual([field, UPSTREAM[field]]);
      expect([field, kind === "text" || values]).toEqual([
        field,
        field === "verifiedName" || valuesOf(field),
      ]);
    }
  });
});

describe.each(FIELDS)("a read in which %s changes", (field) => {
  // Not connected, so that a verification counts as well.
  const base: Fields = field === "status" ? {} : { status: "PENDING" };

  it.each(cellsOf(field))("from $from to $to is $direction, $severity", (cell) => {
    const { from, to, direction, severity } = cell;
    expect(meaningOf(base, field, from, to)).toEqual(
      expected(field, from, to, direction, severity),
    );
    if (field === "verifiedName") return;
    const lower = to.toLowerCase();
    expect(meaningOf(base, field, from, lower)).toEqual(
      expected(field, from, lower, direction, severity),
    );
  });
});

it("a read in which the code of a connected number changes is lateral, info, and not for the lane", () => {
  const base = { status: "CONNECTED" };
  const field = "codeVerificationStatus";
  for (const { from, to, direction } of cellsOf(field)) {
    const lateral = expected(field, from, to, direction && "lateral", "info");
    expect(meaningOf(base, field, from, to)).toEqual(lateral);
  }
});

/** The milestone of an added number by its name, an hour after the add and 25 hours after it. */
const MILESTONES: readonly [name: string | undefined, connected: string, other: string][] = [
  [undefined, "completed completed", "- stuck"],
  ["APPROVED", "completed completed", "- stuck"],
  ["Approval", "completed completed", "- stuck"],
  ["AVAILABLE_WITHOUT_REVIEW", "completed completed", "- stuck"],
  ["NONE", "completed completed", "- stuck"],
  ["NON_EXISTS", "completed completed", "- stuck"],
  ["PENDING_REVIEW", "- stuck", "- stuck"],
  ["Pending_Review", "- stuck", "- stuck"],
  ["DECLINED", "stuck stuck", "stuck stuck"],
  ["Rejected", "stuck stuck", "stuck stuck"],
  ["EXPIRED", "- stuck", "- stuck"],
  ["NEW_WORD", "- stuck", "- stuck"],
];

describe("a read of an added number", () => {
  const onboarding = { [NUMBER]: { cc: "49", addedAt: iso(0) } };

  function milestone(fields: Fields, minutes: number): string {
    const { events } = read(fields, fields, { onboarding, readAt: T0 + minutes * MINUTE });
    const found = events.map((event) => [gist(event), parse(event).data.severity].join(" "));
    return found.join() || "-";
  }

  it("has a line for each documented name", () => {
    expect(MILESTONES.map(([name]) => name).sort()).toEqual(
      [undefined, ...valuesOf("nameStatus")].sort(),
    );
  });

  it.each(MILESTONES)("with the name %s, connected: %s, else: %s", (nameStatus, ...due) => {
    const said: Readonly<Record<string, string>> = {
      completed: `completed ${NUMBER} info`,
      stuck: `stuck ${NUMBER} warning`,
      "-": "-",
    };
    for (const status of [undefined, ...valuesOf("status")]) {
      const words = (status === "CONNECTED" ? due[0] : due[1]).split(" ").map((word) => said[word]);
      for (const codeVerificationStatus of [undefined, ...valuesOf("codeVerificationStatus")]) {
        const fields = { status, codeVerificationStatus, nameStatus };
        const found = [milestone(fields, 60), milestone(fields, 25 * 60)];
        expect({ ...fields, found }).toEqual({ ...fields, found: words });
      }
    }
  });
});

describe("a tier that is not sent", () => {
  it("is no change: TIER_1K, null, null, TIER_2K is one event", () => {
    const seen = ["TIER_1K", undefined, undefined, "TIER_2K"].flatMap((messagingLimitTier) =>
      read({ messagingLimitTier: "TIER_1K" }, { messagingLimitTier }).events.map(gist),
    );
    expect(seen).toEqual([`changed ${NUMBER} messagingLimitTier:TIER_1K>TIER_2K`]);
  });
});
