import { describe, expect, it } from "vitest";
import { type AddRequest, addRequestSchema, normaliseAdd } from "../../../shared/schemas/add.ts";

const GOOD = {
  custSpaceId: "acme",
  cc: "49",
  phoneNumber: "15112345678",
  verifiedName: "Acme GmbH",
};

/** What an add with these fields is reduced to, or the paths of what is wrong with it. */
function read(fields: object): AddRequest | { path: string; message: string } | string[] {
  const parsed = addRequestSchema.safeParse({ ...GOOD, ...fields });
  if (!parsed.success) return parsed.error.issues.map(({ path }) => path.join("."));
  const normalised = normaliseAdd(parsed.data);
  return "issue" in normalised ? normalised.issue : normalised.request;
}

describe("addRequestSchema and normaliseAdd", () => {
  it.each([
    ["49", "49"],
    ["+49", "49"],
    [" +49 ", "49"],
    ["(+49)", "49"],
    ["1", "1"],
    ["1-2 4", "124"],
  ])("reduce the country code %j to %j", (cc, digits) => {
    expect(read({ cc, phoneNumber: "5551234" })).toMatchObject({ cc: digits });
  });

  it.each([
    ["15112345678", "15112345678"],
    ["(0151) 123-456.78", "015112345678"],
    ["0151/1234 5678", "015112345678"],
    ["151\u00a012345678", "15112345678"],
    ["151\u201312345678", "15112345678"],
    ["151\u201112345678", "15112345678"],
    ["\u202d151 12345678\u202c", "15112345678"],
    ["\u200e15112345678\ufe0f", "15112345678"],
    ["[151] 12345678", "15112345678"],
    ["1234", "1234"],
    ["1234567890123", "1234567890123"],
    ["4915112345678", "4915112345678"],
  ])("reduce the number %j to %j", (phoneNumber, digits) => {
    expect(read({ phoneNumber })).toEqual({ ...GOOD, phoneNumber: digits });
  });

  it.each([
    ["12345678901234", "must have at most 15 digits together with the country code"],
    ["49151123456789", "begins with the country code; send it without"],
    ["+4915112345678", "begins with the country code; send it without"],
    ["(+49) 151 12345678", "begins with the country code; send it without"],
    ["+4415112345678", "is an international number of another country than cc"],
    ["+44 151 1234-5678", "is an international number of another country than cc"],
    ["(+1) 511 2345678", "is an international number of another country than cc"],
    ["+44151123456789", "is an international number of another country than cc"],
    ["+04915112345", "is an international number of another country than cc"],
  ])("say what is wrong with %j after 49", (phoneNumber, message) => {
    expect(read({ phoneNumber })).toEqual({ path: "phoneNumber", message });
  });

  it.each(["", "49+", "0", "049", "1234", "4 9 1 1", "four", "４９"])("refuse the cc %j", (cc) => {
    expect(read({ cc })).toEqual(["cc"]);
  });

  it.each(["", "123", "123456789012345", "1_511", "+", "15112345678;1", "٠١٢٣٤٥"])(
    "refuse the number %j",
    (phoneNumber) => {
      expect(read({ phoneNumber })).toEqual(["phoneNumber"]);
    },
  );

  it.each([
    ["one character", "A"],
    ["512 characters", "é".repeat(512)],
    ["512 characters of two UTF-16 units each", "🎉".repeat(512)],
    ["marks, signs and other scripts", "阿里 ‎שלום & Co. <b>'\""],
    ["a joined emoji", "👨‍👩‍👧"],
  ])("take a name of %s as it is", (_name, verifiedName) => {
    expect(read({ verifiedName })).toEqual({ ...GOOD, verifiedName });
  });

  it.each([
    ["empty", ""],
    ["blank", " \u3000"],
    ["513 characters", "a".repeat(513)],
    ["513 characters of two units each", "🎉".repeat(513)],
    ["a line break", "a\nb"],
    ["DEL", "a\u007f"],
    ["a C1 control", "\u0085a"],
    ["the first half of a character", "a\ud83d"],
    ["the second half of a character", "\ude00a"],
  ])("refuse a name that is or holds %s", (_name, verifiedName) => {
    expect(read({ verifiedName })).toEqual(["verifiedName"]);
  });

  it.each([undefined, "a", "A-b_c.1", "x".repeat(128)])(
    "take preValidateId %j",
    (preValidateId) => {
      expect(read({ preValidateId })).toMatchObject(GOOD);
    },
  );

  it("keep the fields in one order, whatever order they came in", () => {
    const { cc, ...rest } = { ...GOOD, preValidateId: "p" };
    const turned = Object.fromEntries(Object.entries({ ...rest, cc }).reverse());
    const parsed = addRequestSchema.parse(turned);
    expect(Object.keys(parsed)).toEqual([
      "custSpaceId",
      "cc",
      "phoneNumber",
      "verifiedName",
      "preValidateId",
    ]);
  });
});
