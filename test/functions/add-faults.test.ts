import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Fault } from "../sandbox/cams-faults.ts";
import { takeOverDeadlines } from "../support/deadlines.ts";
import { addOf, type FunctionRig, GOOD_ADD, startFunctionRig } from "../support/function-deps.ts";

const ADD = "AddChatappPhoneNumber";
const QUERY = "QueryChatappPhoneNumbers";

let rig: FunctionRig;
beforeEach(async () => {
  rig = await startFunctionRig();
});
afterEach(() => rig.close());

/** Adds once, with an Idempotency-Key, and tells everything that can be seen afterwards. */
async function addOnce() {
  const event = addOf(GOOD_ADD, { headers: { "idempotency-key": "k1" } });
  const { status, body } = await rig.add(event);
  const rows = await rig.rows();
  const idempotency = Object.keys(rows).find((key) => key.startsWith("idem/any/"));
  return {
    status,
    says: body.outcome ?? body.code,
    upstreamCode: body.upstreamCode,
    ...rig.calls(),
    watched: "c/acme" in rows,
    hot: Object.keys((rows["hot/acme"]?.onboarding ?? {}) as object),
    key: idempotency && rows[idempotency]?.state,
    upstream: rig.upstream.control.numbers("acme").map((number) => number.PhoneNumber),
  };
}

const NUMBER = "4915112345678";
const KEPT = { watched: true, hot: [NUMBER] };
const GONE = { watched: false, hot: [] };

const ACCEPTED = {
  status: 201,
  says: "accepted",
  upstreamCode: undefined,
  adds: 1,
  queries: 0,
  ...KEPT,
  key: "done",
  upstream: [NUMBER],
};
const CONFIRMED = { ...ACCEPTED, says: "confirmed", queries: 1 };
const UNKNOWN = {
  status: 504,
  says: "unknown",
  upstreamCode: undefined,
  adds: 1,
  queries: 1,
  ...KEPT,
  key: "unknown",
  upstream: [],
};
const REFUSED = {
  status: 422,
  says: "ERR_UPSTREAM_REJECTED",
  adds: 1,
  queries: 0,
  ...GONE,
  key: "done",
  upstream: [],
};
const THROTTLED = {
  status: 503,
  says: "ERR_UPSTREAM_THROTTLED",
  adds: 1,
  queries: 0,
  ...GONE,
  key: undefined,
  upstream: [],
};

/** Deadlines pass on the test's clock alone, as soon as the call that they end is there. */
function passDeadlines(expires: (nth: number) => boolean): readonly number[] {
  const reached = () => rig.upstream.control.calls().length;
  return takeOverDeadlines({ expires, reached, advance: rig.clock.advance });
}

