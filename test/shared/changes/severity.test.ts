import { describe, expect, it } from "vitest";
import {
  assessChange,
  compareValues,
  joinDirections,
  joinSeverities,
} from "../../../shared/changes/severity.ts";
import { WATCHED_FIELD_NAMES, type WatchedField } from "../../../shared/changes/watched-fields.ts";
import type { Direction, Severity } from "../../../shared/schemas/event.ts";
import { valuesOf } from "./value-table.ts";

type Line = readonly [from: string | null, to: string, direction: Direction, severity: Severity];

const STATUS: readonly Line[] = [
  ["CONNECTED", "FLAGGED", "worse", "warning"],
  ["CONNECTED", "RATE_LIMITED", "worse", "warning"],
  ["CONNECTED", "RESTRICTED", "worse", "warning"],
  ["CONNECTED", "PAUSED", "worse", "warning"],
  ["CONNECTED", "PENDING", "worse", "warning"],
  ["CONNECTED", "UNVERIFIED", "worse", "critical"],
  ["CONNECTED", "DISCONNECTED", "worse", "critical"],
  ["CONNECTED", "OFFLINE", "worse", "critical"],
  ["CONNECTED", "MIGRATED", "worse", "critical"],
  ["CONNECTED", "BANNED", "worse", "critical"],
  ["CONNECTED", "DELETED", "worse", "critical"],
  ["CONNECTED", "UNKNOWN", "worse", "warning"],
  ["CONNECTED", "BRAND_NEW", "worse", "warning"],
  ["CONNECTED", "SUSPENDED", "worse", "warning"],
  ["FLAGGED", "UNKNOWN", "unknown", "warning"],
  ["FLAGGED", "SUSPENDED", "unknown", "warning"],
  ["BANNED", "MIGRATING", "unknown", "warning"],
  ["PENDING", "MIGRATING", "unknown", "info"],
  [null, "CONNECTED", "lateral", "info"],
  [null, "PENDING", "lateral", "info"],
  [null, "BRAND_NEW", "lateral", "info"],
  [null, "BANNED", "worse", "critical"],
  [null, "RESTRICTED", "worse", "warning"],
  ["UNVERIFIED", "PENDING", "better", "info"],
  ["MIGRATED", "CONNECTED", "better", "info"],
  ["RATE_LIMITED", "DELETED", "worse", "critical"],
  ["PAUSED", "CONNECTED", "better", "info"],
  ["BRAND_NEW", "BANNED", "unknown", "critical"],
  ["BRAND_NEW", "RESTRICTED", "unknown", "warning"],
  ["UNKNOWN", "CONNECTED", "unknown", "info"],
  ["FLAGGED", "RESTRICTED", "lateral", "warning"],
  ["DISCONNECTED", "OFFLINE", "lateral", "critical"],
  ["PENDING", "CONNECTED", "better", "info"],
  ["BANNED", "DISCONNECTED", "better", "info"],
  ["RESTRICTED", "CONNECTED", "better", "info"],
  ["connected", "Banned", "worse", "critical"],
];

const QUALITY: readonly Line[] = [
  ["GREEN", "YELLOW", "worse", "warning"],
  ["GREEN", "RED", "worse", "critical"],
  ["YELLOW", "RED", "worse", "critical"],
  ["RED", "YELLOW", "better", "info"],
  ["RED", "GREEN", "better", "info"],
  ["UNKNOWN", "GREEN", "unknown", "info"],
  ["UNKNOWN", "YELLOW", "unknown", "warning"],
  ["NA", "RED", "unknown", "critical"],
  ["GREEN", "UNKNOWN", "worse", "warning"],
  ["GREEN", "NA", "worse", "warning"],
  ["YELLOW", "UNKNOWN", "unknown", "info"],
  ["RED", "NA", "unknown", "info"],
  [null, "GREEN", "lateral", "info"],
  [null, "RED", "worse", "critical"],
];

const VERIFICATION: readonly Line[] = [
  ["NOT_VERIFIED", "VERIFIED", "better", "info"],
  ["UNVERIFIED", "VERIFIED", "better", "info"],
  ["VERIFIED", "EXPIRED", "worse", "warning"],
  ["VERIFIED", "REVOKED", "worse", "warning"],
  ["VERIFIED", "REJECTED", "worse", "warning"],
  ["VERIFIED", "NOT_VERIFIED", "worse", "info"],
  ["NOT_VERIFIED", "MORE_INFORMATION_REQUESTED", "lateral", "info"],
  ["VERIFIED", "SOMETHING", "worse", "warning"],
  ["MORE_INFORMATION_REQUESTED", "REVOKED", "worse", "warning"],
  ["EXPIRED", "VERIFIED", "better", "info"],
  [null, "NOT_VERIFIED", "lateral", "info"],
  [null, "EXPIRED", "worse", "warning"],
];

const NAME: readonly Line[] = [
  ["Pending_Review", "Approval", "better", "info"],
  ["PENDING_REVIEW", "APPROVED", "better", "info"],
  ["PENDING_REVIEW", "AVAILABLE_WITHOUT_REVIEW", "better", "info"],
  ["Pending_Review", "Rejected", "worse", "warning"],
  ["PENDING_REVIEW", "DECLINED", "worse", "warning"],
  ["APPROVED", "EXPIRED", "worse", "warning"],
  ["Approval", "APPROVED", "lateral", "info"],
  ["Approval", "Pending_Review", "worse", "info"],
  ["NONE", "PENDING_REVIEW", "unknown", "info"],
  ["NON_EXISTS", "Rejected", "unknown", "warning"],
  ["Pending_Review", "NON_EXISTS", "unknown", "info"],
  ["APPROVED", "DEFERRED", "worse", "warning"],
  ["AVAILABLE_WITHOUT_REVIEW", "NEW_WORD", "worse", "warning"],
  [null, "DECLINED", "worse", "warning"],
  [null, "Approval", "lateral", "info"],
];

