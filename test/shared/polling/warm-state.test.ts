import { describe, expect, it } from "vitest";
import { newWarmState, rememberRead } from "../../../shared/polling/warm-state.ts";

const EMPTY = { beganAt: 0 };

describe("rememberRead", () => {
  it("the last reads of 1,000 customers are remembered, the longest unread goes first", () => {
    const warm = newWarmState();
    for (let index = 0; index < 1_000; index += 1)
      rememberRead(warm, `c${index}`, { ...EMPTY, at: index, seenAt: index });
    rememberRead(warm, "c0", { ...EMPTY, at: 1_000, seenAt: 1_000 });
    rememberRead(warm, "new", { ...EMPTY, at: 1_001, seenAt: 1_001 });
    expect(warm.lastReads.size).toBe(1_000);
    expect(warm.lastReads.get("c0")).toEqual({ ...EMPTY, at: 1_000, seenAt: 1_000 });
    expect(warm.lastReads.has("c1")).toBe(false);
    expect(warm.lastReads.has("c2")).toBe(true);
  });

  it("a read that confirms nothing keeps the time of the last one that did", () => {
    const warm = newWarmState();
    rememberRead(warm, "acme", { ...EMPTY, at: 20, seenAt: 10 });
    rememberRead(warm, "acme", { ...EMPTY, at: 40 });
    expect(warm.lastReads.get("acme")).toEqual({ ...EMPTY, at: 40, seenAt: 10 });
  });
});
