/**
 * Prefixes that are dialled at home before a national number and are no part of the international
 * one. Every other country has at most a 0 (ITU-T E.164 and the countries' plans; libphonenumber's
 * `nationalPrefix`).
 */
const TRUNK_PREFIXES: Readonly<Record<string, RegExp | undefined>> = {
  // +1 numbers never begin with 0 or 1, so such a number is refused.
  "1": undefined,
  // Russia and Kazakhstan: 8, and a 0 that some write instead.
  "7": /^[80](?=\d{10}$)/,
  // Hungary: 06, of which some write only the 0.
  "36": /^06?(?=\d{8,9}$)/,
  // Mexico: 01, and 044 or 045 before a mobile until August 2019. Some write a 0 alone.
  "52": /^(01?|044|045)(?=\d{10}$)/,
  // Brazil: 0, with or without the two digits of a carrier.
  "55": /^0(\d\d)?(?=\d{10,11}$)/,
  // Lithuania, Belarus, Turkmenistan and Uzbekistan: 8, in Belarus with a 0 behind it.
  "370": /^[80](?=\d{8}$)/,
  "375": /^80?(?=\d{9}$)/,
  "993": /^8(?=\d{8}$)/,
  "998": /^8(?=\d{9}$)/,
  // The first 0 of these belongs to the number (libphonenumber's `italian_leading_zero`).
  "39": undefined,
  "225": undefined,
  // Benin: all numbers begin with 01 since November 2024.
  "229": undefined,
  "242": undefined,
  "378": undefined,
};
const ANY_OTHER = /^0+/;

/**
 * Digits of the shortest and the longest national number of a person's line, for plans that fix them
 * (ITU-T E.164, national numbering plans). Numbers of machines may be longer, so length alone refuses
 * nothing.
 */
const LENGTHS: Readonly<Record<string, readonly [number, number] | undefined>> = {
  ...{ "1": [10, 10], "7": [10, 10], "27": [9, 9], "33": [9, 9], "34": [9, 9], "44": [9, 10] },
  ...{ "45": [8, 8], "47": [8, 8], "48": [9, 9] },
  // Mexico with the mobile 1 that the plan has dropped, Argentina and Brazil with the mobile 9.
  ...{ "52": [10, 11], "54": [10, 11], "55": [10, 11] },
  ...{ "60": [8, 10], "61": [9, 9], "65": [8, 8], "66": [8, 9], "81": [9, 10], "86": [9, 11] },
  ...{ "90": [10, 10], "91": [10, 10], "351": [9, 9], "852": [8, 8], "853": [8, 8] },
  ...{ "966": [8, 9], "971": [8, 9] },
};
/** Of other plans: with the country code no person's line has fewer digits (ITU-T E.164.3, islands). */
const FEWEST = 7;

/** Codes of countries: no code begins another one (ITU-T E.164, list of assigned codes). */
const COUNTRY_CODE = /^([17]|2[07]|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58]|\d{3})/;

/** Codes of three digits that no country has (ITU-T E.164, list of assigned codes of 2024). */
const UNASSIGNED =
  /^(21[04579]|259|28|29[2-6]|38[48]|42[24-9]|671|684|69[3-9]|80[1-79]|83|85[14789]|87[1-9]|88[4579]|89|969|978|99[019])/;

/**
 * Argentina writes a 15 between area and mobile at home, and a 0 before the area, also behind the 9
 * of a mobile. Areas are 11 and what begins with 2 or 3 (libphonenumber). Ten digits are left.
 */
const ARGENTINE_15 = /^(9?)0?(?:(11)15(\d{8})|([23]\d\d)15(\d{7})|([23]\d{3})15(\d{6}))$/;
const ARGENTINE_0 = /^90(?=\d{10}$)/;

/** A national number as it follows the country code in an international one. */
export function withoutTrunkPrefix(cc: string, national: string): string {
  if (cc === "54") {
    const bare = national.replace(ANY_OTHER, "");
    return bare.replace(ARGENTINE_15, "$1$2$4$6$3$5$7").replace(ARGENTINE_0, "9");
  }
  const prefix = Object.hasOwn(TRUNK_PREFIXES, cc) ? TRUNK_PREFIXES[cc] : ANY_OTHER;
  return prefix ? national.replace(prefix, "") : national;
}

/** An international number, in digits, without a trunk prefix behind its country code. */
export function toInternational(digits: string): string {
  const cc = COUNTRY_CODE.exec(digits)?.[0] ?? "";
  return cc + withoutTrunkPrefix(cc, digits.slice(cc.length));
}

const TWICE = "begins with the country code; send it without";

/** Why no numbering plan has this number, in words that follow the field's name. */
export function impossibleNumber(cc: string, national: string): string | undefined {
  if (national.startsWith("00")) {
    return "begins with 00; send it without the country code";
  }
  if (national.startsWith(cc) && isTooLong(cc, national)) return TWICE;
  if (cc === "1" && /^[01]/.test(national)) return "cannot begin with 0 or 1 after country code 1";
  return undefined;
}

/**
 * Italian landlines keep their 0, mobiles have none. Eleven digits with 03 are hardly a landline, nor
 * are those of which no area begins so: 033 is the area of 0331 and 0332 alone.
 */
const ITALIAN_MOBILE_WITH_0 = /^03(\d{9}|3[03-9]\d+)$/;

/** What stands in a national number beside the bare one. */
function trunkOf(national: string, bare: string): string {
  if (national.endsWith(bare)) return national.slice(0, -bare.length);
  return ARGENTINE_15.test(national.replace(ANY_OTHER, "")) ? "15" : "0";
}

/** What may be wrong with a number that can exist, in words that follow the field's name. */
export function doubtsAbout(cc: string, national: string): string[] {
  const bare = withoutTrunkPrefix(cc, national);
  const trunk = trunkOf(national, bare);
  const doubts = trunk ? [`holds the prefix ${trunk}, for home calls`] : [];
  if (COUNTRY_CODE.exec(cc)?.[0] !== cc || UNASSIGNED.test(cc)) {
    doubts.push(`follows ${cc}, which is no country's code`);
  }
  if (isTooLong(cc, bare)) doubts.push(`has too many digits for country code ${cc}`);
  const [shortest] = LENGTHS[cc] ?? [FEWEST - cc.length];
  if (bare.length < shortest) doubts.push(`has too few digits for country code ${cc}`);
  if (cc === "39" && ITALIAN_MOBILE_WITH_0.test(bare)) doubts.push("looks like a mobile with a 0");
  // Short ones are numbers of their own, such as 491 12345 of an area of Germany. The plans behind
  // three digits are those of small countries.
  const isLong = bare.length - cc.length >= (cc.length === 3 ? 5 : 6);
  const isTwice = bare.startsWith(cc) ? isLong : isTwiceBehind0(cc, bare);
  if (!LENGTHS[cc] && isTwice) {
    doubts.push("begins with the country code; check that it is not twice");
  }
  return doubts;
}

/** Where the 0 belongs to the number, such as 039 of Monza. Its numbers have at most eight digits. */
function isTwiceBehind0(cc: string, national: string): boolean {
  return national.startsWith(`0${cc}`) && national.length - cc.length > 9;
}

function isTooLong(cc: string, national: string): boolean {
  return national.length > (LENGTHS[cc]?.[1] ?? Number.POSITIVE_INFINITY);
}
