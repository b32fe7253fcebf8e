import { createHash } from "node:crypto";
import type { PhoneNumberItem } from "../schemas/upstream.ts";

import { pairLines, toDigits } from "./same-line.ts";
import { isSameValue, MAX_VALUE_LENGTH, normaliseValue } from "./values.ts";

import { isOneOf, ruleOf, WATCHED_FIELD_NAMES, type WatchedField } from "./watched-fields.ts";

/** The watched fields of one number in one reply. A field that the reply lacks is absent. */
export type Observation = {
  readonly phoneNumber: string;
  /** Today's spelling, where the known number has another one. */
  readonly listedAs?: string | undefined;
  readonly fields: Readonly<Partial<Record<WatchedField, string>>>;
  /** SHA-256 of the whole value, for values that are cut. */
  readonly hashes: Readonly<Partial<Record<WatchedField, string>>>;
};

/**
 * The numbers of a list under their known spellings, in the order of their digits: the upstream's
 * order has no meaning. Of two rows of one number, one that left the account gives way. Two others
 * that differ say only that the number is listed: it is `unclear`.
 */
export function readItems(items: readonly PhoneNumberItem[], known: readonly string[]) {
  const rows = new Map<string, Observation[]>();
  for (const observation of items.map(observe)) {
    const { phoneNumber } = observation;
    rows.set(phoneNumber, [...(rows.get(phoneNumber) ?? []), observation]);
  }
  const seen: [string, Observation][] = [];
  const unclear = new Set<string>();
  for (const [listed, phoneNumber] of pairLines(known, [...rows.keys()].sort())) {
    const [observation, ...others] = withoutLeft(rows.get(listed) ?? []);
    if (!observation || others.some((other) => !agrees(other, observation))) {
      unclear.add(phoneNumber);
      continue;
    }
    const listedAs = listed === phoneNumber ? undefined : listed;
    seen.push([phoneNumber, { ...observation, phoneNumber, listedAs }]);
  }
  return { seen: new Map(seen.sort(([one], [other]) => (one < other ? -1 : 1))), unclear };
}

/** The rows without those of a number that left the account, unless all of them say so. */
function withoutLeft(rows: readonly Observation[]): readonly Observation[] {
  const present = rows.filter(({ fields }) => !isOneOf(fields.status, ["DELETED", "MIGRATED"]));
  return present.length > 0 ? present : rows;
}

/** Whether two rows of one number show the same values, whatever their spelling. */
function agrees(one: Observation, other: Observation): boolean {
  return WATCHED_FIELD_NAMES.every(
    (field) =>
      isSameValue(field, one.fields[field], other.fields[field]) &&
      one.hashes[field] === other.hashes[field],
  );
}

/** What one item shows. A value that is not text is unreadable, so it counts as absent. */
export function observe(item: PhoneNumberItem): Observation {
  const fields: Partial<Record<WatchedField, string>> = {};
  const hashes: Partial<Record<WatchedField, string>> = {};
  for (const field of WATCHED_FIELD_NAMES) {
    const value = normaliseValue(field, item[ruleOf(field).upstream]);
    if (value === undefined) continue;
    fields[field] = cut(value, MAX_VALUE_LENGTH);
    if (value.length > MAX_VALUE_LENGTH) {
      hashes[field] = createHash("sha256").update(value).digest("hex");
    }
  }
  return { phoneNumber: toDigits(item.PhoneNumber), fields, hashes };
}

/** Cuts between code points, so that no lone surrogate is left. */
export function cut(text: string, length: number): string {
  if (text.length <= length) return text;
  const last = text.charCodeAt(length - 1);
  return text.slice(0, last >= 0xd800 && last <= 0xdbff ? length - 1 : length);
}
