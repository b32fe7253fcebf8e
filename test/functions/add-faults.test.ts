import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { toCases } from "../support/fault-cases.ts";
import { type FunctionRig, startFunctionRig } from "../support/function-deps.ts";
import {
  ACCEPTED,
  ADD,
  addOnce,
  CONFIRMED,
  GONE,
  NEVER_SENT,
  passDeadlines,
  REFUSED,
  UNKNOWN,
} from "./add-outcomes.ts";

let rig: FunctionRig;
beforeEach(async () => {
  rig = await startFunctionRig();
});
afterEach(() => rig.close());

const THROTTLED = {
  status: 503,
  says: "ERR_UPSTREAM_THROTTLED",
  adds: 3,
  queries: 0,
  ...GONE,
  key: undefined,
  upstream: [],
};

describe("add under a fault of its Add", () => {
  it.each(
    toCases([
      ["slow", { kind: "slow", delayMs: 30 }, ACCEPTED],
      ["empty-list, which Add has none of", { kind: "empty-list", action: ADD }, ACCEPTED],
      ["malformed-row, which Add has none of", { kind: "malformed-row", action: ADD }, ACCEPTED],
      ["unknown-fields", { kind: "unknown-fields", action: ADD }, ACCEPTED],
      ["html-502 without acting", { kind: "html-502", action: ADD }, UNKNOWN],
      ["html-502 after acting", { kind: "html-502", action: ADD, acts: true }, CONFIRMED],
      ["reset-before", { kind: "reset-before", action: ADD }, UNKNOWN],
      ["reset-after", { kind: "reset-after", action: ADD }, CONFIRMED],
      ["truncated", { kind: "truncated", action: ADD }, CONFIRMED],
      ["truncated without acting", { kind: "truncated", action: ADD, acts: false }, UNKNOWN],
      ["empty-body", { kind: "empty-body", action: ADD }, UNKNOWN],
      ["empty-body after acting", { kind: "empty-body", action: ADD, acts: true }, CONFIRMED],
      ["http-500 with Code OK", { kind: "http-500", action: ADD }, CONFIRMED],
      [
        "http-500 with Code OK, without acting",
        { kind: "http-500", action: ADD, acts: false },
        { ...UNKNOWN, upstreamCode: "OK" },
      ],
      ["array-body", { kind: "array-body", action: ADD }, UNKNOWN],
      ["array-body after acting", { kind: "array-body", action: ADD, acts: true }, CONFIRMED],
      ["null-body", { kind: "null-body", action: ADD }, UNKNOWN],
      ["null-body after acting", { kind: "null-body", action: ADD, acts: true }, CONFIRMED],
      [
        "InternalError",
        { kind: "code", code: "InternalError", action: ADD },
        { ...UNKNOWN, upstreamCode: "InternalError" },
      ],
      [
        "SignatureNonceUsed, the sign of a copy that came first",
        { kind: "code", code: "SignatureNonceUsed", action: ADD },
        { ...UNKNOWN, upstreamCode: "SignatureNonceUsed" },
      ],
      ["throttle, once", { kind: "throttle" }, { ...ACCEPTED, adds: 2 }],
      [
        "throttle at each try",
        { kind: "throttle", count: 3 },
        { ...THROTTLED, upstreamCode: "Throttling.User" },
      ],
      [
        "System.LimitControl",
        { kind: "code", code: "System.LimitControl", count: 3 },
        { ...THROTTLED, upstreamCode: "System.LimitControl" },
      ],
      [
        "Product.Unsubscript",
        { kind: "code", code: "Product.Unsubscript" },
        { ...REFUSED, upstreamCode: "Product.Unsubscript" },
      ],
      [
        "Unknown.ResourceOwnerId",
        { kind: "code", code: "Unknown.ResourceOwnerId" },
        { ...REFUSED, upstreamCode: "Unknown.ResourceOwnerId" },
      ],
      [
        "another code",
        { kind: "code", code: "InvalidParameter.PhoneNumberError" },
        { ...REFUSED, upstreamCode: "InvalidParameter.PhoneNumberError" },
      ],
      [
        "another code under HTTP 200",
        { kind: "code", code: "InvalidParameter.PhoneNumberError", status: 200 },
        { ...REFUSED, upstreamCode: "InvalidParameter.PhoneNumberError" },
      ],
      [
        "Ram.PermissionDeny",
        { kind: "code", code: "Ram.PermissionDeny" },
        {
          status: 502,
          says: "ERR_UPSTREAM_ACCOUNT",
          upstreamCode: "Ram.PermissionDeny",
          adds: 1,
          queries: 0,
          ...GONE,
          key: undefined,
          upstream: [],
        },
      ],
    ]),
  )("$name ends with $seen.status $seen.says", async ({ fault, seen }) => {
    rig.upstream.control.fault(fault);
    expect(await addOnce(rig)).toEqual(seen);
  });

  it("a hanging Add that acted ends after 18 s, confirmed by one Query", async () => {
    rig.upstream.control.fault({ kind: "hang", action: ADD });
    const deadlines = passDeadlines(rig, (nth) => nth === 0);
    expect(await addOnce(rig)).toEqual(CONFIRMED);
    expect(deadlines).toEqual([18_000, 8_000]);
    expect(rig.clock.monotonic()).toBe(18_000);
  });

  it("a hanging Add that did not act ends unknown", async () => {
    rig.upstream.control.fault({ kind: "hang", action: ADD, acts: false });
    passDeadlines(rig, (nth) => nth === 0);
    expect(await addOnce(rig)).toEqual(UNKNOWN);
  });

  it.each([
    [1_999, 18_000],
    [5_000, 15_000],
    [19_000, 1_000],
  ])("a store that took %i ms leaves the Add %i ms and the Query its 8 s", async (took, left) => {
    rig.upstream.control.fault({ kind: "hang", action: ADD });
    rig.clock.jumpAfterNextReading(took);
    const deadlines = passDeadlines(rig, (nth) => nth === 0);
    expect(await addOnce(rig)).toEqual(CONFIRMED);
    expect(deadlines).toEqual([left, 8_000]);
  });

  it("a store that took all of the Add's time ends without a call or a row", async () => {
    rig.clock.jumpAfterNextReading(20_000);
    const notSent = { ...NEVER_SENT, status: 503, says: "ERR_UPSTREAM_NOT_SENT" };
    expect(await addOnce(rig)).toEqual(notSent);
  });

  it("an upstream that cannot be reached leaves no row", async () => {
    const { control } = rig.upstream;
    await rig.close();
    expect(await addOnce(rig)).toEqual(NEVER_SENT);
    expect(control.calls()).toEqual([]);
  });
});
