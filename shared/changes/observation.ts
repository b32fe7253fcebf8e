import { createHash } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import type { PhoneNumberItem } from "../schemas/upstream.ts";

import { pairLines, toDigits } from "./same-line.ts";
import { MAX_VALUE_LENGTH, normaliseValue } from "./values.ts";

import { ruleOf, WATCHED_FIELD_NAMES, type WatchedField } from "./watched-fields.ts";

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
 * The numbers of a list under their known spellings, in the order of their digits: the upstream's order has no meaning. Two
 * items that disagree on one number prove nothing of it, so it is left out and `ambiguous` is set.
 */
export function readItems(items: readonly PhoneNumberItem[], known: readonly string[]) {
  const seen = new Map<string, Observation>();
  const ambiguous = new Set<string>();
  for (const observation of items.map(observe)) {
    const first = seen.get(observation.phoneNumber);
    if (first && !isDeepStrictEqual(first, observation)) ambiguous.add(observation.phoneNumber);
    seen.set(observation.phoneNumber, observation);
  }
  for (const phoneNumber of ambiguous) seen.delete(phoneNumber);
  const paired = [...pairLines(known, [...seen.keys()].sort())].flatMap(([listed, phoneNumber]) => {
    const observation = seen.get(listed);
    const listedAs = listed === phoneNumber ? undefined : listed;
    return observation ? [[phoneNumber, { ...observation, phoneNumber, listedAs }] as const] : [];
  });
  const sorted = paired.sort(([a], [b]) => (a < b ? -1 : 1));
  return { seen: new Map<string, Observation>(sorted), ambiguous: ambiguous.size > 0 };
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
