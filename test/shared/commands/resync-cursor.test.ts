import { describe, expect, it } from "vitest";
import { cursorAfter, resumeIndex } from "../../../shared/commands/resync-cursor.ts";

const NUMBERS = ["4930111", "4930222", "4930333", "4930444"];
const many = Array.from({ length: 2_000 }, (_, i) => String(4_930_000_000 + i * 7));

describe("the cursor of a customer's resync", () => {
  it("holds a count and four hexadecimal digits of a hash, not the number", () => {
    expect(cursorAfter("a", NUMBERS, 2)).toMatch(/^2-[0-9a-f]{4}$/);
    expect(cursorAfter("a", NUMBERS, 0)).toBe("");
  });

  it("continues behind the last number that was sent", () => {
    expect(resumeIndex("a", NUMBERS, cursorAfter("a", NUMBERS, 2))).toBe(2);
    expect(resumeIndex("a", NUMBERS, cursorAfter("a", NUMBERS, 4))).toBe(4);
    expect(resumeIndex("a", NUMBERS, "")).toBe(0);
  });

  it("follows the last number sent to where new and gone ones moved it", () => {
    const cursor = cursorAfter("a", NUMBERS, 3);
    expect(resumeIndex("a", ["1", "2", ...NUMBERS], cursor)).toBe(5);
    expect(resumeIndex("a", NUMBERS.slice(2), cursor)).toBe(1);
  });

  it("starts over if the last number sent is gone or the cursor is invalid", () => {
    expect(resumeIndex("a", ["4930222"], cursorAfter("a", NUMBERS, 1))).toBe(0);
    for (const cursor of ["4930222", "0-", "-1-abcd", "9999999999-abcd", "x", "1-ABCD"]) {
      expect(resumeIndex("a", NUMBERS, cursor)).toBe(0);
    }
  });

  it("never goes back among thousands of numbers, although their checks repeat", () => {
    const checks = new Set(many.map((_, i) => cursorAfter("a", many, i + 1).split("-")[1]));
    expect(checks.size).toBeLessThan(many.length);
    const wrong = many
      .map((_, i) => i + 1)
      .filter((done) => resumeIndex("a", many, cursorAfter("a", many, done)) !== done);
    expect(wrong).toEqual([]);
  });
});
