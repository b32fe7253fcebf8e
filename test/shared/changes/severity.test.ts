import { describe, expect, it } from "vitest";
import {
  directionOf,
  joinDirections,
  joinSeverities,
  severityOf,
} from "../../../shared/changes/severity.ts";
import type { Direction, Severity } from "../../../shared/schemas/event.ts";

type Line = readonly [from: string, to: string, direction: Direction, severity: Severity];

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
  ["CONNECTED", "UNKNOWN", "unknown", "info"],
  ["CONNECTED", "BRAND_NEW", "unknown", "info"],
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
  ["GREEN", "UNKNOWN", "unknown", "info"],
  ["GREEN", "NA", "unknown", "info"],
];

const VERIFICATION: readonly Line[] = [
  ["NOT_VERIFIED", "VERIFIED", "better", "info"],
  ["UNVERIFIED", "VERIFIED", "better", "info"],
  ["VERIFIED", "EXPIRED", "worse", "warning"],
  ["VERIFIED", "REVOKED", "worse", "warning"],
  ["VERIFIED", "REJECTED", "worse", "warning"],
  ["VERIFIED", "NOT_VERIFIED", "worse", "info"],
  ["NOT_VERIFIED", "MORE_INFORMATION_REQUESTED", "lateral", "info"],
  ["VERIFIED", "SOMETHING", "unknown", "info"],
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
];

describe("directionOf and severityOf", () => {
  it.each(STATUS)(
    "give a status from %s to %s the direction %s, %s",
    (from, to, direction, severity) => {
      expect(directionOf("status", from, to)).toBe(direction);
      expect(severityOf("status", from, to)).toBe(severity);
    },
  );

  it.each(QUALITY)(
    "give a quality from %s to %s the direction %s, %s",
    (from, to, direction, severity) => {
      expect(directionOf("qualityRating", from, to)).toBe(direction);
      expect(severityOf("qualityRating", from, to)).toBe(severity);
    },
  );

  it.each(VERIFICATION)(
    "give a verification from %s to %s the direction %s, %s",
    (from, to, direction, severity) => {
      expect(directionOf("codeVerificationStatus", from, to)).toBe(direction);
      expect(severityOf("codeVerificationStatus", from, to)).toBe(severity);
    },
  );

  it.each(NAME)(
    "give a name status from %s to %s the direction %s, %s",
    (from, to, direction, severity) => {
      for (const field of ["nameStatus", "newNameStatus"] as const) {
        expect(directionOf(field, from, to)).toBe(direction);
        expect(severityOf(field, from, to)).toBe(severity);
      }
    },
  );

  it.each(TIER)(
    "give a tier from %s to %s the direction %s, %s",
    (from, to, direction, severity) => {
      expect(directionOf("messagingLimitTier", from, to)).toBe(direction);
      expect(severityOf("messagingLimitTier", from, to)).toBe(severity);
    },
  );

  it("give a new display name no direction for better or worse", () => {
    expect(directionOf("verifiedName", "GREEN", "RED")).toBe("lateral");
    expect(severityOf("verifiedName", "GREEN", "RED")).toBe("info");
  });

  it("know no value that is only a property of every object", () => {
    expect(directionOf("status", "CONNECTED", "constructor")).toBe("unknown");
    expect(severityOf("status", "CONNECTED", "__proto__")).toBe("info");
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
