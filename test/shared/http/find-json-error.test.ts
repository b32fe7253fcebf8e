import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { findJsonError } from "../../../shared/http/find-json-error.ts";
import { SEED } from "../../support/seed.ts";

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

describe("findJsonError", () => {
  it.each([
    ["", 0],
    ["  ", 2],
    ["{", 1],
    ['{"a"', 4],
    ['{"a":}', 5],
    ['{"a" 1}', 5],
    ['{"a":1,}', 7],
    ["{'a':1}", 1],
    ["{a:1}", 1],
    ['{"a":1]', 6],
    ["[1,]", 3],
    ["[1 2]", 3],
    ["[1}", 2],
    ["[,1]", 1],
    ["1 2", 2],
    ["01", 1],
    ["1.", 1],
    ["truth", 0],
    ["nullx", 4],
    ["NaN", 0],
    ['"abc', 4],
    ['"a\\x"', 2],
    ['"a\nb"', 2],
    ['"\\u12g4"', 1],
    ['{"a":1}}', 7],
    ["\u00a01", 0],
  ])("finds that %j goes wrong at %i", (text, position) => {
    expect(findJsonError(text)).toBe(position);
  });

  it.each(["0", "-0.5e+3", ' [ 1 , [ ] , { } , { "a" : null } ] ', '"\\u00e9\\n\\"é"', "true\r\n"])(
    "finds nothing wrong with %j",
    (text) => {
      expect(findJsonError(text)).toBeUndefined();
    },
  );

  it("reads nesting and text of the size of a whole body", () => {
    expect(findJsonError("[".repeat(262_144))).toBe(262_144);
    expect(findJsonError(`"${'\\"a'.repeat(87_000)}`)).toBe(261_001);
  });

  it("agrees with JSON.parse on what JSON is", () => {
    const almost = fc
      .tuple(
        fc.json(),
        fc.nat(),
        fc.nat(3),
        fc.constantFrom("", ",", "}", "]", '"', "\\", "0", " "),
      )
      .map(([text, at, cut, insert]) => {
        const from = at % (text.length + 1);
        return text.slice(0, from) + insert + text.slice(from + cut);
      });
    const soup = fc.string({ unit: fc.constantFrom(...'{}[],:"\\ 01.-eEtrue') });

    fc.assert(
      fc.property(fc.oneof(fc.json(), almost, soup), (text) => {
        expect(findJsonError(text) === undefined).toBe(isJson(text));
      }),
      { seed: SEED, numRuns: 2000 },
    );
  });
});
