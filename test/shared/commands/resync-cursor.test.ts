import { describe, expect, it } from "vitest";
import { cursorAfter, resumeIndex } from "../../../shared/commands/resync-cursor.ts";

const NUMBERS = ["4930111", "4930222", "4930333", "4930444"];
const many = Array.from({ length: 2_000 }, (_, i) => String(4_930_000_000 + i * 7));

describe("the cursor of a resync", () => {
  it("tells the count, and of the number only four hexadecimal digits of a hash", () => {
    expect(cursorAfter("a", NUMBERS, 2)).toMatch(/^2-[0-9a-f]{4}$/);
    expect(cursorAfter("a", NUMBERS, 0)).toBe("");
  });

  it("goes on behind what was told", () => {
    expect(resumeIndex("a", NUMBERS, cursorAfter("a", NUMBERS, 2))).toBe(2);
    expect(resumeIndex("a", NUMBERS, cursorAfter("a", NUMBERS, 4))).toBe(4);
    expect(resumeIndex("a", NUMBERS, "")).toBe(0);
  });

  it("follows the last told number to where newer and gone ones have moved it", () => {
    const cursor = cursorAfter("a", NUMBERS, 3);
    expect(resumeIndex("a", ["1", "2", ...NUMBERS], cursor)).toBe(5);
    expect(resumeIndex("a", NUMBERS.slice(2), cursor)).toBe(1);
  });

  it("begins anew when the last told number is gone or the cursor is none", () => {
    expect(resumeIndex("a", ["4930222"], cursorAfter("a", NUMBERS, 1))).toBe(0);
    for (const cursor of ["4930222", "0-", "-1-abcd", "9999999999-abcd", "x", "1-ABCD"]) {
      expect(resumeIndex("a", NUMBERS, cursor)).toBe(0);
    }
  });

  it("never goes back among thousands of numbers, though their checks repeat", () => {
    const checks = new Set(many.map((_, i) => cursorAfter("a", many, i + 1).split("-")[1]));
    expect(checks.size).toBeLessThan(many.length);
    const wrong = many
      .map((_, i) => i + 1)
      .filter((done) => resumeIndex("a", many, cursorAfter("a", many, done)) !== done);
    expect(wrong).toEqual([]);
  });
});
