/**
 * Prefixes that are dialled at home before a national number and are no part of the international
 * one. Every other country has at most a 0 (ITU-T E.164 and the countries' plans; libphonenumber's
 * `nationalPrefix`).
 */
const TRUNK_PREFIXES: Readonly<Record<string, RegExp | undefined>> = {
  // +1 numbers never begin with 0 or 1, so such a number is refused.
  "1": undefined,
  // Russia and Kazakhstan: 8 before ten digits.
  "7": /^8(?=\d{10}$)/,
  // Hungary: 06 before eight or nine digits.
  "36": /^06(?=\d{8,9}$)/,
  // The first 0 of these belongs to the number (libphonenumber's `italian_leading_zero`).
  "39": undefined,
  "225": undefined,
  "242": undefined,
  "378": undefined,
  "379": undefined,
};
const ANY_OTHER = /^0+/;

/**
 * Digits of the longest national number of a person's line, for plans that fix it (ITU-T E.164,
 * national numbering plans). Numbers of machines may be longer, so length alone refuses nothing.
 */
const LONGEST_NATIONAL: Readonly<Record<string, number | undefined>> = {
  ...{ "1": 10, "7": 10, "27": 9, "33": 9, "34": 9, "44": 10, "45": 8, "47": 8, "48": 9 },
  // Mexico with the mobile 1 that the plan has dropped, Argentina and Brazil with the mobile 9.
  ...{ "52": 11, "54": 11, "55": 11 },
  ...{ "60": 10, "61": 9, "65": 8, "66": 9, "81": 10, "86": 11, "90": 10, "91": 10 },
  ...{ "351": 9, "852": 8, "853": 8, "966": 9, "971": 9 },
};

/** A national number as it follows the country code in an international one. */
export function withoutTrunkPrefix(cc: string, national: string): string {
  const prefix = Object.hasOwn(TRUNK_PREFIXES, cc) ? TRUNK_PREFIXES[cc] : ANY_OTHER;
  return prefix ? national.replace(prefix, "") : national;
}

const TWICE = "begins with the country code; send it without";

/** Why no numbering plan has this number, in words that follow the field's name. */
export function impossibleNumber(cc: string, national: string): string | undefined {
  if (national.startsWith("00")) {
    return "begins with 00, the prefix of international calls; send it without the country code";
  }
  if (national.startsWith(cc) && isTooLong(cc, national)) return TWICE;
  if (cc === "1" && /^[01]/.test(national)) return "cannot begin with 0 or 1 after country code 1";
  return undefined;
}

/** What may be wrong with a number that can exist, in words that follow the field's name. */
export function doubtsAbout(cc: string, national: string): string[] {
  const bare = withoutTrunkPrefix(cc, national);
  const trunk = national.slice(0, national.length - bare.length);
  const doubts = trunk ? [`begins with ${trunk}, which is no part of an international number`] : [];
  if (isTooLong(cc, bare)) doubts.push(`has more digits than numbers of country code ${cc} have`);
  const isOpenPlan = LONGEST_NATIONAL[cc] === undefined;
  // Seven digits behind a second country code can be a number of their own.
  if (isOpenPlan && bare.startsWith(cc) && bare.length - cc.length >= 7) {
    doubts.push("begins with the country code; check that it is not written twice");
  }
  return doubts;
}

function isTooLong(cc: string, national: string): boolean {
  return national.length > (LONGEST_NATIONAL[cc] ?? Number.POSITIVE_INFINITY);
}
