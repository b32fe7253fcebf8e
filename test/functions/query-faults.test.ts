import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Fault } from "../sandbox/cams-faults.ts";
import { toCases } from "../support/fault-cases.ts";
import { type FunctionRig, queryEvent, startFunctionRig } from "../support/function-deps.ts";

let rig: FunctionRig;
beforeEach(async () => {
  rig = await startFunctionRig();
  rig.upstream.control.addCustomer("acme", [
    { PhoneNumber: "4915111" },
    { PhoneNumber: "4915222" },
  ]);
});
afterEach(() => rig.close());

/** Queries once and returns everything that can be seen. */
async function queryOnce() {
  const { status, body } = await rig.query(queryEvent({ query: { custSpaceId: "acme" } }));
  const { code, upstreamCode, malformedItems } = body;
  const listed = body.phoneNumbers as { phoneNumber: string }[] | undefined;
  const numbers = listed?.map(({ phoneNumber }) => phoneNumber);
  return { status, code, upstreamCode, numbers, malformedItems, ...rig.calls() };
}

const OK = {
  status: 200,
  code: undefined,
  upstreamCode: undefined,
  numbers: ["4915111", "4915222"],
  malformedItems: undefined,
  adds: 0,
  queries: 1,
};
const FAILED = { ...OK, numbers: undefined };
const UNAVAILABLE = { ...FAILED, status: 502, code: "ERR_UPSTREAM_UNAVAILABLE", queries: 3 };
const CONTRACT = { ...FAILED, status: 502, code: "ERR_UPSTREAM_CONTRACT", queries: 3 };
const THROTTLED = { ...FAILED, status: 503, code: "ERR_UPSTREAM_THROTTLED" };
const REJECTED = { ...FAILED, status: 422, code: "ERR_UPSTREAM_REJECTED" };

describe("query under a lasting fault", () => {
  it.each(
    toCases([
      ["throttle", { kind: "throttle" }, { ...THROTTLED, upstreamCode: "Throttling.User" }],
      ["html-502", { kind: "html-502" }, UNAVAILABLE],
      ["reset-before", { kind: "reset-before" }, UNAVAILABLE],
      ["reset-after", { kind: "reset-after" }, UNAVAILABLE],
      ["truncated", { kind: "truncated" }, UNAVAILABLE],
      ["http-500 with Code OK", { kind: "http-500" }, { ...UNAVAILABLE, upstreamCode: "OK" }],
      ["array-body", { kind: "array-body" }, CONTRACT],
      ["empty-body", { kind: "empty-body" }, UNAVAILABLE],
      ["null-body", { kind: "null-body" }, UNAVAILABLE],
      ["slow", { kind: "slow", delayMs: 30 }, OK],
      ["empty-list", { kind: "empty-list" }, { ...OK, numbers: [] }],
      [
        "malformed-row",
        { kind: "malformed-row" },
        { ...OK, numbers: ["4915222"], malformedItems: 1 },
      ],
      ["reordered", { kind: "reordered" }, { ...OK, numbers: ["4915222", "4915111"] }],
      ["unknown-fields", { kind: "unknown-fields" }, OK],
      [
        "InternalError",
        { kind: "code", code: "InternalError" },
        { ...UNAVAILABLE, upstreamCode: "InternalError" },
      ],
      [
        "SystemError, which its service says of itself",
        { kind: "code", code: "SystemError" },
        { ...UNAVAILABLE, upstreamCode: "SystemError" },
      ],
      [
        "a code that nobody knows, which another try would not change",
        { kind: "code", code: "SomethingNew" },
        { ...REJECTED, upstreamCode: "SomethingNew" },
      ],
      [
        "System.LimitControl",
        { kind: "code", code: "System.LimitControl" },
        { ...THROTTLED, upstreamCode: "System.LimitControl" },
      ],
      [
        "Product.Unsubscript",
        { kind: "code", code: "Product.Unsubscript" },
        { ...REJECTED, upstreamCode: "Product.Unsubscript" },
      ],
      [
        "Unknown.ResourceOwnerId",
        { kind: "code", code: "Unknown.ResourceOwnerId" },
        { ...REJECTED, upstreamCode: "Unknown.ResourceOwnerId" },
      ],
      [
        "Ram.PermissionDeny",
        { kind: "code", code: "Ram.PermissionDeny" },
        {
          ...FAILED,
          status: 502,
          code: "ERR_UPSTREAM_ACCOUNT",
          upstreamCode: "Ram.PermissionDeny",
        },
      ],
      [
        "a code under HTTP 200",
        { kind: "code", code: "InvalidParameter.PhoneNumberError", status: 200 },
        { ...REJECTED, upstreamCode: "InvalidParameter.PhoneNumberError" },
      ],
    ]),
  )("$name ends with $seen.status", async ({ fault, seen }) => {
    rig.upstream.control.fault({ ...fault, count: 9 });
    expect(await queryOnce()).toEqual(seen);
    expect(await rig.rows()).toEqual({});
  });

  it("a hang ends at the deadline", async () => {
    rig.upstream.control.fault({ kind: "hang", count: 9 });
    rig.clock.jumpAfterNextReading(4_900);
    expect(await queryOnce()).toEqual({
      ...FAILED,
      status: 504,
      code: "ERR_UPSTREAM_TIMEOUT",
      queries: 1,
    });
  });

  it("a refused connection ends as ERR_UPSTREAM_UNAVAILABLE", async () => {
    await rig.close();
    expect(await queryOnce()).toEqual({ ...UNAVAILABLE, queries: 0 });
  });
});

describe("query of integers with 16 and more digits", () => {
  it("passes every digit on, as text", async () => {
    rig.upstream.control.setNumber("acme", "4915111", { Long: 1234567890123456 });
    const { body } = await rig.query(queryEvent({ query: { custSpaceId: "acme" } }));
    expect(body.phoneNumbers).toMatchObject([{ long: "1234567890123456" }, {}]);
  });
});

describe("query under a single fault", () => {
  it.each<Fault>([
    { kind: "html-502" },
    { kind: "reset-before" },
    { kind: "reset-after" },
    { kind: "truncated" },
    { kind: "http-500" },
    { kind: "array-body" },
    { kind: "null-body" },
    { kind: "empty-body" },
    { kind: "code", code: "ServiceUnavailable" },
  ])("%o is retried", async (fault) => {
    rig.upstream.control.fault(fault);
    expect(await queryOnce()).toEqual({ ...OK, queries: 2 });
  });

  it.each([
    [undefined, "1"],
    [3_400, "4"],
  ])("a throttling hint of %s ms becomes Retry-After: %s", async (retryAfterMs, seconds) => {
    const hint = retryAfterMs === undefined ? {} : { retryAfterMs };
    rig.upstream.control.fault({ kind: "throttle", count: 9, ...hint });
    const { status, headers } = await rig.query(queryEvent({ query: { custSpaceId: "acme" } }));
    expect([status, headers["retry-after"]]).toEqual([503, seconds]);
  });

  it("a throttle ends the query at once, as a retry would take poll's calls", async () => {
    rig.upstream.control.fault({ kind: "throttle", retryAfterMs: 100 });
    const before = rig.clock.now();
    expect(await queryOnce()).toMatchObject({ status: 503, queries: 1 });
    expect(rig.clock.now() - before).toBe(0);
  });

  it("each try is signed again", async () => {
    rig.upstream.control.fault({ kind: "html-502", count: 2 });
    await queryOnce();
    const nonces = rig.upstream.control
      .calls()
      .map((call) => new URLSearchParams(call.rawBody).get("SignatureNonce"));
    expect(new Set(nonces).size).toBe(3);
  });
});
