import type { WatchedField } from "../schemas/upstream.ts";

/** Where a change leads; `unknown` when a value has no known place. */
export type Direction = "better" | "worse" | "lateral" | "unknown";
/** How urgent a change is for those who run the number. */
export type Severity = "info" | "warning" | "critical";

/**
 * Ranks per field, the best highest; values compare without case. A value that is not listed has
 * no rank: it is passed on and its direction is unknown. Official lists contradict each other, so
 * both spellings of a meaning stand here.
 */
const STATUS_RANK: Readonly<Record<string, number>> = {
  CONNECTED: 4,
  FLAGGED: 3,
  RATE_LIMITED: 3,
  RESTRICTED: 3,
  PAUSED: 3,
  PENDING: 2,
  UNVERIFIED: 1,
  DISCONNECTED: 1,
  OFFLINE: 1,
  MIGRATED: 0,
  BANNED: 0,
  DELETED: 0,
};

const QUALITY_RANK: Readonly<Record<string, number>> = { GREEN: 2, YELLOW: 1, RED: 0 };

const VERIFICATION_RANK: Readonly<Record<string, number>> = {
  VERIFIED: 2,
  MORE_INFORMATION_REQUESTED: 1,
  NOT_VERIFIED: 1,
  UNVERIFIED: 1,
  EXPIRED: 0,
  REVOKED: 0,
  REJECTED: 0,
};

const NAME_RANK: Readonly<Record<string, number>> = {
  APPROVED: 2,
  APPROVAL: 2,
  AVAILABLE_WITHOUT_REVIEW: 2,
  PENDING_REVIEW: 1,
  DECLINED: 0,
  REJECTED: 0,
  EXPIRED: 0,
};

/** Numbers that may be sent to in a day; TIER_10 and TIER_1000 of one page have no known order. */
const TIER_RANK: Readonly<Record<string, number>> = {
  TIER_NOT_SET: 0,
  TIER_50: 50,
  TIER_250: 250,
  TIER_1K: 1_000,
  TIER_2K: 2_000,
  TIER_10K: 10_000,
  TIER_100K: 100_000,
  TIER_UNLIMITED: Number.MAX_SAFE_INTEGER,
  UNLIMITED: Number.MAX_SAFE_INTEGER,
};

const RANKS: Readonly<Record<WatchedField, Readonly<Record<string, number>> | undefined>> = {
  status: STATUS_RANK,
  qualityRating: QUALITY_RANK,
  codeVerificationStatus: VERIFICATION_RANK,
  nameStatus: NAME_RANK,
  newNameStatus: NAME_RANK,
  messagingLimitTier: TIER_RANK,
  verifiedName: undefined,
};

function rank(field: WatchedField, value: string): number | undefined {
  const ranks = RANKS[field];
  const key = value.toUpperCase();
  return ranks && Object.hasOwn(ranks, key) ? ranks[key] : undefined;
}

/** Whether the number is better off after the change. A new display name is neither. */
export function directionOf(field: WatchedField, from: string, to: string): Direction {
  if (field === "verifiedName") return "lateral";
  const before = rank(field, from);
  const after = rank(field, to);
  if (before === undefined || after === undefined) return "unknown";
  if (after === before) return "lateral";
  return after > before ? "better" : "worse";
}

/**
 * How loud a change is, by where it leads: out of service and RED are critical; a limit, a YELLOW,
 * a lower tier, a refused name or a lapsed verification is a warning; the rest is information.
 */
export function severityOf(field: WatchedField, from: string, to: string): Severity {
  if (directionOf(field, from, to) === "better") return "info";
  const after = rank(field, to);
  switch (field) {
    case "status":
      if (after === undefined) return "info";
      if (after <= 1) return "critical";
      return after === 3 || directionOf(field, from, to) === "worse" ? "warning" : "info";
    case "qualityRating":
      if (after === 0) return "critical";
      return after === 1 ? "warning" : "info";
    case "codeVerificationStatus":
    case "nameStatus":
    case "newNameStatus":
      return after === 0 ? "warning" : "info";
    case "messagingLimitTier":
      return directionOf(field, from, to) === "worse" ? "warning" : "info";
    case "verifiedName":
      return "info";
  }
}

const DIRECTIONS: readonly Direction[] = ["lateral", "unknown", "better", "worse"];
const SEVERITIES: readonly Severity[] = ["info", "warning", "critical"];

/** One direction for several changes: any worse makes the whole worse, then any better. */
export function joinDirections(directions: readonly Direction[]): Direction {
  return DIRECTIONS[Math.max(0, ...directions.map((d) => DIRECTIONS.indexOf(d)))] ?? "lateral";
}

/** The gravest of several. */
export function joinSeverities(severities: readonly Severity[]): Severity {
  return SEVERITIES[Math.max(0, ...severities.map((s) => SEVERITIES.indexOf(s)))] ?? "info";
}
