import type { Severity } from "../schemas/event.ts";

export type WatchedFieldRule = {
  /** The upstream's name for the field. */
  readonly upstream: string;
  /** A `word` is the same value in any case. Of a `text`, every character counts. */
  readonly kind: "word" | "text";
  /**
   * Its values, the best first. Those of one level are equally good, and a change to them has this
   * severity unless it is for the better. A value of no level has no known order and is `info`.
   */
  readonly levels: readonly { readonly values: readonly string[]; readonly severity: Severity }[];
  /** The least severity of a change for the worse. */
  readonly worse?: Severity;
  /** Steps that bring an added number into service, in order. `value` is in upper case. */
  readonly onboarding?: {
    readonly step: number;
    readonly isBlocking: (value: string | undefined) => boolean;
  };
};

const NAME_LEVELS = [
  { values: ["APPROVED", "APPROVAL", "AVAILABLE_WITHOUT_REVIEW"], severity: "info" },
  { values: ["PENDING_REVIEW"], severity: "info" },
  { values: ["DECLINED", "REJECTED", "EXPIRED"], severity: "warning" },
] as const;

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
    onboarding: { step: 2, isBlocking: (value) => value !== "CONNECTED" },
  },
  qualityRating: {
    upstream: "QualityRating",
    kind: "word",
    levels: [
      { values: ["GREEN"], severity: "info" },
      { values: ["YELLOW"], severity: "warning" },
      { values: ["RED"], severity: "critical" },
    ],
  },
  codeVerificationStatus: {
    upstream: "CodeVerificationStatus",
    kind: "word",
    levels: [
      { values: ["VERIFIED"], severity: "info" },
      { values: ["MORE_INFORMATION_REQUESTED", "NOT_VERIFIED", "UNVERIFIED"], severity: "info" },
      { values: ["EXPIRED", "REVOKED", "REJECTED"], severity: "warning" },
    ],
    onboarding: { step: 1, isBlocking: (value) => value !== "VERIFIED" },
  },
  nameStatus: {
    upstream: "NameStatus",
    kind: "word",
    levels: NAME_LEVELS,
    // A field that the upstream does not show blocks nothing.
    onboarding: { step: 3, isBlocking: (value) => value === "PENDING_REVIEW" },
  },
  newNameStatus: { upstream: "NewNameStatus", kind: "word", levels: NAME_LEVELS },
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
  },
  verifiedName: { upstream: "VerifiedName", kind: "text", levels: [] },
} as const satisfies Readonly<Record<string, WatchedFieldRule>>;

export type WatchedField = keyof typeof WATCHED_FIELDS;

/** In the order of the table. */
export const WATCHED_FIELD_NAMES = /* @__PURE__ */ Object.keys(WATCHED_FIELDS) as WatchedField[];

/** What the table says of one field. */
export function ruleOf(field: WatchedField): WatchedFieldRule {
  return WATCHED_FIELDS[field];
}
