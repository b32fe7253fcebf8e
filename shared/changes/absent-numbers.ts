import type { NumberState } from "../schemas/customer-row.ts";
import { EVENT_TYPES } from "../schemas/event.ts";
import { isoNotAfter } from "../schemas/stored-time.ts";
import type { CustomerRead } from "./customer-read.ts";
import { lastShownAt } from "./number-state.ts";
import type { NumberUpdate } from "./number-update.ts";

/** A number is missing after this many complete reads without it, over at least this long. */
const MISSING_READS = 3;
const MISSING_AFTER_MS = 600_000;

/** Updates of the known numbers that a complete reply does not list. */
export function updateAbsent(read: CustomerRead): NumberUpdate[] {
  if (!read.isComplete) return [];
  return Object.entries(read.row.numbers).flatMap(([phoneNumber, known]) => {
    if (read.unclear.has(phoneNumber)) return endAbsence(phoneNumber, known);
    const isCounted = read.seen.has(phoneNumber) || known.missingSince;
    return isCounted ? [] : (updateOne(read, phoneNumber, known) ?? []);
  });
}

/** A number in two rows that contradict each other is listed. */
function endAbsence(phoneNumber: string, known: NumberState): NumberUpdate[] {
  if (!known.absent) return [];
  const observedAt = known.absent.lastSeenAt ?? known.observedAt;
  return [{ phoneNumber, state: { ...known, observedAt, absent: undefined }, drafts: [] }];
}

function updateOne(
  read: CustomerRead,
  phoneNumber: string,
  known: NumberState,
): NumberUpdate | undefined {
  const { isProven, ...absence } = countAbsence(known.absent, read);
  const lastSeenAt = lastShownAt(known, read, phoneNumber);
  if (!isProven) {
    const { reads, since } = absence;
    if (reads === known.absent?.reads && since === known.absent.since) return undefined;
    return { phoneNumber, state: { ...known, absent: { ...absence, lastSeenAt } }, drafts: [] };
  }
  const state = { ...known, absent: undefined, missingSince: read.observedAt };
  const draft = {
    type: EVENT_TYPES.missing,
    phoneNumber,
    changes: [],
    state,
    previousObservedAt: lastSeenAt,
    details: { missingReason: missingReason(known) },
  };
  return { phoneNumber, state, drafts: [draft] };
}

type AbsenceRead = Pick<CustomerRead, "readAt" | "observedAt" | "isClockDoubtful">;

/** Counts one more complete read without the number. `isProven` once it counts as missing. */
export function countAbsence(
  before: { readonly reads: number; readonly since: string } | undefined,
  { readAt, observedAt, isClockDoubtful }: AbsenceRead,
) {
  const since = isoNotAfter(before?.since ?? observedAt, readAt);
  const reads = Math.min(MISSING_READS, (before?.reads ?? 0) + 1);
  const isLong = !isClockDoubtful && readAt - Date.parse(since) >= MISSING_AFTER_MS;
  const isProven = reads >= MISSING_READS && isLong;
  return { reads, since, isProven };
}

/** A number whose last status was one of these was expected to go. */
function missingReason({ fields }: NumberState): "absent" | "deleted" | "migrated" {
  switch (fields.status?.toUpperCase()) {
    case "DELETED":
      return "deleted";
    case "MIGRATED":
      return "migrated";
    default:
      return "absent";
  }
}
