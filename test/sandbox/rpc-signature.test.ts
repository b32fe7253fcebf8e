import { describe, expect, it } from "vitest";
import { createRpcVerifier, readRpcParams, rpcEncode, rpcSignature } from "./rpc-signature.ts";
import { CREDENTIALS, EPOCH, signed } from "./upstream-test-client.ts";

const MINUTE = 60_000;
const QUERY = { Action: "QueryChatappPhoneNumbers", CustSpaceId: "c1" };

function verifier(now = () => EPOCH, securityToken?: string) {
  const credentials = [{ ...CREDENTIALS, securityToken }];
  return createRpcVerifier({ credentials, now });
}

describe("rpcSignature", () => {
  it("matches the published vector", () => {
    const params = {
      AccessKeyId: "testid",
      Action: "DescribeRegions",
      Format: "XML",
      SignatureMethod: "HMAC-SHA1",
      SignatureNonce: "3ee8c1b8-83d3-44af-a94f-4e0ad82fd6cf",
      SignatureVersion: "1.0",
      Timestamp: "2016-02-23T12:46:24Z",
      Version: "2014-05-26",
    };
    expect(rpcSignature("GET", params, "testsecret")).toBe("OLeaidS1JvxuMvnyHOwuJ+uX5qY=");
  });

  it("encodes every byte except the unreserved ones", () => {
    expect(rpcEncode("é ~*!()'\"&=+%-_.")).toBe("%C3%A9%20~%2A%21%28%29%27%22%26%3D%2B%25-_.");
  });
});

describe("readRpcParams", () => {
  it("joins query and body, reads + as a space and %2B as a plus", () => {
    expect(readRpcParams("A=1+2&B=%2B", "C=&D")).toEqual({ A: "1 2", B: "+", C: "", D: "" });
  });

  it("refuses a repeated name and an escape that is not UTF-8", () => {
    expect(readRpcParams("A=1", "A=1")).toBeUndefined();
    expect(readRpcParams("A=%FF")).toBeUndefined();
    expect(readRpcParams("A=%ZZ")).toBeUndefined();
  });
});

describe("createRpcVerifier", () => {
  it("accepts a request that it would sign the same way", () => {
    expect(verifier()("POST", signed("POST", QUERY))).toBeUndefined();
  });

  it("refuses a changed value, method, nonce or name, and an added parameter", () => {
    const params = signed("POST", QUERY);
    const { CustSpaceId: _, ...without } = params;
    const changed: [string, Record<string, string>][] = [
      ["POST", { ...params, CustSpaceId: "c2" }],
      ["GET", params],
      ["POST", { ...params, SignatureNonce: "another" }],
      ["POST", { ...without, CustSpaceID: "c1" }],
      ["POST", { ...params, IsvCode: "x" }],
      ["POST", { ...params, Signature: `${params.Signature}=` }],
    ];
    const verify = verifier();
    expect(changed.map(([method, p]) => verify(method, p)?.code)).toEqual(
      Array(6).fill("SignatureDoesNotMatch"),
    );
    expect(verify("POST", params)).toBeUndefined();
  });

  it("echoes the signed text in its refusal, as the real gateway does", () => {
    const refusal = verifier()("POST", { ...signed("POST", QUERY), CustSpaceId: "spy" });
    expect(refusal?.message).toContain("CustSpaceId%3Dspy");
  });

  it("accepts a clock that is off by 15 minutes and refuses one second more, either way", () => {
    const at = (skew: number) => verifier(() => EPOCH + skew)("POST", signed("POST", QUERY))?.code;
    expect([at(15 * MINUTE), at(-15 * MINUTE)]).toEqual([undefined, undefined]);
    expect([at(15 * MINUTE + 1000), at(-15 * MINUTE - 1000)]).toEqual([
      "InvalidTimeStamp.Expired",
      "InvalidTimeStamp.Expired",
    ]);
  });

  it("refuses timestamps of another format", () => {
    const forms = [
      "2026-01-01T00:00:00.000Z",
      "2026-01-01 00:00:00",
      "1767225600",
      "",
      "2026-13-01T00:00:00Z",
    ];
    const codes = forms.map((Timestamp) =>
      verifier()("POST", signed("POST", QUERY, { Timestamp })),
    );
    expect(codes).toEqual(Array(5).fill({ code: "InvalidTimeStamp.Format" }));
  });

  it("refuses a nonce for 15 minutes after its use", () => {
    let now = EPOCH;
    const verify = verifier(() => now);
    const again = (Timestamp: string) =>
      verify("POST", signed("POST", QUERY, { SignatureNonce: "n1", Timestamp }))?.code;
    expect(again("2026-01-01T00:00:00Z")).toBeUndefined();
    now += 15 * MINUTE - 1;
    expect(again("2026-01-01T00:14:00Z")).toBe("SignatureNonceUsed");
    now += 1;
    expect(again("2026-01-01T00:15:00Z")).toBeUndefined();
  });

  it("does not use up the nonce of a request whose signature is wrong", () => {
    const verify = verifier();
    const params = signed("POST", QUERY);
    expect(verify("POST", { ...params, CustSpaceId: "c2" })?.code).toBe("SignatureDoesNotMatch");
    expect(verify("POST", params)).toBeUndefined();
  });

  it("names what is missing or unknown", () => {
    const code = (common: Record<string, string>) =>
      verifier()("POST", signed("POST", QUERY, common))?.code;
    expect(code({ AccessKeyId: "nobody" })).toBe("InvalidAccessKeyId.NotFound");
    expect(code({ SignatureMethod: "HMAC-SHA256" })).toBe("InvalidSignatureMethod");
    expect(code({ SignatureVersion: "2.0" })).toBe("IncompleteSignature");
    expect(code({ SignatureNonce: "" })).toBe("IncompleteSignature");
    expect(verifier()("POST", QUERY)?.code).toBe("IncompleteSignature");
  });

  it("demands the token of temporary credentials and refuses one for permanent ones", () => {
    const code = (token: string | undefined, common: Record<string, string>) =>
      verifier(() => EPOCH, token)("POST", signed("POST", QUERY, common))?.code;
    expect(code("t1", { SecurityToken: "t1" })).toBeUndefined();
    expect(code("t1", {})).toBe("MissingSecurityToken");
    expect(code("t1", { SecurityToken: "t2" })).toBe("InvalidSecurityToken.Malformed");
    expect(code(undefined, { SecurityToken: "t1" })).toBe("InvalidSecurityToken.Malformed");
  });
});
