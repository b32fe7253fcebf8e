import { describe, expect, it } from "vitest";
import { nextSequence } from "../../../shared/schemas/sequence.ts";

describe("nextSequence", () => {
  it.each([
    ["is the time after an earlier sequence", 1795000000123, 1795000004000, 1795000004000],
    ["rises within one millisecond", 1795000004000, 1795000004000, 1795000004001],
    ["rises although the clock was ahead", 1795000009000, 1795000005000, 1795000009001],
    ["passes what a store forgot", 1795000000050, 1795000300000, 1795000300000],
  ])("%s", (_name, last, now, next) => {
    expect(nextSequence(last, now)).toBe(next);
  });
});
