import { describe, expect, it } from "vitest";
import {
  failureForCode,
  plain,
  toUpstreamFailure,
} from "../../../shared/signing/upstream-error.ts";

const ADD = "AddChatappPhoneNumber";
const QUERY = "QueryChatappPhoneNumbers";
const action = ADD;
const facts = { action };
const shown = (error: unknown) => JSON.parse(JSON.stringify(error));

describe("failureForCode", () => {
  it.each([
    ["Throttling", "ERR_UPSTREAM_THROTTLED"],
    ["Throttling.User", "ERR_UPSTREAM_THROTTLED"],
    ["Throttling.Api", "ERR_UPSTREAM_THROTTLED"],
    ["System.LimitControl", "ERR_UPSTREAM_THROTTLED"],
    ["Ram.PermissionDeny", "ERR_UPSTREAM_ACCOUNT"],
    ["Forbidden.RAM", "ERR_UPSTREAM_ACCOUNT"],
    ["Forbidden.RiskControl", "ERR_UPSTREAM_REJECTED"],
    ["Forbidden.UserVerification", "ERR_UPSTREAM_REJECTED"],
    ["Authentication.NoAuth", "ERR_UPSTREAM_REJECTED"],
    ["NoPermission", "ERR_UPSTREAM_ACCOUNT"],
    ["SignatureDoesNotMatch", "ERR_UPSTREAM_ACCOUNT"],
    ["IncompleteSignature", "ERR_UPSTREAM_ACCOUNT"],
    ["InvalidSignatureMethod", "ERR_UPSTREAM_ACCOUNT"],
    ["InvalidAccessKeyId.NotFound", "ERR_UPSTREAM_ACCOUNT"],
    ["InvalidAccessKeyId.Inactive", "ERR_UPSTREAM_ACCOUNT"],
    ["InvalidSecurityToken.Expired", "ERR_UPSTREAM_ACCOUNT"],
    ["MissingSecurityToken", "ERR_UPSTREAM_ACCOUNT"],
    ["InvalidTimeStamp.Expired", "ERR_UPSTREAM_ACCOUNT"],
    ["InvalidTimeStamp.Format", "ERR_UPSTREAM_ACCOUNT"],
    ["InvalidApi.NotFound", "ERR_UPSTREAM_ACCOUNT"],
    ["InvalidAction.NotFound", "ERR_UPSTREAM_ACCOUNT"],
    ["InvalidProduct.NotFound", "ERR_UPSTREAM_ACCOUNT"],
    ["NoSuchVersion", "ERR_UPSTREAM_ACCOUNT"],
    ["UnsupportedHTTPMethod", "ERR_UPSTREAM_ACCOUNT"],
    ["InvalidProtocol.NeedSsl", "ERR_UPSTREAM_ACCOUNT"],
    ["ServiceUnavailable", "ERR_UPSTREAM_UNAVAILABLE"],
    ["InternalError", "ERR_UPSTREAM_UNAVAILABLE"],
    ["SignatureNonceUsed", "ERR_UPSTREAM_UNAVAILABLE"],
    ["Product.Unsubscript", "ERR_UPSTREAM_REJECTED"],
    ["Unknown.ResourceOwnerId", "ERR_UPSTREAM_REJECTED"],
    ["MissingVerifiedName", "ERR_UPSTREAM_REJECTED"],
    ["InvalidParameter.PhoneNumberError", "ERR_UPSTREAM_REJECTED"],
    ["MissingType", "ERR_UPSTREAM_REJECTED"],
    ["InvalidVerifiedName.Malformed", "ERR_UPSTREAM_REJECTED"],
    ["InvalidParameter", "ERR_UPSTREAM_REJECTED"],
    ["InvalidTimeout", "ERR_UPSTREAM_REJECTED"],
    ["SystemError", "ERR_UPSTREAM_UNAVAILABLE"],
    ["System.Error", "ERR_UPSTREAM_UNAVAILABLE"],
    ["isp.SYSTEM_ERROR", "ERR_UPSTREAM_UNAVAILABLE"],
    ["UnknownError", "ERR_UPSTREAM_UNAVAILABLE"],
    ["Internal.Error", "ERR_UPSTREAM_UNAVAILABLE"],
    ["InternalServerError", "ERR_UPSTREAM_UNAVAILABLE"],
    ["Timeout", "ERR_UPSTREAM_UNAVAILABLE"],
    ["RequestTimeout", "ERR_UPSTREAM_UNAVAILABLE"],
    ["Service.Timeout", "ERR_UPSTREAM_UNAVAILABLE"],
    ["ServiceTimeout", "ERR_UPSTREAM_UNAVAILABLE"],
    ["BackendTimeout", "ERR_UPSTREAM_UNAVAILABLE"],
    ["ServiceUnavailable.Backend", "ERR_UPSTREAM_UNAVAILABLE"],
  ])("turns %s of any operation into %s", (upstreamCode, code) => {
    for (const action of [ADD, QUERY]) {
      expect(failureForCode({ action, upstreamCode, httpStatus: 400 }).code).toBe(code);
    }
  });

  it.each([
    "PhoneNumberNotRegistered",
    "ThrottlingIsNotThis",
    "ForbiddenFruit",
    "SomethingNew",
    "Invalidated",
    "isv.InvalidParameter",
    "AddError.PhoneNumberExist",
    "DelError.NotFound",
  ])("treats %s as a refusal, of an Add only with a 4xx and a request id", (upstreamCode) => {
    for (const action of [QUERY, ADD]) {
      const answered = { action, upstreamCode, httpStatus: 409, upstreamRequestId: "REQ" };
      expect(shown(failureForCode(answered))).toMatchObject({
        code: "ERR_UPSTREAM_REJECTED",
        concerns: "request",
      });
    }
    expect(shown(failureForCode({ action: QUERY, upstreamCode, httpStatus: 400 }))).toMatchObject({
      code: "ERR_UPSTREAM_REJECTED",
      concerns: "request",
    });
    expect(shown(failureForCode({ action: ADD, upstreamCode, httpStatus: 400 }))).toMatchObject({
      code: "ERR_UPSTREAM_UNAVAILABLE",
      neverSent: false,
    });
  });

  it.each([
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
  ])("leaves an Add's outcome unknown under %s, whatever the status", (upstreamCode) => {
    for (const httpStatus of [200, 400, 503]) {
      const answered = { action: ADD, upstreamCode, httpStatus, upstreamRequestId: "REQ" };
      expect(shown(failureForCode(answered))).toMatchObject({
        code: "ERR_UPSTREAM_UNAVAILABLE",
        neverSent: false,
      });
    }
  });

  it.each([
    ["Product.Unsubscript", "customer"],
    ["Unknown.ResourceOwnerId", "customer"],
    ["Forbidden.RiskControl", "customer"],
    ["Authentication.NoAuth", "customer"],
    ["InvalidParameter.PhoneNumberError", "request"],
  ])("says that %s concerns the %s", (upstreamCode, concerns) => {
    expect(failureForCode({ action, upstreamCode })).toMatchObject({ concerns });
  });

  it("treats an unknown code with a 5xx as unavailable", () => {
    const failure = failureForCode({ action, upstreamCode: "SomethingNew", httpStatus: 503 });
    expect(shown(failure)).toMatchObject({ code: "ERR_UPSTREAM_UNAVAILABLE", neverSent: false });
  });
});

