import { describe, expect, it } from "vitest";
import { cut, observe, readItems } from "../../../shared/changes/observation.ts";

const EARTH = "\u{1F310}";

describe("observe", () => {
  it("takes the watched fields with a value and nothing else", () => {
    const item = {
      PhoneNumber: "+49 151 1234",
      VerifiedName: "Bäckerei",
      Status: "CONNECTED",
      QualityRating: "green?",
      CodeVerificationStatus: "VERIFIED",
      NameStatus: "",
      NewNameStatus: "NONE",
      MessagingLimitTier: "TIER_250",
      StatusCallbackUrl: "https://callback.example/status",
      UpQueue: "queue",
      IsOfficial: "N",
      Status2: "new",
    };
    expect(observe(item)).toEqual({
      phoneNumber: "491511234",
      fields: {
        status: "CONNECTED",
        qualityRating: "green?",
        codeVerificationStatus: "VERIFIED",
        newNameStatus: "NONE",
        messagingLimitTier: "TIER_250",
        verifiedName: "Bäckerei",
        isOfficial: "N",
      },
      hashes: {},
    });
  });

  it.each([null, undefined, 7, true, ["CONNECTED"], { value: "CONNECTED" }])(
    "takes a field with the value %j for absent",
    (value) => {
      expect(observe({ PhoneNumber: "49151", Status: value })).toEqual({
        phoneNumber: "49151",
        fields: {},
        hashes: {},
      });
    },
  );

  it("keeps 1,024 characters whole and a longer value cut with the hash of all of it", () => {
    expect(observe({ PhoneNumber: "49151", VerifiedName: "a".repeat(1024) })).toEqual({
      phoneNumber: "49151",
      fields: { verifiedName: "a".repeat(1024) },
      hashes: {},
    });
    expect(observe({ PhoneNumber: "49151", VerifiedName: "a".repeat(1025) })).toEqual({
      phoneNumber: "49151",
      fields: { verifiedName: "a".repeat(1024) },
      // printf 'a%.0s' {1..1025} | sha256sum
      hashes: { verifiedName: "4a82297889eb505cf6b5cbdf69977afab4632d6557539782f657bd7dc78091a5" },
    });
  });
});

describe("cut", () => {
  it("never splits a code point", () => {
    expect(cut(`${"a".repeat(3)}${EARTH}b`, 4)).toBe("aaa");
    expect(cut(`${"a".repeat(3)}${EARTH}b`, 5)).toBe(`aaa${EARTH}`);
    expect(cut("abc", 3)).toBe("abc");
    expect(cut("abc", 2)).toBe("ab");
  });
});

describe("readItems", () => {
  it("gives the numbers in the order of their digits, whatever the list's order", () => {
    const items = [{ PhoneNumber: "+49 2" }, { PhoneNumber: "491" }, { PhoneNumber: "49-10" }];
    const { seen, unclear } = readItems(items, []);
    expect([...seen.keys()]).toEqual(["491", "4910", "492"]);
    expect(unclear.size).toBe(0);
  });

  it("leaves out a number of which two items say different things", () => {
    const items = [
      { PhoneNumber: "491", Status: "CONNECTED" },
      { PhoneNumber: "492", Status: "CONNECTED" },
      { PhoneNumber: "491", Status: "BANNED" },
    ];
    const { seen, unclear } = readItems(items, []);
    expect([...seen.keys()]).toEqual(["492"]);
    expect([...unclear]).toEqual(["491"]);
  });

  it("takes two items that agree for one number", () => {
    const twice = { PhoneNumber: "491", Status: "CONNECTED" };
    const { seen, unclear } = readItems([twice, { ...twice, Unwatched: 1 }], []);
    expect([...seen.keys()]).toEqual(["491"]);
    expect(unclear.size).toBe(0);
  });
});
