import { toInternational, withoutTrunkPrefix } from "./numbering-plans.ts";

/**
 * Digits only: the form of all keys and subjects. Replies usually have it already. A 0 in brackets is
 * for home calls and is no part of the number.
 */
export function toDigits(phoneNumber: string): string {
  const digits = phoneNumber.replace(/\D/g, "");
  return phoneNumber.includes("(0)") ? toInternational(digits) : digits;
}

/** By which rule two spellings name one line. */
export type LineRule = "exact" | "trunk-prefix" | "mexico-1" | "argentina-9" | "brazil-9";

/**
 * Countries that write one line with and without a digit. `shorten` answers the form without it.
 *
 * - Mexico: the plan dropped the mobile 1 in August 2019, and WhatsApp still lists it
 *   (libphonenumber release 8.10.17, phonelib#254).
 * - Argentina: mobiles have a 9 from abroad, and some systems list them without it (phone#18).
 * - Brazil: mobiles got a ninth digit, a 9, from 2012 to 2016. Only eight digits that begin with
 *   6 to 9 were a mobile: 2 to 5 is a landline, another line (localized#9, waha#1974).
 */
const RULES: readonly { readonly rule: LineRule; readonly shorten: (digits: string) => string }[] =
  [
    { rule: "mexico-1", shorten: (digits) => digits.replace(/^521(\d{10})$/, "52$1") },
    { rule: "argentina-9", shorten: (digits) => digits.replace(/^549(\d{10})$/, "54$1") },
    { rule: "brazil-9", shorten: (digits) => digits.replace(/^(55\d\d)9([6-9]\d{7})$/, "$1$2") },
  ];

/** The rule by which two numbers, in digits with country code, are one line; undefined for two. */
export function sameLine(one: string, other: string): LineRule | undefined {
  if (one === other) return "exact";
  const [a, b] = [toInternational(one), toInternational(other)];
  if (a === b) return "trunk-prefix";
  return RULES.find(({ shorten }) => shorten(a) === shorten(b))?.rule;
}

/**
 * Finds an added number in a customer's list. The exact number comes before a near form.
 *
 * @returns the number as the list has it, in digits, and the rule that matched
 */
export function findNumber(
  cc: string,
  national: string,
  listed: readonly string[],
): { readonly phoneNumber: string; readonly rule: LineRule } | undefined {
  const candidates = listed.map(toDigits);
  const added = cc + national;
  if (candidates.includes(added)) return { phoneNumber: added, rule: "exact" };
  const international = cc + withoutTrunkPrefix(cc, national);
  if (candidates.includes(international)) {
    return { phoneNumber: international, rule: "trunk-prefix" };
  }
  for (const phoneNumber of candidates) {
    const rule = sameLine(international, phoneNumber);
    if (rule) return { phoneNumber, rule };
  }
  return undefined;
}

/**
 * The known number of each listed one, both in digits. An exact match comes first. A listed number
 * without one takes an unlisted known number of the same line. Each known number is taken once, so
 * two listed near forms stay two lines.
 */
export function pairLines(
  known: readonly string[],
  listed: readonly string[],
): ReadonlyMap<string, string> {
  const isListed = new Set(listed);
  const isKnown = new Set(known);
  const free = new Set(known.filter((number) => !isListed.has(number)));
  return new Map(
    listed.map((number) => {
      if (isKnown.has(number)) return [number, number];
      const near = [...free].find((candidate) => sameLine(candidate, number));
      if (near === undefined) return [number, number];
      free.delete(near);
      return [number, near];
    }),
  );
}
