import type { WatchedField } from "../../../shared/changes/watched-fields.ts";
import type { Direction, Severity } from "../../../shared/schemas/event.ts";

type Row = readonly [from: string, cells: string];

/**
 * What a change of each field means, written by the reference (numbers in the wild, section 5) and
 * not taken from the code. Rows are old values, columns the same values in the same order without
 * `(none)`. A cell is the direction (worse, better, lateral, unknown) and the severity (info,
 * warning, critical), or `==` where nothing changes. NEW_WORD stands for any word of no list.
 */
const TABLE: Readonly<Record<WatchedField, readonly Row[]>> = {
  status: [
    ["(none)", "li ww ww ww ww li wc wc wc wc wc wc li li"],
    ["CONNECTED", "== ww ww ww ww ww wc wc wc wc wc wc ww ww"],
    ["FLAGGED", "bi == lw lw lw ww wc wc wc wc wc wc uw uw"],
    ["RATE_LIMITED", "bi lw == lw lw ww wc wc wc wc wc wc uw uw"],
    ["RESTRICTED", "bi lw lw == lw ww wc wc wc wc wc wc uw uw"],
    ["PAUSED", "bi lw lw lw == ww wc wc wc wc wc wc uw uw"],
    ["PENDING", "bi bi bi bi bi == wc wc wc wc wc wc ui ui"],
    ["UNVERIFIED", "bi bi bi bi bi bi == lc lc wc wc wc uw uw"],
    ["DISCONNECTED", "bi bi bi bi bi bi lc == lc wc wc wc uw uw"],
    ["OFFLINE", "bi bi bi bi bi bi lc lc == wc wc wc uw uw"],
    ["MIGRATED", "bi bi bi bi bi bi bi bi bi == lc lc uw uw"],
    ["BANNED", "bi bi bi bi bi bi bi bi bi lc == lc uw uw"],
    ["DELETED", "bi bi bi bi bi bi bi bi bi lc lc == uw uw"],
    ["UNKNOWN", "ui uw uw uw uw ui uc uc uc uc uc uc == ui"],
    ["NEW_WORD", "ui uw uw uw uw ui uc uc uc uc uc uc ui =="],
  ],
  qualityRating: [
    ["(none)", "li ww wc li li li"],
    ["GREEN", "== ww wc ww ww ww"],
    ["YELLOW", "bi == wc ui ui ui"],
    ["RED", "bi bi == ui ui ui"],
    ["UNKNOWN", "ui uw uc == ui ui"],
    ["NA", "ui uw uc ui == ui"],
    ["NEW_WORD", "ui uw uc ui ui =="],
  ],
  codeVerificationStatus: [
    ["(none)", "li li li li ww ww ww li"],
    ["VERIFIED", "== wi wi wi ww ww ww ww"],
    ["MORE_INFORMATION_REQUESTED", "bi == li li ww ww ww ui"],
    ["NOT_VERIFIED", "bi li == li ww ww ww ui"],
    ["UNVERIFIED", "bi li li == ww ww ww ui"],
    ["EXPIRED", "bi bi bi bi == lw lw ui"],
    ["REVOKED", "bi bi bi bi lw == lw ui"],
    ["REJECTED", "bi bi bi bi lw lw == ui"],
    ["NEW_WORD", "ui ui ui ui uw uw uw =="],
  ],
  nameStatus: [
    ["(none)", "li li li li li ww ww ww li li li"],
    ["APPROVED", "== li li wi wi ww ww ww ww ww ww"],
    ["Approval", "li == li wi wi ww ww ww ww ww ww"],
    ["AVAILABLE_WITHOUT_REVIEW", "li li == wi wi ww ww ww ww ww ww"],
    ["PENDING_REVIEW", "bi bi bi == == ww ww ww ui ui ui"],
    ["Pending_Review", "bi bi bi == == ww ww ww ui ui ui"],
    ["DECLINED", "bi bi bi bi bi == lw lw ui ui ui"],
    ["Rejected", "bi bi bi bi bi lw == lw ui ui ui"],
    ["EXPIRED", "bi bi bi bi bi lw lw == ui ui ui"],
    ["NONE", "ui ui ui ui ui uw uw uw == ui ui"],
    ["NON_EXISTS", "ui ui ui ui ui uw uw uw ui == ui"],
    ["NEW_WORD", "ui ui ui ui ui uw uw uw ui ui =="],
  ],
  newNameStatus: [
    ["(none)", "li li li li li ww ww ww li li li"],
    ["APPROVED", "== li li wi wi ww ww ww ui ui ww"],
    ["Approval", "li == li wi wi ww ww ww ui ui ww"],
    ["AVAILABLE_WITHOUT_REVIEW", "li li == wi wi ww ww ww ui ui ww"],
    ["PENDING_REVIEW", "bi bi bi == == ww ww ww ui ui ui"],
    ["Pending_Review", "bi bi bi == == ww ww ww ui ui ui"],
    ["DECLINED", "bi bi bi bi bi == lw lw ui ui ui"],
    ["Rejected", "bi bi bi bi bi lw == lw ui ui ui"],
    ["EXPIRED", "bi bi bi bi bi lw lw == ui ui ui"],
    ["NONE", "ui ui ui ui ui uw uw uw == ui ui"],
    ["NON_EXISTS", "ui ui ui ui ui uw uw uw ui == ui"],
    ["NEW_WORD", "ui ui ui ui ui uw uw uw ui ui =="],
  ],
  messagingLimitTier: [
    ["(none)", "li li li li li li li li li li li li"],
    ["TIER_UNLIMITED", "== li ww ww ww ww ww ww ww ww ww ww"],
    ["UNLIMITED", "li == ww ww ww ww ww ww ww ww ww ww"],
    ["TIER_100K", "bi bi == ww ww ww ww ww ww ui ui ui"],
    ["TIER_10K", "bi bi bi == ww ww ww ww ww ui ui ui"],
    ["TIER_2K", "bi bi bi bi == ww ww ww ww ui ui ui"],
    ["TIER_1K", "bi bi bi bi bi == ww ww ww ui ui ui"],
    ["TIER_250", "bi bi bi bi bi bi == ww ww ui ui ui"],
    ["TIER_50", "bi bi bi bi bi bi bi == ww ui ui ui"],
    ["TIER_NOT_SET", "bi bi bi bi bi bi bi bi == ui ui ui"],
    ["TIER_10", "ui ui ui ui ui ui ui ui ui == ui ui"],
    ["TIER_1000", "ui ui ui ui ui ui ui ui ui ui == ui"],
    ["NEW_WORD", "ui ui ui ui ui ui ui ui ui ui ui =="],
  ],
  isOfficial: [
    ["(none)", "li li li"],
    ["Y", "== ww ww"],
    ["N", "bi == ui"],
    ["NEW_WORD", "ui ui =="],
  ],
  // Of a text, every character counts, and none is better than another.
  verifiedName: [
    ["(none)", "li li li"],
    ["Acme", "== li li"],
    ["ACME", "li == li"],
    ["None", "li li =="],
  ],
};

export const FIELDS = Object.keys(TABLE) as WatchedField[];

/** Every documented value of a field, and a word of no list. */
export function valuesOf(field: WatchedField): string[] {
  return TABLE[field].slice(1).map(([value]) => value);
}

const DIRECTIONS: Readonly<Record<string, Direction>> = {
  w: "worse",
  b: "better",
  l: "lateral",
  u: "unknown",
};
const SEVERITIES: Readonly<Record<string, Severity>> = { i: "info", w: "warning", c: "critical" };

type Cell = {
  readonly from: string | undefined;
  readonly to: string;
  /** Undefined where nothing changes. */
  readonly direction: Direction | undefined;
  readonly severity: Severity | undefined;
};

/** The table's cells of one field. */
export function cellsOf(field: WatchedField): Cell[] {
  const columns = valuesOf(field);
  return TABLE[field].flatMap(([from, cells]) =>
    cells.split(" ").map((cell, index) => ({
      from: from === "(none)" ? undefined : from,
      to: columns[index] ?? "no such column",
      direction: DIRECTIONS[cell.charAt(0)],
      severity: SEVERITIES[cell.charAt(1)],
    })),
  );
}
