import { describe, expect, it } from "vitest";
import { compareValues } from "../../../shared/changes/severity.ts";
import {
  ruleOf,
  WATCHED_FIELD_NAMES,
  type WatchedField,
} from "../../../shared/changes/watched-fields.ts";
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

const documented = (field: WatchedField) => {
  const { levels, unranked = [] } = ruleOf(field);
  return [...levels.flatMap(({ values }) => [...values]), ...unranked, "NEW_WORD"];
};

type Fields = Readonly<Partial<Record<WatchedField, string>>>;

/** A number that is known with these values, and listed with those. */
function read(before: Fields, after: Fields, more: object = {}) {
  const known = Object.entries(before).filter(([, value]) => value !== undefined);
  const row = rowOf({ [NUMBER]: stateOf(Object.fromEntries(known)) });
  const listed = Object.fromEntries(
    WATCHED_FIELD_NAMES.map((field) => [ruleOf(field).upstream, after[field]]),
  );
  return decideOn([item(NUMBER, listed)], { row, ...more });
}

describe.each(WATCHED_FIELD_NAMES)("a read in which %s changes", (field) => {
  // Not connected, so that a verification counts as well.
  const base: Fields = field === "status" ? {} : { status: "PENDING" };

  it("between any two documented values has one event, and the lane if that is for the worse", () => {
    for (const from of [undefined, ...documented(field)]) {
      for (const to of documented(field)) {
        const decision = read({ ...base, [field]: from }, { ...base, [field]: to });
        if (from?.toUpperCase() === to.toUpperCase() && field !== "verifiedName") {
          expect([from, to, decision.events]).toEqual([from, to, []]);
          continue;
        }
        if (from === to) continue;
        const { direction, severity } = compareValues(field, from ?? null, to);
        const change = { field, from: from ?? null, to, direction, severity };
        expect(parse(decision.events[0]).data).toMatchObject({ changes: [change], severity });
        expect(decision.events).toHaveLength(1);
        expect([from, to, decision.worse]).toEqual([from, to, direction === "worse"]);
      }
    }
  });
});

describe("a read of an added number", () => {
  const WELL = ["APPROVED", "Approval", "AVAILABLE_WITHOUT_REVIEW", "NONE", "NON_EXISTS"];
  const REFUSED = ["DECLINED", "Rejected"];
  const added = { [NUMBER]: { cc: "49", addedAt: iso(0) } };
  const milestones = (fields: Fields, minutes: number) =>
    read(fields, fields, { onboarding: added, readAt: T0 + minutes * MINUTE }).events.map(gist);

  it("with any documented status, code and name has the milestone that is due", () => {
    for (const status of documented("status")) {
      for (const codeVerificationStatus of documented("codeVerificationStatus")) {
        for (const nameStatus of documented("nameStatus")) {
          const fields = { status, codeVerificationStatus, nameStatus };
          const isCompleted = status === "CONNECTED" && WELL.includes(nameStatus);
          const later = isCompleted ? "completed" : "stuck";
          const soon = isCompleted || REFUSED.includes(nameStatus) ? [`${later} ${NUMBER}`] : [];
          expect([fields, milestones(fields, 60)]).toEqual([fields, soon]);
          expect([fields, milestones(fields, 25 * 60)]).toEqual([fields, [`${later} ${NUMBER}`]]);
        }
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
