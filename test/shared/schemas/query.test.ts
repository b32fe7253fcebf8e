import { describe, expect, it } from "vitest";
import {
  liveResponseSchema,
  queryRequestSchema,
  toCamelCase,
} from "../../../shared/schemas/query.ts";

describe("toCamelCase", () => {
  it.each([
    [
      { PhoneNumber: "1", IsOfficial: "N" },
      { phoneNumber: "1", isOfficial: "N" },
    ],
    [{ A: { B: [{ C: 1 }, [{ D: null }]] } }, { a: { b: [{ c: 1 }, [{ d: null }]] } }],
    [
      { already: 1, "": 2, Ä: 3, _X: 4 },
      { already: 1, "": 2, ä: 3, _X: 4 },
    ],
    ["Text", "Text"],
    [null, null],
    [[], []],
  ])("%j is %j", (from, to) => {
    expect(toCamelCase(from)).toEqual(to);
  });

  it("takes objects without a prototype and gives ordinary ones", () => {
    const bare = Object.assign(Object.create(null), { PhoneNumber: "1" });
    expect(Object.getPrototypeOf(toCamelCase(bare))).toBe(Object.prototype);
  });

  it("cannot be used to change a prototype", () => {
    const hostile = JSON.parse('{"__proto__":{"Polluted":1}}');
    const converted = toCamelCase(hostile) as object;
    expect(Object.getPrototypeOf(converted)).toBe(Object.prototype);
    expect(Object.hasOwn(converted, "__proto__")).toBe(true);
  });
});

describe("queryRequestSchema", () => {
  it.each([
    {},
    { custSpaceId: "self" },
    { custSpaceId: "C020-1_a", isvCode: "i".repeat(128), status: "A&B=%", source: "live" },
    { source: "stored" },
  ])("takes %j", (query) => {
    expect(queryRequestSchema.parse(query)).toEqual(query);
  });

  it.each([
    [{ custSpaceId: "a b" }, "custSpaceId"],
    [{ isvCode: "ä" }, "isvCode"],
    [{ status: "a\nb" }, "status"],
    [{ source: "STORED" }, "source"],
  ])("refuses %j", (query, path) => {
    expect(queryRequestSchema.safeParse(query).error?.issues[0]?.path).toEqual([path]);
  });
});

describe("liveResponseSchema", () => {
  it("keeps what the upstream adds and the count of what was left out", () => {
    const answer = {
      source: "live",
      phoneNumbers: [{ phoneNumber: "1", new: 1 }],
      requestId: "r",
      malformedItems: 1,
    };
    expect(liveResponseSchema.parse(answer)).toEqual(answer);
  });
});
