import { createHash } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import type { NumberState } from "../schemas/customer-row.ts";
import {
  type PhoneNumberItem,
  WATCHED_FIELD_NAMES,
  WATCHED_FIELDS,
  type WatchedField,
} from "../schemas/upstream.ts";
import { toDigits } from "./phone-number.ts";

/** Longer values are stored and sent cut, and compared by hash. */
export const MAX_VALUE_LENGTH = 1024;

/** The watched fields of one number in one answer. A field that the answer lacks is absent. */
export type Observation = {
  readonly phoneNumber: string;
  readonly fields: Readonly<Partial<Record<WatchedField, string>>>;
  readonly hashes: Readonly<Partial<Record<WatchedField, string>>>;
};

export type FieldChange = {
  readonly field: WatchedField;
  readonly from: string;
  readonly to: string;
  /** `from` is only the beginning of the old value. */
  readonly fromIsCut?: boolean;
};

/** Anything but text is treated as absent: a field of another kind is an answer we cannot read. */
export function observe(item: PhoneNumberItem): Observation {
  const fields: Partial<Record<WatchedField, string>> = {};
  const hashes: Partial<Record<WatchedField, string>> = {};
  for (const field of WATCHED_FIELD_NAMES) {
    const value = item[WATCHED_FIELDS[field]];
    if (typeof value !== "string") continue;
    fields[field] = cut(value, MAX_VALUE_LENGTH);
    if (value.length > MAX_VALUE_LENGTH) {
      hashes[field] = createHash("sha256").update(value).digest("hex");
    }
  }
  return { phoneNumber: toDigits(item.PhoneNumber), fields, hashes };
}

/** Fields whose stored value differs. An absent field, on either side, is not a change. */
export function changedFields(known: NumberState, seen: Observation): FieldChange[] {
  return WATCHED_FIELD_NAMES.flatMap((field) => {
    const from = known.fields[field];
    const to = seen.fields[field];
    if (from === undefined || to === undefined) return [];
    if (isSameValue(field, from, to) && known.hashes?.[field] === seen.hashes[field]) return [];
    const fromIsCut = known.hashes?.[field] !== undefined;
    return [{ field, from, to, ...(fromIsCut ? { fromIsCut } : {}) }];
  });
}

/** Values are one word in any spelling of its case; a name is text, and its case a part of it. */
function isSameValue(field: WatchedField, one: string, other: string): boolean {
  return one === other || (field !== "verifiedName" && one.toUpperCase() === other.toUpperCase());
}

/** Whether every field that is known of a number is in the answer. */
export function hasAllKnownFields(known: NumberState, seen: Observation): boolean {
  return Object.keys(known.fields).every(
    (field) => seen.fields[field as WatchedField] !== undefined,
  );
}

/**
 * The state after the observation: what it lacks keeps its last known value, and the state then
 * keeps its time, as that value was not seen now.
 */
export function mergeState(
  known: NumberState | undefined,
  seen: Observation,
  observedAt: string,
): NumberState {
  const { absent: _absent, missingSince: _missing, ...kept } = known ?? { fields: {} };
  const untouched = Object.entries(known?.hashes ?? {}).filter(
    ([field]) => seen.fields[field as WatchedField] === undefined,
  );
  const hashes = { ...Object.fromEntries(untouched), ...seen.hashes };
  // A receiver is told the old value as it knows it, so its spelling stays while the value does.
  const respelt = WATCHED_FIELD_NAMES.flatMap((field) => {
    const [from, to] = [known?.fields[field], seen.fields[field]];
    return from !== undefined && to !== undefined && isSameValue(field, from, to)
      ? [[field, from]]
      : [];
  });
  const { hashes: _hashes, ...rest } = kept as Partial<NumberState>;
  return {
    ...rest,
    fields: { ...known?.fields, ...seen.fields, ...Object.fromEntries(respelt) },
    ...(Object.keys(hashes).length > 0 ? { hashes } : {}),
    observedAt: known && !hasAllKnownFields(known, seen) ? known.observedAt : observedAt,
  };
}

/** Whether the observation adds anything to what is stored, changes or first values. */
export function hasNewValues(known: NumberState, seen: Observation): boolean {
  return (
    changedFields(known, seen).length > 0 ||
    WATCHED_FIELD_NAMES.some(
      (field) => seen.fields[field] !== undefined && known.fields[field] === undefined,
    )
  );
}

/** Cuts between code points, so that no lone surrogate is left. */
export function cut(text: string, length: number): string {
  if (text.length <= length) return text;
  const last = text.charCodeAt(length - 1);
  return text.slice(0, last >= 0xd800 && last <= 0xdbff ? length - 1 : length);
}

/**
 * Two items that say different things of one number say nothing of it. The result is in the order
 * of the numbers: how the upstream orders its list says nothing either.
 */
export function readItems(items: readonly PhoneNumberItem[]) {
  const seen = new Map<string, Observation>();
  const contradicted = new Set<string>();
  for (const observation of items.map(observe)) {
    const first = seen.get(observation.phoneNumber);
    if (first && !isDeepStrictEqual(first, observation)) contradicted.add(observation.phoneNumber);
    seen.set(observation.phoneNumber, observation);
  }
  for (const phoneNumber of contradicted) seen.delete(phoneNumber);
  const sorted = [...seen].sort(([a], [b]) => (a < b ? -1 : 1));
  return { seen: new Map(sorted), ambiguous: contradicted.size > 0 };
}
