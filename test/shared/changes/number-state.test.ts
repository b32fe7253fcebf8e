import { describe, expect, it } from "vitest";
import {
  changedFields,
  hasAllKnownFields,
  hasNewValues,
  mergeState,
} from "../../../shared/changes/number-state.ts";
import { observe } from "../../../shared/changes/observation.ts";
import { FIELDS, iso, item, NUMBER, stateOf } from "../../support/watch-builders.ts";

const T1 = "2026-01-01T00:01:00.000Z";
const T2 = "2026-01-01T00:02:00.000Z";

describe("a stored number's state", () => {
  const known = {
    fields: { status: "CONNECTED", qualityRating: "GREEN" },
    observedAt: T1,
  };
  const seen = (fields: Record<string, string>, hashes = {}) => ({
    phoneNumber: "49151",
    fields,
    hashes,
  });

  it("changes where the observation has another value, or the first one", () => {
    const first = seen({ status: "BANNED", verifiedName: "new" });
    expect(changedFields(known, first)).toEqual([
      { field: "status", from: "CONNECTED", to: "BANNED" },
      { field: "verifiedName", from: null, to: "new" },
    ]);
    expect(changedFields(known, first, new Set(["verifiedName"]))).toHaveLength(1);
    expect(changedFields(known, seen({ status: "CONNECTED" }))).toEqual([]);
    expect(changedFields(known, seen({}))).toEqual([]);
  });

  it("keeps the first spelling of a word, while a name changes with its case", () => {
    const seen = observe(item(NUMBER, { Status: "Connected", NameStatus: "APPROVAL" }));
    expect(changedFields(stateOf(), seen)).toEqual([]);
    expect(hasNewValues(stateOf(), seen)).toBe(false);
    expect(mergeState(stateOf(), seen, iso(1)).fields).toEqual(FIELDS);

    const renamed = observe(item(NUMBER, { VerifiedName: "ACME", Status: "connected" }));
    expect(changedFields(stateOf(), renamed)).toEqual([
      { field: "verifiedName", from: "Acme", to: "ACME" },
    ]);
    expect(mergeState(stateOf(), renamed, iso(1)).fields).toEqual({
      ...FIELDS,
      verifiedName: "ACME",
    });
  });

  it("changes when only the hash of a long value differs, also to and from a short one", () => {
    const long = {
      fields: { verifiedName: "aaa" },
      hashes: { verifiedName: "h1" },
      observedAt: T1,
    };
    const change = { field: "verifiedName", from: "aaa", to: "aaa" };
    expect(changedFields(long, seen({ verifiedName: "aaa" }, { verifiedName: "h2" }))).toEqual([
      { ...change, fromIsCut: true },
    ]);
    expect(changedFields(long, seen({ verifiedName: "aaa" }))).toEqual([
      { ...change, fromIsCut: true },
    ]);
    expect(
      changedFields(
        { fields: { verifiedName: "aaa" }, observedAt: T1 },
        seen({ verifiedName: "aaa" }, { verifiedName: "h1" }),
      ),
    ).toEqual([change]);
    expect(changedFields(long, seen({ verifiedName: "aaa" }, { verifiedName: "h1" }))).toEqual([]);
  });

  it("keeps a value that the observation lacks, and then its own time as well", () => {
    expect(mergeState(known, seen({ status: "BANNED" }), T2)).toEqual({
      fields: { status: "BANNED", qualityRating: "GREEN" },
      observedAt: T1,
    });
    expect(mergeState(known, seen({ status: "BANNED", qualityRating: "RED" }), T2)).toEqual({
      fields: { status: "BANNED", qualityRating: "RED" },
      observedAt: T2,
    });
  });

  it("drops the hash of a value that has become short and keeps that of an unseen one", () => {
    const long = {
      fields: { verifiedName: "aaa", status: "x" },
      hashes: { verifiedName: "h1", status: "h2" },
      observedAt: T1,
    };
    expect(mergeState(long, seen({ verifiedName: "b" }), T2)).toEqual({
      fields: { verifiedName: "b", status: "x" },
      hashes: { status: "h2" },
      observedAt: T1,
    });
    expect(mergeState(long, seen({ verifiedName: "b", status: "y" }), T2)).toEqual({
      fields: { verifiedName: "b", status: "y" },
      observedAt: T2,
    });
  });

  it("is no longer absent or missing once seen, and keeps keys of a later version", () => {
    const away = {
      ...known,
      absent: { reads: 2, since: T1 },
      missingSince: T1,
      later: { kept: true },
    };
    expect(mergeState(away, seen({ status: "CONNECTED", qualityRating: "GREEN" }), T2)).toEqual({
      fields: { status: "CONNECTED", qualityRating: "GREEN" },
      observedAt: T2,
      later: { kept: true },
    });
  });

  it("has new values after a change or a first value, not after a repetition", () => {
    expect(hasNewValues(known, seen({ status: "BANNED" }))).toBe(true);
    expect(hasNewValues(known, seen({ verifiedName: "first" }))).toBe(true);
    expect(hasNewValues(known, seen({ status: "CONNECTED" }))).toBe(false);
    expect(hasNewValues(known, seen({}))).toBe(false);
  });

  it("is shown completely only by an observation with every known field", () => {
    expect(hasAllKnownFields(known, seen({ status: "x", qualityRating: "y" }))).toBe(true);
    expect(hasAllKnownFields(known, seen({ status: "x" }))).toBe(false);
  });
});
