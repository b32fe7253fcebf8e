import type { NumberState } from "../schemas/customer-row.ts";
import { isoNotAfter, notAfter } from "../schemas/stored-time.ts";
import type { CustomerRead } from "./customer-read.ts";
import type { Observation } from "./observation.ts";
import { assessChange } from "./severity.ts";
import { isSameValue } from "./values.ts";
import {
  EDITION,
  isOneOf,
  ruleOf,
  WATCHED_FIELD_NAMES,
  type WatchedField,
} from "./watched-fields.ts";

export type FieldChange = {
  readonly field: WatchedField;
  /** Null for a first value. */
  readonly from: string | null;
  readonly to: string;
  /** `from` is only the beginning of the old value. */
  readonly fromIsCut?: boolean;
};

/**
 * Fields whose value is not the stored one. A field that the observation lacks is no change. The
 * first value of a field is one if the field was watched when the number was first seen.
 *
 * @param silent fields whose first values are no news unless they are bad
 */
export function changedFields(
  known: NumberState,
  seen: Observation,
  silent?: ReadonlySet<WatchedField>,
): FieldChange[] {
  return WATCHED_FIELD_NAMES.flatMap((field): FieldChange[] => {
    const from = known.fields[field];
    const to = seen.fields[field];
    if (to === undefined) return [];
    if (from === undefined) {
      const wasWatched = (known.watch ?? EDITION) >= (ruleOf(field).since ?? 1);
      const first = { field, from: null, to };
      const isNews = !silent?.has(field) || isBad(first, known, seen);
      return wasWatched && isNews ? [first] : [];
    }
    const knownHash = known.hashes?.[field];
    if (isSameValue(field, from, to) && knownHash === seen.hashes[field]) return [];
    return [{ field, from, to, fromIsCut: knownHash === undefined ? undefined : true }];
  });
}

function isBad(first: FieldChange, known: NumberState, seen: Observation): boolean {
  const state = { ...known, fields: { ...known.fields, ...seen.fields } };
  return assessChange(first, { state, changes: [] }).severity !== "info";
}

/** Whether the observation adds anything to what is stored, changes or first values. */
export function hasNewValues(known: NumberState, seen: Observation): boolean {
  const isFirst = (field: WatchedField) =>
    seen.fields[field] !== undefined && known.fields[field] === undefined;
  return WATCHED_FIELD_NAMES.some(isFirst) || changedFields(known, seen).length > 0;
}

/** Whether the observation shows every field that is known of the number. */
export function hasAllKnownFields(known: NumberState, seen: Observation): boolean {
  return Object.keys(known.fields).every(
    (field) => seen.fields[field as WatchedField] !== undefined,
  );
}

/**
 * The state after the observation. A field that it lacks keeps its last known value. The state
 * then keeps its time as well, because not all of it was seen now.
 */
export function mergeState(
  known: NumberState | undefined,
  seen: Observation,
  observedAt: string,
): NumberState {
  const isSeen = (field: string) => seen.fields[field as WatchedField] !== undefined;
  const keptHashes = Object.entries(known?.hashes ?? {}).filter(([field]) => !isSeen(field));
  const hashes = { ...Object.fromEntries(keptHashes), ...seen.hashes };
  return {
    ...known,
    fields: { ...known?.fields, ...seen.fields, ...unchangedFields(known, seen) },
    hashes: Object.keys(hashes).length > 0 ? hashes : undefined,
    listedAs: seen.listedAs,
    absent: undefined,
    missingSince: undefined,
    observedAt: known && !hasAllKnownFields(known, seen) ? known.observedAt : observedAt,
  };
}

/**
 * Whether the number belongs to the customer's list: it is in it, and has not left the account. An
 * earlier edition stored blanks around a value.
 */
export function isListed({ missingSince, fields }: NumberState): boolean {
  return !missingSince && !isOneOf(fields.status?.trim(), ["DELETED", "MIGRATED"]);
}

/** A receiver knows a value in its first spelling, which stays as long as the value does. */
function unchangedFields(known: NumberState | undefined, seen: Observation) {
  const spellings = WATCHED_FIELD_NAMES.flatMap((field) => {
    const [from, to] = [known?.fields[field], seen.fields[field]];
    const isSame = from !== undefined && to !== undefined && isSameValue(field, from, to);
    return isSame ? [[field, from]] : [];
  });
  return Object.fromEntries(spellings) as Record<string, string>;
}

/** When the stored values of a number were last shown, before this read. */
export function lastShownAt(
  known: NumberState,
  { lastSeenAt, readAt, wasUnclear }: Pick<CustomerRead, "lastSeenAt" | "readAt" | "wasUnclear">,
  phoneNumber: string,
): string {
  const stored = isoNotAfter(known.absent?.lastSeenAt ?? known.observedAt, readAt);
  if (known.absent || known.missingSince) return stored;
  const unclear = wasUnclear?.[phoneNumber];
  const shownAt = unclear ? Date.parse(unclear.lastGoodReadAt ?? "") || undefined : lastSeenAt;
  if (shownAt === undefined) return stored;
  return new Date(Math.max(notAfter(shownAt, readAt), Date.parse(stored))).toISOString();
}