const TIER: readonly Line[] = [
  ["TIER_NOT_SET", "TIER_50", "better", "info"],
  ["TIER_50", "TIER_250", "better", "info"],
  ["TIER_250", "TIER_1K", "better", "info"],
  ["TIER_1K", "TIER_2K", "better", "info"],
  ["TIER_2K", "TIER_10K", "better", "info"],
  ["TIER_10K", "TIER_100K", "better", "info"],
  ["TIER_100K", "TIER_UNLIMITED", "better", "info"],
  ["TIER_UNLIMITED", "UNLIMITED", "lateral", "info"],
  ["UNLIMITED", "TIER_100K", "worse", "warning"],
  ["TIER_10K", "TIER_1K", "worse", "warning"],
  ["TIER_1K", "TIER_1000", "unknown", "info"],
  ["TIER_10", "TIER_250", "unknown", "info"],
  ["TIER_UNLIMITED", "TIER_1000", "worse", "warning"],
  ["TIER_1000", "TIER_10", "unknown", "info"],
  [null, "TIER_50", "lateral", "info"],
];

const LINES: Readonly<Record<WatchedField, readonly Line[]>> = {
  status: STATUS,
  qualityRating: QUALITY,
  codeVerificationStatus: VERIFICATION,
  nameStatus: [
    ...NAME,
    ["APPROVED", "NONE", "worse", "warning"],
    ["Approval", "NON_EXISTS", "worse", "warning"],
  ],
  newNameStatus: [
    ...NAME,
    ["APPROVED", "NONE", "unknown", "info"],
    ["Approval", "NON_EXISTS", "unknown", "info"],
  ],
  messagingLimitTier: TIER,
  verifiedName: [
    ["GREEN", "RED", "lateral", "info"],
    [null, "Acme", "lateral", "info"],
  ],
  isOfficial: [
    ["N", "Y", "better", "info"],
    ["Y", "N", "worse", "warning"],
    [null, "N", "lateral", "info"],
  ],
};

describe.each(WATCHED_FIELD_NAMES)("the assessment of a change of %s", (field) => {
  const lines = LINES[field];

  it.each(lines)("from %s to %s is %s, %s", (from, to, direction, severity) => {
    expect(compareValues(field, from, to)).toEqual({ direction, severity });
  });

  it("is tried from and to every documented value", () => {
    const tried = new Set(lines.flatMap(([from, to]) => [from?.toUpperCase(), to.toUpperCase()]));
    const documented = field === "verifiedName" ? [] : valuesOf(field).slice(0, -1);
    expect(documented.filter((value) => !tried.has(value.toUpperCase()))).toEqual([]);
  });
});

describe("compareValues", () => {
  it("knows no value that is only a property of every object", () => {
    for (const value of ["constructor", "__proto__"]) {
      expect(compareValues("status", "PENDING", value)).toEqual({
        direction: "unknown",
        severity: "info",
      });
    }
  });
});

describe("the assessment of a verification", () => {
  type Case = readonly [before: string, after: string, from: string, to: string, ...string[]];
  it.each<Case>([
    ["CONNECTED", "CONNECTED", "VERIFIED", "EXPIRED", "lateral", "info"],
    ["CONNECTED", "connected", "VERIFIED", "REVOKED", "lateral", "info"],
    ["CONNECTED", "CONNECTED", "EXPIRED", "VERIFIED", "lateral", "info"],
    ["CONNECTED", "CONNECTED", "VERIFIED", "NEW_WORD", "lateral", "info"],
    ["PENDING", "PENDING", "VERIFIED", "EXPIRED", "worse", "warning"],
    ["PENDING", "CONNECTED", "VERIFIED", "EXPIRED", "lateral", "info"],
    ["PENDING", "CONNECTED", "NOT_VERIFIED", "VERIFIED", "better", "info"],
    ["CONNECTED", "DISCONNECTED", "VERIFIED", "EXPIRED", "worse", "warning"],
    ["UNKNOWN", "UNKNOWN", "VERIFIED", "EXPIRED", "worse", "warning"],
  ])("with status %s, then %s, from %s to %s is %s, %s", (before, after, from, to, ...expected) => {
    const state = { fields: { status: after }, observedAt: "" };
    const code = { field: "codeVerificationStatus", from, to } as const;
    const status = { field: "status", from: before, to: after } as const;
    const { direction, severity } = assessChange(code, { state, changes: [status, code] });
    expect([direction, severity]).toEqual(expected);
  });
});

describe("joinDirections and joinSeverities", () => {
  it("let any worse make the whole worse, then any better, then any unknown", () => {
    expect(joinDirections(["better", "worse", "unknown", "lateral"])).toBe("worse");
    expect(joinDirections(["unknown", "better", "lateral"])).toBe("better");
    expect(joinDirections(["lateral", "unknown"])).toBe("unknown");
    expect(joinDirections(["lateral", "lateral"])).toBe("lateral");
    expect(joinDirections([])).toBe("lateral");
  });

  it("keep the highest severity", () => {
    expect(joinSeverities(["info", "critical", "warning"])).toBe("critical");
    expect(joinSeverities(["info", "warning"])).toBe("warning");
    expect(joinSeverities([])).toBe("info");
  });
});
