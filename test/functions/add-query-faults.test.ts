import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { toCases } from "../support/fault-cases.ts";
import { type FunctionRig, startFunctionRig } from "../support/function-deps.ts";
import { ADD, addOnce, CONFIRMED, NUMBER, passDeadlines, UNKNOWN } from "./add-outcomes.ts";

const QUERY = "QueryChatappPhoneNumbers";

let rig: FunctionRig;
beforeEach(async () => {
  rig = await startFunctionRig();
});
afterEach(() => rig.close());

describe("add under a fault of the Query after an unclear Add", () => {
  const LISTED = { ...UNKNOWN, upstream: [NUMBER] };

  it.each(
    toCases([
      ["throttle once", { kind: "throttle", action: QUERY }, { ...CONFIRMED, queries: 2 }],
      ["throttle", { kind: "throttle", action: QUERY, count: 9 }, { ...LISTED, queries: 3 }],
      ["html-502 once", { kind: "html-502", action: QUERY }, { ...CONFIRMED, queries: 2 }],
      ["html-502", { kind: "html-502", action: QUERY, count: 9 }, { ...LISTED, queries: 3 }],
      [
        "reset-before",
        { kind: "reset-before", action: QUERY, count: 9 },
        { ...LISTED, queries: 3 },
      ],
      ["truncated", { kind: "truncated", action: QUERY, count: 9 }, { ...LISTED, queries: 3 }],
      ["empty-body", { kind: "empty-body", action: QUERY, count: 9 }, { ...LISTED, queries: 3 }],
      ["http-500", { kind: "http-500", action: QUERY, count: 9 }, { ...LISTED, queries: 3 }],
      ["array-body", { kind: "array-body", action: QUERY, count: 9 }, { ...LISTED, queries: 3 }],
      ["null-body", { kind: "null-body", action: QUERY, count: 9 }, { ...LISTED, queries: 3 }],
      ["slow", { kind: "slow", delayMs: 30, action: QUERY }, CONFIRMED],
      ["reordered", { kind: "reordered" }, CONFIRMED],
      ["empty-list", { kind: "empty-list" }, LISTED],
      ["malformed-row in the number's place", { kind: "malformed-row" }, LISTED],
      [
        "Ram.PermissionDeny, which the caller cannot fix,",
        { kind: "code", code: "Ram.PermissionDeny", action: QUERY },
        LISTED,
      ],
      ["Product.Unsubscript", { kind: "code", code: "Product.Unsubscript", action: QUERY }, LISTED],
    ]),
  )("$name ends with $seen.status $seen.says", async ({ fault, seen }) => {
    rig.upstream.control.fault({ kind: "reset-after", action: ADD });
    rig.upstream.control.fault(fault);
    expect(await addOnce(rig)).toEqual(seen);
  });

  it("a hanging Query ends at the deadline, unknown", async () => {
    rig.upstream.control.fault({ kind: "reset-after", action: ADD });
    rig.upstream.control.fault({ kind: "hang", action: QUERY, count: 9 });
    rig.clock.jumpAfterNextReading(19_000);
    const deadlines = passDeadlines(rig, (nth) => nth > 0);
    expect(await addOnce(rig)).toEqual({ ...LISTED, queries: 2 });
    expect(deadlines).toEqual([1_000, 8_000, 750]);
  });
});
