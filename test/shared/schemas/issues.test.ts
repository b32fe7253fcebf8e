import { describe, expect, it } from "vitest";
import * as z from "zod/mini";
import { toIssues } from "../../../shared/schemas/issues.ts";

const schema = z.strictObject({
  name: z.string().check(z.minLength(2, "must be longer")),
  list: z.optional(z.array(z.strictObject({ n: z.number().check(z.lte(3)) }))),
});

function issues(input: unknown) {
  const { error } = schema.safeParse(input);
  return error ? toIssues(error, input) : [];
}

describe("toIssues", () => {
  it("tells a missing field from one of another type", () => {
    expect(issues({})).toEqual([{ path: "name", message: "must be given, as string" }]);
    expect(issues({ name: null })).toEqual([{ path: "name", message: "must be of type string" }]);
    expect(issues(null)).toEqual([{ path: "", message: "must be of type object" }]);
  });

  it("uses a check's own words, and words of its own for one that has none", () => {
    expect(issues({ name: "a", list: [{ n: 9 }] })).toEqual([
      { path: "name", message: "must be longer" },
      { path: "list.0.n", message: "must have at most 3" },
    ]);
  });

  it("names each unknown field where it stands", () => {
    expect(issues({ name: "ab", x: 1, list: [{ n: 1, y: 2, z: 3 }] })).toEqual([
      { path: "list.0.y", message: "is not a field of this request" },
      { path: "list.0.z", message: "is not a field of this request" },
      { path: "x", message: "is not a field of this request" },
    ]);
  });

  it.each([
    ["a".repeat(80), "a".repeat(64)],
    ["4915112345678", "*************"],
    ["+49 151 123-45678", "+** *** ***-*****"],
    ["field123456", "field123456"],
  ])("writes the unknown name %j as %j", (name, path) => {
    expect(issues({ name: "ab", [name]: 1 })[0]?.path).toBe(path);
  });

  it("lists no more than 20", () => {
    const many = Object.fromEntries(Array.from({ length: 100 }, (_, n) => [`f${n}`, 1]));
    expect(issues(many)).toHaveLength(20);
    const list = Array.from({ length: 50 }, () => ({ n: 9 }));
    expect(issues({ name: "ab", list })).toHaveLength(20);
  });
});
