import type { CustomerRow, NumberState } from "../schemas/customer-row.ts";
import type { LaneRow } from "../schemas/watch-rows.ts";
import { findNumber } from "./phone-number.ts";

/** A number that was added this long ago should be usable… */
const STUCK_AFTER_MS = 24 * 3_600_000;
/** …unless one of its fields moved just now: people and reviews take their time for each step. */
const GRACE_MS = 2 * 3_600_000;

/** What is to be told of one added number. */
export type Milestone = {
  /** How it was added: country code and national number. */
  readonly key: string;
  /** How the list has it; the added form while it is not listed. */
  readonly phoneNumber: string;
  readonly addedAt: string;
  readonly kind: "completed" | "stuck";
  /** With `stuck`: the first field that is in the way, `phoneNumber` while it is not listed. */
  readonly blockedBy?: string;
};

/**
 * What to tell of the numbers that were added, after a read. Each is completed once and stuck at
 * most once. `numbers` are the states after the read.
 */
export function findMilestones(
  entries: LaneRow["onboarding"],
  told: CustomerRow["onboarding"],
  numbers: Readonly<Record<string, NumberState>>,
  now: number,
): Milestone[] {
  return Object.entries(entries).flatMap(([key, { cc, addedAt }]): Milestone[] => {
    const before = told?.[key]?.addedAt === addedAt ? told[key] : undefined;
    if (before?.completedAt) return [];
    const found = findNumber(cc, key.slice(cc.length), Object.keys(numbers));
    const phoneNumber = found?.phoneNumber ?? key;
    const state = found && numbers[found.phoneNumber];
    const blockedBy = blockingField(state);
    if (!blockedBy) return [{ key, phoneNumber, addedAt, kind: "completed" }];
    const lastStepAt = Math.max(Date.parse(addedAt), Date.parse(state?.observedAt ?? addedAt));
    const isDue = now - Date.parse(addedAt) >= STUCK_AFTER_MS && now - lastStepAt >= GRACE_MS;
    return isDue && !before?.stuckAt
      ? [{ key, phoneNumber, addedAt, kind: "stuck", blockedBy }]
      : [];
  });
}

/**
 * The first step that is missing, in the order in which a number is brought into service: its code
 * is verified, it is registered, and WhatsApp decides on its name. A name field that the upstream
 * does not show cannot be in the way.
 */
function blockingField(state: NumberState | undefined): string | undefined {
  if (!state || state.missingSince) return "phoneNumber";
  const { codeVerificationStatus, status, nameStatus } = state.fields;
  if (codeVerificationStatus?.toUpperCase() !== "VERIFIED") return "codeVerificationStatus";
  if (status?.toUpperCase() !== "CONNECTED") return "status";
  return nameStatus?.toUpperCase() === "PENDING_REVIEW" ? "nameStatus" : undefined;
}