describe("add when the upstream misbehaves once at the Add", () => {
  it.each<[string, Fault, object]>([
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
    ["throttle", { kind: "throttle" }, { ...THROTTLED, upstreamCode: "Throttling.User" }],
    [
      "System.LimitControl",
      { kind: "code", code: "System.LimitControl" },
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
  ])("%s", async (_name, fault, seen) => {
    rig.upstream.control.fault(fault);
    expect(await addOnce()).toEqual(seen);
  });

  it("a hanging Add that acted is given up after 18 s and confirmed by one Query", async () => {
    rig.upstream.control.fault({ kind: "hang", action: ADD });
    const deadlines = passDeadlines((nth) => nth === 0);
    expect(await addOnce()).toEqual(CONFIRMED);
    expect(deadlines).toEqual([18_000, 8_000]);
    expect(rig.clock.monotonic()).toBe(18_000);
  });

  it("a hanging Add that did not act is unknown", async () => {
    rig.upstream.control.fault({ kind: "hang", action: ADD, acts: false });
    passDeadlines((nth) => nth === 0);
    expect(await addOnce()).toEqual(UNKNOWN);
  });

  it.each([
    [1_999, 18_000],
    [5_000, 15_000],
    [19_000, 1_000],
  ])("a store that took %i ms leaves the Add %i ms, and the Query its 8 s", async (took, left) => {
    rig.upstream.control.fault({ kind: "hang", action: ADD });
    rig.clock.jumpAfterNextReading(took);
    const deadlines = passDeadlines((nth) => nth === 0);
    expect(await addOnce()).toEqual(CONFIRMED);
    expect(deadlines).toEqual([left, 8_000]);
  });

  it("a store that took all of the Add's time leaves nothing sent and nothing behind", async () => {
    rig.clock.jumpAfterNextReading(20_000);
    expect(await addOnce()).toEqual({
      status: 502,
      says: "ERR_UPSTREAM_UNAVAILABLE",
      upstreamCode: undefined,
      adds: 0,
      queries: 0,
      ...GONE,
      key: undefined,
      upstream: [],
    });
  });

  it("an upstream that cannot be reached leaves nothing behind", async () => {
    const { control } = rig.upstream;
    await rig.close();
    expect(await addOnce()).toEqual({
      status: 502,
      says: "ERR_UPSTREAM_UNAVAILABLE",
      upstreamCode: undefined,
      adds: 0,
      queries: 0,
      ...GONE,
      key: undefined,
      upstream: [],
    });
    expect(control.calls()).toEqual([]);
  });
});

describe("add under a code that the upstream may say after acting", () => {
  const codes = [
    "SystemError",
    "System.Error",
    "UnknownError",
    "Internal.Error",
    "Timeout",
    "RequestTimeout",
    "Service.Timeout",
    "ServiceTimeout",
    "BackendTimeout",
    "isp.SYSTEM_ERROR",
    "ServiceUnavailable",
    "SomethingNew",
  ];
  const cases = codes.flatMap((code) => [200, 400].map((status) => ({ code, status })));

  it.each(cases)("$code with HTTP $status, after acting, is confirmed", async (answer) => {
    rig.upstream.control.fault({ kind: "code", ...answer, action: ADD, acts: true });
    expect(await addOnce()).toEqual(CONFIRMED);
  });

  it.each(cases)("$code with HTTP $status, without acting, is unknown", async (answer) => {
    rig.upstream.control.fault({ kind: "code", ...answer, action: ADD });
    expect(await addOnce()).toEqual({ ...UNKNOWN, upstreamCode: answer.code });
  });

  it.each(["MissingVerifiedName", "InvalidVerifiedName.Malformed", "InvalidParameter"])(
    "%s is a refusal, which needs no Query",
    async (code) => {
      rig.upstream.control.fault({ kind: "code", code, action: ADD });
      expect(await addOnce()).toEqual({ ...REFUSED, upstreamCode: code });
    },
  );
});

describe("add when the settling Query misbehaves too", () => {
  const LISTED = { ...UNKNOWN, upstream: [NUMBER] };

  it.each<[string, Fault, object]>([
    ["throttle once", { kind: "throttle", action: QUERY }, { ...CONFIRMED, queries: 2 }],
    ["throttle", { kind: "throttle", action: QUERY, count: 9 }, { ...LISTED, queries: 3 }],
    ["html-502 once", { kind: "html-502", action: QUERY }, { ...CONFIRMED, queries: 2 }],
    ["html-502", { kind: "html-502", action: QUERY, count: 9 }, { ...LISTED, queries: 3 }],
    ["reset-before", { kind: "reset-before", action: QUERY, count: 9 }, { ...LISTED, queries: 3 }],
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
      "Ram.PermissionDeny, which is not the caller's affair",
      { kind: "code", code: "Ram.PermissionDeny", action: QUERY },
      LISTED,
    ],
    ["Product.Unsubscript", { kind: "code", code: "Product.Unsubscript", action: QUERY }, LISTED],
  ])("%s", async (_name, fault, seen) => {
    rig.upstream.control.fault({ kind: "reset-after", action: ADD });
    rig.upstream.control.fault(fault);
    expect(await addOnce()).toEqual(seen);
  });

  it("a hanging Query ends at the deadline with an unknown outcome", async () => {
    rig.upstream.control.fault({ kind: "reset-after", action: ADD });
    rig.upstream.control.fault({ kind: "hang", action: QUERY, count: 9 });
    rig.clock.jumpAfterNextReading(19_000);
    const deadlines = passDeadlines((nth) => nth > 0);
    expect(await addOnce()).toEqual({ ...LISTED, queries: 2 });
    expect(deadlines).toEqual([1_000, 8_000, 750]);
  });
});

describe("what an add tells of a failure", () => {
  it("an unknown outcome names the upstream's request id and says what to do", async () => {
    rig.upstream.control.fault({ kind: "code", code: "InternalError", action: ADD });
    const { body, headers } = await rig.add(addOf(GOOD_ADD));
    expect(body).toEqual({
      type: "urn:waba-numbers:problem:add-outcome-unknown",
      title: "Outcome unknown",
      status: 504,
      code: "ERR_ADD_OUTCOME_UNKNOWN",
      detail:
        "The upstream gave no clear answer and the number is not in its list yet: it may still appear. Query the customer in a minute; add the number again only if it is still absent.",
      requestId: "1-68f0c0de-15a3c0ffee00-0123456789ab",
      upstreamCode: "InternalError",
      upstreamRequestId: expect.stringMatching(/^[0-9A-F-]{36}$/),
      outcome: "unknown",
    });
    expect(headers["content-type"]).toBe("application/problem+json; charset=utf-8");
  });

  it.each([
    [undefined, "1"],
    [100, "1"],
    [2_500, "3"],
  ])("a throttled add with a hint of %s ms says Retry-After: %s", async (retryAfterMs, seconds) => {
    const hint = retryAfterMs === undefined ? {} : { retryAfterMs };
    rig.upstream.control.fault({ kind: "throttle", ...hint });
    expect((await rig.add(addOf(GOOD_ADD))).headers["retry-after"]).toBe(seconds);
  });

  it("a wrong secret is the account's problem, and nothing stays behind", async () => {
    const credentials = { accessKeyId: "STS.exampleAccessKeyId", accessKeySecret: "wrong" };
    const context = { credentials: { ...credentials, securityToken: "exampleSecurityToken" } };
    const { status, body } = await rig.add(addOf(GOOD_ADD), context);
    expect([status, body.upstreamCode]).toEqual([502, "SignatureDoesNotMatch"]);
    expect(await rig.rows()).toEqual({});
  });

  it("a function without credentials sends and stores nothing", async () => {
    const { status, body } = await rig.add(addOf(GOOD_ADD), { credentials: {} });
    expect([status, body.code]).toEqual([500, "ERR_CREDENTIALS"]);
    expect([rig.calls(), await rig.rows()]).toEqual([{ adds: 0, queries: 0 }, {}]);
  });
});
