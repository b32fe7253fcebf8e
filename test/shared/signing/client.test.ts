import fc from "fast-check";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { SEED } from "../../support/seed.ts";
import {
  type Connect,
  failureOf,
  NUMBER,
  type Rig,
  type RigOptions,
  sentParams,
  shown,
  startRig,
  VARIANTS,
} from "./client-rig.ts";

const COMMON = [
  "AccessKeyId",
  "Action",
  "Format",
  "SecurityToken",
  "Signature",
  "SignatureMethod",
  "SignatureNonce",
  "SignatureVersion",
  "Timestamp",
  "Version",
];
const IN_TIME = { deadlineAt: 60_000 };

describe.each(VARIANTS)("%s", (_name, load) => {
  let create: Connect;
  let rig: Rig | undefined;
  beforeAll(async () => {
    create = await load();
  });
  afterEach(async () => {
    await rig?.close();
    rig = undefined;
  });
  const start = async (options?: RigOptions) => {
    rig = await startRig(create, options);
    return rig;
  };

  describe("the request", () => {
    it("of add is one POST with an empty query and only these parameters in the form", async () => {
      const { upstream, sandbox } = await start();

      await upstream.add({ ...NUMBER, preValidateId: "pre-1" }, IN_TIME);

      const [call, ...others] = sandbox.control.calls();
      expect(others).toEqual([]);
      expect(call).toMatchObject({ method: "POST", rawQuery: "", code: "OK", executed: true });
      const params = sentParams(call?.rawBody ?? "");
      expect(Object.keys(params).sort()).toEqual(
        [...COMMON, "Cc", "CustSpaceId", "PhoneNumber", "PreValidateId", "VerifiedName"].sort(),
      );
      expect(params).toMatchObject({
        Action: "AddChatappPhoneNumber",
        Version: "2020-06-06",
        Format: "JSON",
        SignatureMethod: "HMAC-SHA1",
        SignatureVersion: "1.0",
        CustSpaceId: "cust-1",
        Cc: "86",
        PhoneNumber: "13800000001",
        VerifiedName: "Example",
        PreValidateId: "pre-1",
      });
    });

    it("of query is one POST with an empty query and only these parameters in the form", async () => {
      const { upstream, sandbox } = await start();

      await upstream.query({ custSpaceId: "cust-1", isvCode: "isv", status: "CONNECTED" }, IN_TIME);

      const [call] = sandbox.control.calls();
      expect(call).toMatchObject({ method: "POST", rawQuery: "", code: "OK" });
      const params = sentParams(call?.rawBody ?? "");
      expect(Object.keys(params).sort()).toEqual(
        [...COMMON, "CustSpaceId", "IsvCode", "Status"].sort(),
      );
      expect(params).toMatchObject({
        Action: "QueryChatappPhoneNumbers",
        CustSpaceId: "cust-1",
        IsvCode: "isv",
        Status: "CONNECTED",
      });
    });

    it("leaves out undefined parameters", async () => {
      const { upstream, sandbox } = await start();

      await upstream.query(
        { custSpaceId: undefined, isvCode: undefined, status: undefined },
        IN_TIME,
      );

      const [call] = sandbox.control.calls();
      expect(Object.keys(sentParams(call?.rawBody ?? "")).sort()).toEqual(COMMON);
    });

    it("leaves out parameters that are not listed, in any spelling", async () => {
      const { upstream, sandbox } = await start();
      const hostile = {
        Action: "DeleteChatappPhoneNumber",
        action: "DeleteChatappPhoneNumber",
        AccessKeyId: "other",
        accessKeyId: "other",
        SignatureNonce: "fixed",
        signatureNonce: "fixed",
        securityToken: "other",
        timestamp: "2000-01-01T00:00:00Z",
        Version: "1999-01-01",
        Format: "XML",
      };

      await upstream.add({ ...NUMBER, ...hostile }, IN_TIME);
      await upstream.query({ custSpaceId: "cust-1", ...hostile }, IN_TIME);

      const [add, query] = sandbox.control.calls().map((call) => sentParams(call.rawBody));
      expect(add).toMatchObject({ Action: "AddChatappPhoneNumber", Format: "JSON" });
      expect(Object.keys(add ?? {}).sort()).toEqual(
        [...COMMON, "Cc", "CustSpaceId", "PhoneNumber", "VerifiedName"].sort(),
      );
      expect(query).toMatchObject({ Action: "QueryChatappPhoneNumbers", Format: "JSON" });
      expect(Object.keys(query ?? {}).sort()).toEqual([...COMMON, "CustSpaceId"].sort());
    });

    it("carries a fresh nonce of this project at each try", async () => {
      const { upstream, sandbox, nonces } = await start();
      sandbox.control.fault({ kind: "throttle", count: 2 });

      for (let n = 0; n < 20; n += 1) await upstream.query({ custSpaceId: "cust-1" }, IN_TIME);

      const sent = sandbox.control.calls().map((call) => sentParams(call.rawBody).SignatureNonce);
      expect(sent).toHaveLength(22);
      expect(new Set(sent).size).toBe(22);
      expect(sent).toEqual(nonces);
    });

    it("carries the STS token, which the upstream requires for the key", async () => {
      const { upstream, sandbox } = await start();
      await upstream.query({}, IN_TIME);
      expect(sentParams(sandbox.control.calls()[0]?.rawBody ?? "").SecurityToken).toBe(
        "sandbox/security+token==",
      );
      await rig?.close();

      const without = await start({ credentials: "without token" });
      const error = await failureOf(without.upstream.query({}, IN_TIME));
      expect(shown(error)).toMatchObject({
        code: "ERR_UPSTREAM_ACCOUNT",
        facts: { upstreamCode: "MissingSecurityToken" },
      });
    });
  });

  describe("the signature", () => {
    it("is valid for a name with every awkward kind of character", async () => {
      const { upstream, sandbox } = await start();
      const verifiedName = `阿里巴巴 Café ~*!()'"&=+%`;

      await upstream.add({ ...NUMBER, verifiedName }, IN_TIME);

      expect(sandbox.control.calls()[0]?.rawBody).toContain(
        "VerifiedName=%E9%98%BF%E9%87%8C%E5%B7%B4%E5%B7%B4%20Caf%C3%A9%20~%2A%21%28%29%27%22%26%3D%2B%25&",
      );
      expect(sandbox.control.numbers("cust-1")).toContainEqual(
        expect.objectContaining({ PhoneNumber: "8613800000001", VerifiedName: verifiedName }),
      );
    });

    it("is valid for 200 random names, which arrive unchanged", async () => {
      const { upstream, sandbox } = await start();
      const name = fc.string({ unit: "binary", minLength: 1, maxLength: 40 });
      await fc.assert(
        fc.asyncProperty(name, async (verifiedName) => {
          sandbox.control.clearCalls();
          await upstream.add({ ...NUMBER, verifiedName }, IN_TIME);
          const [call] = sandbox.control.calls();
          expect(call?.code).toBe("OK");
          expect(sentParams(call?.rawBody ?? "").VerifiedName).toBe(verifiedName);
        }),
        { seed: SEED, numRuns: 200 },
      );
    });
  });
});
