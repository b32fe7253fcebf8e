import type { Severity } from "../schemas/event.ts";

export type WatchedFieldRule = {
  /** The upstream's name for the field. */
  readonly upstream: string;
  /** A `word` is the same value in any case. Of a `text`, every character counts. */
  readonly kind: "word" | "text";
  /**
   * Its values, the best first. Those of one level are equally good, and a change to them has this
   * severity unless it is for the better. A value of no level has no known order.
   */
  readonly levels: readonly { readonly values: readonly string[]; readonly severity: Severity }[];
  /** The least severity of a change for the worse. */
  readonly worse?: Severity;
  /** It counts only while the number is not connected: a verification lapses by age. */
  readonly onTheWay?: true;
  /** The edition that began to watch it; 1 if absent. Older numbers get its first value silently. */
  readonly since?: number;
  /** Documented values of no level. */
  readonly unranked?: readonly string[];
  /** Values to which even the best one changes without a loss. */
  readonly noLoss?: readonly string[];
};

const NAME_LEVELS = [
  { values: ["APPROVED", "Approval", "AVAILABLE_WITHOUT_REVIEW"], severity: "info" },
  { values: ["PENDING_REVIEW", "Pending_Review"], severity: "info" },
  { values: ["DECLINED", "Rejected", "EXPIRED"], severity: "warning" },
] as const;
const NO_NAME = ["NONE", "NON_EXISTS"] as const;

/**
 * The watched fields, in the order in which an event lists its changes. One entry is all that a
 * field needs. The official lists of values contradict each other, so every spelling stands here.
 */
export const WATCHED_FIELDS = {
  status: {
    upstream: "Status",
    kind: "word",
    levels: [
      { values: ["CONNECTED"], severity: "info" },
      { values: ["FLAGGED", "RATE_LIMITED", "RESTRICTED", "PAUSED"], severity: "warning" },
      { values: ["PENDING"], severity: "info" },
      { values: ["UNVERIFIED", "DISCONNECTED", "OFFLINE"], severity: "critical" },
      { values: ["MIGRATED", "BANNED", "DELETED"], severity: "critical" },
    ],
    worse: "warning",
    unranked: ["UNKNOWN"],
  },
  qualityRating: {
    upstream: "QualityRating",
    kind: "word",
    levels: [
      { values: ["GREEN"], severity: "info" },
      { values: ["YELLOW"], severity: "warning" },
      { values: ["RED"], severity: "critical" },
    ],
    unranked: ["UNKNOWN", "NA"],
  },
  codeVerificationStatus: {
    upstream: "CodeVerificationStatus",
    kind: "word",
    levels: [
      { values: ["VERIFIED"], severity: "info" },
      { values: ["MORE_INFORMATION_REQUESTED", "NOT_VERIFIED", "UNVERIFIED"], severity: "info" },
      { values: ["EXPIRED", "REVOKED", "REJECTED"], severity: "warning" },
    ],
    onTheWay: true,
  },
  nameStatus: { upstream: "NameStatus", kind: "word", levels: NAME_LEVELS, unranked: NO_NAME },
  /** A new name that has taken the old one's place leaves none behind. */
  newNameStatus: {
    upstream: "NewNameStatus",
    kind: "word",
    levels: NAME_LEVELS,
    unranked: NO_NAME,
    noLoss: NO_NAME,
  },
  /** Recipients a day. One page lists TIER_10 and TIER_1000, whose place is unknown. */
  messagingLimitTier: {
    upstream: "MessagingLimitTier",
    kind: "word",
    levels: [
      { values: ["TIER_UNLIMITED", "UNLIMITED"], severity: "info" },
      { values: ["TIER_100K"], severity: "info" },
      { values: ["TIER_10K"], severity: "info" },
      { values: ["TIER_2K"], severity: "info" },
      { values: ["TIER_1K"], severity: "info" },
      { values: ["TIER_250"], severity: "info" },
      { values: ["TIER_50"], severity: "info" },
      { values: ["TIER_NOT_SET"], severity: "info" },
    ],
    worse: "warning",
    unranked: ["TIER_10", "TIER_1000"],
  },
  verifiedName: { upstream: "VerifiedName", kind: "text", levels: [] },
  /** An official business account. */
  isOfficial: {
    upstream: "IsOfficial",
    kind: "word",
    levels: [
      { values: ["Y"], severity: "info" },
      { values: ["N"], severity: "info" },
    ],
    worse: "warning",
    since: 2,
  },
} as const satisfies Readonly<Record<string, WatchedFieldRule>>;

export type WatchedField = keyof typeof WATCHED_FIELDS;

/** The newest edition of this table, which is the form of customers' rows as well. */
export const EDITION = 2;

/** In the order of the table. */
export const WATCHED_FIELD_NAMES = /* @__PURE__ */ Object.keys(WATCHED_FIELDS) as WatchedField[];

/** What the table says of one field. */
export function ruleOf(field: WatchedField): WatchedFieldRule {
  return WATCHED_FIELDS[field];
}

/** The level of a value in any case, 0 the best; -1 for a value of no level. */
export function levelOf(field: WatchedField, value: string): number {
  return ruleOf(field).levels.findIndex(({ values }) => isOneOf(value, values));
}

/** Whether a value is one of these words, in any case. */
export function isOneOf(value: string | undefined, words: readonly string[] = []): boolean {
  return value !== undefined && words.some((word) => word.toUpperCase() === value.toUpperCase());
}

/** CONNECTED alone means in service (Meta, "phone numbers"). */
export function isConnected(status: string | undefined | null): boolean {
  return status?.toUpperCase() === "CONNECTED";
}
