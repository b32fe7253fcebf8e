import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { findNumber, pairLines, sameLine, toDigits } from "../../../shared/changes/same-line.ts";
import { SEED } from "../../support/seed.ts";

describe("toDigits", () => {
  it.each([
    ["4915112345678", "4915112345678"],
    ["+49 (151) 123-45678", "4915112345678"],
    ["+60 1155 501 42", "60115550142"],
    ["+44\u00a07700\u2011900142", "447700900142"],
    ["+44 (0)7700 900142", "447700900142"],
    ["+44 (0) 7700-900142", "447700900142"],
    ["+372 (0)5123 4567", "37251234567"],
    ["+39 (0)6 5550142", "39065550142"],
    ["+7 (0)9161234567", "79161234567"],
    ["", ""],
  ])("%j is %j", (text, digits) => {
    expect(toDigits(text)).toBe(digits);
  });
});

describe("findNumber", () => {
  it.each([
    ["as it was added", "49", "15112345678", "4915112345678", "exact"],
    ["with punctuation in the list", "49", "15112345678", "+49 151 12345678", "exact"],
    ["without the trunk zero", "49", "015112345678", "4915112345678", "trunk-prefix"],
    ["without two trunk zeros", "49", "0015112345678", "4915112345678", "trunk-prefix"],
    ["with a zero that belongs to it", "39", "0612345678", "390612345678", "exact"],
    ["Mexican, with 1 in the list alone", "52", "5512345678", "5215512345678", "mexico-1"],
    ["Mexican, with 1 in the add alone", "52", "15512345678", "525512345678", "mexico-1"],
    ["Argentine, with 9 in the list alone", "54", "1123456789", "5491123456789", "argentina-9"],
    ["Argentine, with 9 in the add alone", "54", "91123456789", "541123456789", "argentina-9"],
    ["Argentine, trunk zero and 9", "54", "01123456789", "5491123456789", "argentina-9"],
    ["Brazilian, with 9 in the list alone", "55", "1187654321", "5511987654321", "brazil-9"],
    ["Brazilian, with 9 in the add alone", "55", "11987654321", "551187654321", "brazil-9"],
  ])("finds a number %s", (_name, cc, national, listed, rule) => {
    const found = findNumber(cc, national, ["4930111", listed]);
    expect(found).toEqual({ phoneNumber: listed.replace(/\D/g, ""), rule });
  });

  it.each([
    ["of another line", "49", "15112345678", "4915112345679"],
    ["that only ends alike", "49", "15112345678", "15112345678"],
    ["that only begins alike", "49", "15112345678", "49151123456780"],
    ["of another country with the same digits", "49", "5512345678", "5215512345678"],
    ["that is Mexican but too short for the rule", "52", "551234567", "521551234567"],
    ["that is a Brazilian landline", "55", "11933334444", "551133334444"],
    ["that is a Brazilian mobile of a landline's digits", "55", "2125550142", "5521925550142"],
    ["with a zero that Italy keeps", "39", "0612345678", "39612345678"],
    ["that is Brazilian with another digit than 9", "55", "1187654321", "5511887654321"],
    ["with a zero that was not added", "39", "612345678", "390612345678"],
    ["without digits", "49", "15112345678", ""],
  ])("does not take a number %s for it", (_name, cc, national, listed) => {
    expect(findNumber(cc, national, [listed])).toBeUndefined();
  });

  it("prefers the exact number to a near one, wherever it stands", () => {
    const listed = ["5215512345678", "525512345678"];
    expect(findNumber("52", "5512345678", listed)).toEqual({
      phoneNumber: "525512345678",
      rule: "exact",
    });
    expect(findNumber("52", "15512345678", listed)).toEqual({
      phoneNumber: "5215512345678",
      rule: "exact",
    });
  });

  it("finds nothing in an empty list", () => {
    expect(findNumber("49", "15112345678", [])).toBeUndefined();
  });

  it("finds every number that is listed as added, among any others", () => {
    const digits = (min: number, max: number) =>
      fc.string({ unit: fc.constantFrom(..."0123456789"), minLength: min, maxLength: max });
    fc.assert(
      fc.property(
        fc.constantFrom("1", "39", "49", "52", "54", "55", "358"),
        digits(4, 12),
        fc.array(fc.string()),
        (cc, national, others) => {
          expect(findNumber(cc, national, [...others, `+${cc} ${national}`])).toEqual({
            phoneNumber: `${cc}${national}`,
            rule: "exact",
          });
        },
      ),
      { seed: SEED, numRuns: 300 },
    );
  });
});

describe("two spellings", () => {
  // numbers-in-the-wild: the public threads that each row comes from stand beside the rules.
  it.each([
    ["5521985550142", "552185550142", "brazil-9"],
    ["552165550142", "5521965550142", "brazil-9"],
    ["5521925550142", "552125550142", undefined],
    ["5511933334444", "551133334444", undefined],
    ["523355501042", "5213355501042", "mexico-1"],
    ["523355501042", "5213355501043", undefined],
    ["5493415550142", "543415550142", "argentina-9"],
    ["4407700900142", "447700900142", "trunk-prefix"],
    ["5204455550142001", "5215555014200", undefined],
    ["520445555014200", "5215555014200", "mexico-1"],
    ["39065550142", "3965550142", undefined],
    ["2290197123456", "229197123456", undefined],
    ["447700900142", "447700900142", "exact"],
    ["447700900142", "447700900143", undefined],
  ])("%s and %s are one line by the rule %s", (one, other, rule) => {
    expect([sameLine(one, other), sameLine(other, one)]).toEqual([rule, rule]);
  });
});

describe("pairLines", () => {
  const pairs = (known: string[], listed: string[]) => Object.fromEntries(pairLines(known, listed));

  it("keeps the known spelling of a line that is listed otherwise", () => {
    expect(pairs(["525512345678"], ["5215512345678"])).toEqual({ "5215512345678": "525512345678" });
  });

  it("takes the exact number first, so that two listed near forms are two lines", () => {
    expect(pairs(["525512345678"], ["5215512345678", "525512345678"])).toEqual({
      "5215512345678": "5215512345678",
      "525512345678": "525512345678",
    });
  });

  it("takes a known number once", () => {
    expect(pairs(["525512345678"], ["5215512345678", "5215512345679"])).toEqual({
      "5215512345678": "525512345678",
      "5215512345679": "5215512345679",
    });
  });

  it("leaves a number alone that is of no known line", () => {
    expect(pairs(["551133334444"], ["5511933334444"])).toEqual({
      "5511933334444": "5511933334444",
    });
  });
});
