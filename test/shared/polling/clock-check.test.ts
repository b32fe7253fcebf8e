import { describe, expect, it } from "vitest";
import { createClockCheck } from "../../../shared/polling/clock-check.ts";

const NOW = Date.parse("2026-01-02T03:04:05.000Z");

function checkOf(...dates: unknown[]) {
  const check = createClockCheck(() => NOW);
  for (const date of dates) check.note(date);
  return [check.isConfirmed(), check.hasAnswer(), check.aheadMs()];
}

describe("a clock check", () => {
  it("confirms nothing before an answer", () => {
    expect(checkOf()).toEqual([false, false, undefined]);
  });

  it.each([
    ["the same time", "Fri, 02 Jan 2026 03:04:05 GMT", [true, true, undefined]],
    ["five minutes ago", "Fri, 02 Jan 2026 02:59:05 GMT", [true, true, undefined]],
    ["five minutes on", "Fri, 02 Jan 2026 03:09:05 GMT", [true, true, undefined]],
    ["a second more ago", "Fri, 02 Jan 2026 02:59:04 GMT", [false, true, 301_000]],
    ["a year on", "Sat, 02 Jan 2027 03:04:05 GMT", [false, true, -31_536_000_000]],
    ["no date", undefined, [false, true, undefined]],
    ["text that is no date", "yesterday", [false, true, undefined]],
  ])("judges an answer of %s", (_, date, expected) => {
    expect(checkOf(date)).toEqual(expected);
  });

  it("holds once one answer of several confirms it", () => {
    expect(checkOf("Fri, 02 Jan 2026 03:04:05 GMT", "Sat, 02 Jan 2027 03:04:05 GMT")[0]).toBe(true);
  });
});
