import { describe, expect, it } from "vitest";
import {
  doubtsAbout,
  impossibleNumber,
  withoutTrunkPrefix,
} from "../../../shared/changes/numbering-plans.ts";

describe("the trunk prefix of a national number", () => {
  it.each([
    ["44", "07700900142", "7700900142"],
    ["44", "7700900142", "7700900142"],
    ["49", "015112345678", "15112345678"],
    ["7", "89161234567", "9161234567"],
    ["7", "9161234567", "9161234567"],
    ["7", "8123456789", "8123456789"],
    ["36", "06201234567", "201234567"],
    ["36", "201234567", "201234567"],
    ["36", "0201234567", "201234567"],
    ["7", "0916123456", "0916123456"],
    ["52", "0445512345678", "5512345678"],
    ["52", "0455512345678", "5512345678"],
    ["52", "015512345678", "5512345678"],
    ["52", "5512345678", "5512345678"],
    ["55", "04121985550142", "21985550142"],
    ["55", "01511987654321", "11987654321"],
    ["55", "011987654321", "11987654321"],
    ["55", "1133334444", "1133334444"],
    ["54", "0111555501420", "1155501420"],
    ["54", "3411512345678", "3411512345678"],
    ["54", "3415550142", "3415550142"],
    ["54", "091155550142", "91155550142"],
    ["54", "901155550142", "91155550142"],
    ["54", "93415550142", "93415550142"],
    ["54", "093415550142", "93415550142"],
    ["54", "09341155550142", "93415550142"],
    ["54", "0296615550142", "2966550142"],
    ["54", "9111512345678", "91112345678"],
    ["52", "05512345678", "5512345678"],
    ["370", "861234567", "61234567"],
    ["375", "80291234567", "291234567"],
    ["993", "865123456", "65123456"],
    ["998", "8901234567", "901234567"],
    ["39", "065550142", "065550142"],
    ["378", "0549123456", "0549123456"],
    ["225", "0701234567", "0701234567"],
    ["229", "0197123456", "0197123456"],
    ["242", "061234567", "061234567"],
  ])("of +%s %s leaves %s", (cc, national, expected) => {
    expect(withoutTrunkPrefix(cc, national)).toBe(expected);
  });
});

const TWICE = "begins with the country code; send it without";

describe("a number that no plan has", () => {
  it.each([
    ["1", "14155550123", TWICE],
    ["1", "12125550142", TWICE],
    ["1", "1155550123", "cannot begin with 0 or 1 after country code 1"],
    ["1", "0155550123", "cannot begin with 0 or 1 after country code 1"],
    ["86", "8613800001234", TWICE],
    ["44", "447700900142", TWICE],
    ["91", "919876543210", TWICE],
    ["55", "5521985550142", TWICE],
    ["52", "525512345678", TWICE],
    ["52", "5215512345678", TWICE],
    ["65", "6581234567", TWICE],
    ["852", "85251234567", TWICE],
    ["7", "79161234567", TWICE],
    ["49", "004915112345", "begins with 00; send it without the country code"],
  ])("+%s %s is refused", (cc, national, message) => {
    expect(impossibleNumber(cc, national)).toBe(message);
  });

  it.each([
    ["1", "4155550123"],
    ["7", "7012345678"],
    ["44", "4412345678"],
    ["49", "4915112345678"],
    ["55", "55912345678"],
    ["55", "5591234567"],
    ["86", "8612345678"],
    ["91", "9198765432"],
    ["39", "0612345678"],
    ["33", "70012345678901"],
  ])("+%s %s is not", (cc, national) => {
    expect(impossibleNumber(cc, national)).toBeUndefined();
  });
});

describe("a doubtful number", () => {
  it.each([
    ["49", "4915112345678", ["begins with the country code; check that it is not twice"]],
    ["62", "62812345678", ["begins with the country code; check that it is not twice"]],
    ["49", "015112345678", ["holds the prefix 0, for home calls"]],
    ["36", "06201234567", ["holds the prefix 06, for home calls"]],
    ["52", "0445512345678", ["holds the prefix 044, for home calls"]],
    ["54", "0111555501420", ["holds the prefix 15, for home calls"]],
    ["52", "05512345678", ["holds the prefix 0, for home calls"]],
    ["54", "901155550142", ["holds the prefix 0, for home calls"]],
    ["54", "093415550142", ["holds the prefix 0, for home calls"]],
    ["39", "0393471234567", ["begins with the country code; check that it is not twice"]],
    ["10", "4155550123", ["follows 10, which is no country's code"]],
    ["447", "700900142", ["follows 447, which is no country's code"]],
    ["999", "12345678", ["follows 999, which is no country's code"]],
    ["210", "12345678", ["follows 210, which is no country's code"]],
    ["33", "70012345678", ["has too many digits for country code 33"]],
    ["1", "415555012", ["has too few digits for country code 1"]],
    ["44", "77009001", ["has too few digits for country code 44"]],
    [
      "44",
      "07700900",
      ["holds the prefix 0, for home calls", "has too few digits for country code 44"],
    ],
    ["55", "985550142", ["has too few digits for country code 55"]],
    ["49", "1511", ["has too few digits for country code 49"]],
    ["39", "03331234567", ["looks like a mobile with a 0"]],
    ["39", "0333123456", ["looks like a mobile with a 0"]],
    ["39", "03471234567", ["looks like a mobile with a 0"]],
    ["372", "372512345", ["begins with the country code; check that it is not twice"]],
    ["372", "37251234567", ["begins with the country code; check that it is not twice"]],
    ["500", "50012345", ["begins with the country code; check that it is not twice"]],
  ])("+%s %s is named", (cc, national, doubts) => {
    expect(doubtsAbout(cc, national)).toEqual(doubts);
  });

  it.each([
    ["49", "15112345678"],
    ["49", "4912345"],
    ["7", "7012345678"],
    ["39", "0612345678"],
    ["39", "0331123456"],
    ["39", "0341123456"],
    ["39", "0391234567"],
    ["380", "501234567"],
    ["383", "43123456"],
    ["290", "51234"],
    ["599", "91234567"],
    ["992", "901234567"],
    ["39", "3331234567"],
    ["55", "55912345678"],
    ["55", "1133334444"],
    ["54", "1155501420"],
    ["683", "4123"],
    ["372", "3721234"],
    ["229", "0197123456"],
    ["1", "4155550123"],
  ])("+%s %s is none", (cc, national) => {
    expect(doubtsAbout(cc, national)).toEqual([]);
  });
});