describe("toUpstreamFailure", () => {
  const answered = (data: unknown, headers: object = {}, statusCode: unknown = 400) => ({
    data,
    entry: {
      url: "secret",
      request: { headers: { secret: 1 } },
      response: { statusCode, headers },
    },
  });

  it.each([
    [{ "x-acs-retry-after": "1500" }, 1500],
    [{ "x-acs-retry-after": "86400000" }, 60_000],
    [{ "x-acs-retry-after": "0" }, undefined],
    [{ "x-acs-retry-after": "-5" }, undefined],
    [{ "x-acs-retry-after": "soon" }, undefined],
    [{ "x-acs-retry-after": "Infinity" }, undefined],
    [{}, undefined],
  ])("reads the hint %j as %s ms", (headers, retryAfterMs) => {
    const failure = toUpstreamFailure(answered({ Code: "Throttling" }, headers), action, true);
    expect(failure).toMatchObject({ code: "ERR_UPSTREAM_THROTTLED", retryAfterMs });
  });

  it.each([
    ["a code that is neither text nor number", { Code: {}, RequestId: "req:1/2" }],
    ["a code that says that there is none", { Code: "None", RequestId: "req:1/2" }],
    ["a code with spaces", { Code: "call 8613800000001 now" }],
    ["a code of 129 letters", { Code: "a".repeat(129) }],
    ["a body that is a list", [1]],
    ["a body that is a text", "InternalError"],
  ])("turns %s into a reply of unknown form", (_name, body) => {
    expect(shown(toUpstreamFailure(answered(body), action, true))).toEqual({
      code: "ERR_UPSTREAM_CONTRACT",
      facts: { action, httpStatus: 400 },
    });
  });

  it.each(["AddError:PhoneExists", "Phone number exists", "号码已存在", "a".repeat(129)])(
    "takes a 4xx with the code %s and a request id for a refusal, and does not show the code",
    (Code) => {
      const refused = answered({ Code, RequestId: "REQ", Message: "Taken." });
      expect(shown(toUpstreamFailure(refused, action, true))).toEqual({
        ...{ code: "ERR_UPSTREAM_REJECTED", concerns: "request" },
        facts: { action, httpStatus: 400, upstreamRequestId: "REQ" },
      });
      const without = answered({ Code, RequestId: null });
      expect(toUpstreamFailure(without, action, true).code).toBe("ERR_UPSTREAM_CONTRACT");
      const failed = answered({ Code, RequestId: "REQ" }, {}, 502);
      expect(toUpstreamFailure(failed, action, true).code).toBe("ERR_UPSTREAM_CONTRACT");
    },
  );

  it.each([
    ["AddError.X", 12_345, "AddError.X", "12345"],
    ["AddError.X", "req:1/2", "AddError.X", undefined],
    [40_012, "A", "40012", "A"],
  ])("takes a 4xx with the code %j and the id %j for a refusal", (Code, RequestId, code, id) => {
    const failure = toUpstreamFailure(answered({ Code, RequestId }), action, true);
    expect(failure).toMatchObject({ code: "ERR_UPSTREAM_REJECTED", concerns: "request" });
    expect(failure.facts).toMatchObject({ upstreamCode: code });
    expect(failure.facts.upstreamRequestId).toBe(id);
  });

  it.each([null, "", "None", " null ", undefined])(
    "leaves an Add's outcome unknown under an unknown code with the request id %j",
    (RequestId) => {
      const failure = toUpstreamFailure(answered({ Code: "AddError.X", RequestId }), action, true);
      expect(failure.code).toBe("ERR_UPSTREAM_UNAVAILABLE");
      expect(failure.facts.upstreamRequestId).toBeUndefined();
    },
  );

  it("leaves out a status and a request id of an unusual form", () => {
    const body = { Code: "Throttling", RequestId: "for +86 138" };
    expect(shown(toUpstreamFailure(answered(body, {}, "400"), action, true))).toEqual({
      code: "ERR_UPSTREAM_THROTTLED",
      facts: { action, upstreamCode: "Throttling" },
    });
  });

  it.each(["RequestTimeoutError", "AbortError"])("turns %s into a timeout", (name) => {
    const thrown = { name, message: "https://secret" };
    expect(shown(toUpstreamFailure(thrown, action, true))).toEqual({
      code: "ERR_UPSTREAM_TIMEOUT",
      facts,
    });
    expect(shown(toUpstreamFailure(thrown, action, false))).toEqual({
      code: "ERR_UPSTREAM_UNAVAILABLE",
      neverSent: true,
      facts: { action, transportCode: "ETIMEDOUT" },
    });
  });

  it.each([
    ...["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "CERT_HAS_EXPIRED", "EPROTO", "ECONNRESET"],
    ...["DEPTH_ZERO_SELF_SIGNED_CERT", "ERR_TLS_CERT_ALTNAME_INVALID", "ETIMEDOUT"],
  ])("names %s, and says that nothing was sent only if no connection stood", (code) => {
    const thrown = Object.assign(new Error("https://secret"), { code });
    for (const stood of [true, false]) {
      expect(shown(toUpstreamFailure(thrown, action, stood))).toEqual({
        code: "ERR_UPSTREAM_UNAVAILABLE",
        neverSent: !stood,
        facts: { action, transportCode: code },
      });
    }
  });

  it.each([
    ["No  permission\nfor\u0000 this.", "No permission for this."],
    ["\u202e\u200bword", "word"],
    ["a".repeat(600), "a".repeat(500)],
    [{ PolicyType: "AccountLevel" }, '{"PolicyType":"AccountLevel"}'],
    ["phone +49 151-12345678 of Acme is taken", "phone +***********5678 of Acme is taken"],
    ["4915112345678", "*********5678"],
    ["+1 (415) 555-2671 is taken", "+************2671 is taken"],
    ["+49 (0) 151 / 12 34 56 78", "+********************6 78"],
    ["0151/12345-678", "**********-678"],
    ["\uff14\uff19\uff11\uff15\uff11\uff11\uff12\uff13\uff14", "*****\uff11\uff12\uff13\uff14"],
    ["at 2026-01-02 limit 1000", "at 2026-01-02 limit 1000"],
    ["None", undefined],
    ["null", undefined],
    [" NULL ", undefined],
    ["N/A", undefined],
    ["OK", undefined],
    ["  ", undefined],
    ["无", undefined],
    ["無", undefined],
    ["{}", undefined],
    [{}, undefined],
    [null, undefined],
  ])("passes the words %j on as %j", (said, kept) => {
    const body = { Code: "Ram.PermissionDeny", Message: said, AccessDeniedDetail: said };
    const failure = toUpstreamFailure(answered(body), action, true);
    expect(failure.facts.upstreamMessage).toBe(kept);
    expect(failure.facts.accessDeniedDetail).toBe(kept);
  });

  it.each([
    "SignatureDoesNotMatch",
    "IncompleteSignature",
    "InvalidAccessKeyId.NotFound",
    "InvalidSecurityToken.Expired",
    "InvalidTimeStamp.Expired",
    "two words",
  ])("keeps the words of %s, which may repeat what was signed", (Code) => {
    const body = { Code, Message: "POST&%2F&secret", AccessDeniedDetail: "secret" };
    expect(JSON.stringify(toUpstreamFailure(answered(body), action, true))).not.toContain("secret");
  });

  it.each([undefined, null, "text", 7, {}, Object.create(null), new TypeError("x"), [1]])(
    "takes %s for a failure after sending",
    (thrown) => {
      expect(shown(toUpstreamFailure(thrown, action, true))).toEqual({
        code: "ERR_UPSTREAM_UNAVAILABLE",
        neverSent: false,
        facts,
      });
    },
  );
});

describe("plain", () => {
  it.each([
    ["InvalidParameter.PhoneNumberError", "InvalidParameter.PhoneNumberError"],
    ["0A1B-2C3D_4", "0A1B-2C3D_4"],
    ["a".repeat(128), "a".repeat(128)],
    ["a".repeat(129), undefined],
    ["", undefined],
    ["two words", undefined],
    ["line\n", undefined],
    ["https://host/?a=b", undefined],
    [12, "12"],
    [null, undefined],
    ["None", undefined],
    ["null", undefined],
  ])("keeps %j as %j", (value, kept) => {
    expect(plain(value)).toBe(kept);
  });
});
