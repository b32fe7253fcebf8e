import http from "node:http";
import RpcClient from "@alicloud/pop-core/lib/rpc.js";
import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import { SEED } from "../support/seed.ts";
import { type SandboxUpstream, startUpstream, type UpstreamOptions } from "./upstream.ts";
import { add, CREDENTIALS, call, EPOCH, query, send, signed } from "./upstream-test-client.ts";

const open: SandboxUpstream[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((upstream) => upstream.close()));
});

async function start(options: Partial<UpstreamOptions> = {}) {
  const upstream = await startUpstream({
    credentials: [CREDENTIALS],
    now: () => EPOCH,
    ...options,
  });
  open.push(upstream);
  upstream.control.addCustomer("c1");
  return upstream;
}

const FRESH = {
  PhoneNumber: "8613800000001",
  VerifiedName: "Example",
  Status: "PENDING",
  QualityRating: "UNKNOWN",
  CodeVerificationStatus: "NOT_VERIFIED",
  NameStatus: "Pending_Review",
  NewNameStatus: "NONE",
  MessagingLimitTier: "TIER_NOT_SET",
  StatusCallbackUrl: "https://callback.example/status",
  UpCallbackUrl: "https://callback.example/up",
  StatusQueue: "sandbox-status-queue",
  UpQueue: "sandbox-up-queue",
  IsOfficial: "N",
};

describe("the sandbox upstream's operations", () => {
  it("reply to Add with the documented sample and to Query with the new number", async () => {
    const { url } = await start();
    const added = await call(url, add("c1"));
    expect(added.status).toBe(200);
    expect(added.json()).toEqual({
      AccessDeniedDetail: "None",
      Message: "None",
      RequestId: expect.stringMatching(/^[0-9A-F-]{36}$/),
      Code: "OK",
      Success: false,
    });
    expect((await call(url, query("c1"))).json()).toEqual({
      RequestId: expect.stringMatching(/^[0-9A-F-]{36}$/),
      Code: "OK",
      Message: "None",
      AccessDeniedDetail: "None",
      PhoneNumbers: [FRESH],
    });
  });

  it("list a connected number as one that can send", async () => {
    const { url, control } = await start();
    await call(url, add("c1"));
    control.connect("c1", "8613800000001");
    control.reviewName("c1", "8613800000001", "Approval");
    expect((await call(url, query("c1"))).json().PhoneNumbers).toEqual([
      {
        ...FRESH,
        Status: "CONNECTED",
        CodeVerificationStatus: "VERIFIED",
        QualityRating: "GREEN",
        MessagingLimitTier: "TIER_250",
        NameStatus: "Approval",
      },
    ]);
  });

  it("reply OK to a known number and do not change it", async () => {
    const { url, control } = await start();
    await call(url, add("c1"));
    control.connect("c1", "8613800000001");
    expect((await call(url, { ...add("c1"), VerifiedName: "Other" })).json().Code).toBe("OK");
    expect(control.numbers("c1")).toMatchObject([{ Status: "CONNECTED", VerifiedName: "Example" }]);
  });

  it("accept GET and POST, and no CustSpaceId for the account itself", async () => {
    const { url, control } = await start();
    control.addCustomer("self", [{ PhoneNumber: "15550001" }]);
    const answer = await send(url, "GET", signed("GET", { Action: "QueryChatappPhoneNumbers" }));
    expect(answer.json().PhoneNumbers).toMatchObject([{ PhoneNumber: "15550001" }]);
    expect((await call(url, query("self"))).json().Code).toBe("Unknown.ResourceOwnerId");
  });

  it("filter by Status and by CodeVerificationStatus", async () => {
    const { url, control } = await start();
    control.addCustomer("c1", [{ PhoneNumber: "1" }, { PhoneNumber: "2", Status: "BANNED" }]);
    control.connect("c1", "1");
    const of = async (Status: string) =>
      (await call(url, { ...query("c1"), Status })).json().PhoneNumbers;
    expect(await of("BANNED")).toMatchObject([{ PhoneNumber: "2" }]);
    expect(await of("VERIFIED")).toMatchObject([{ PhoneNumber: "1" }]);
    expect(await of("verified")).toEqual([]);
  });

  it("refuse missing, malformed or unknown parameters with the documented code and status", async () => {
    const { url, control } = await start();
    const codes: [Record<string, string>, number, string][] = [
      [{ ...add("c1"), Cc: "" }, 400, "MissingCc"],
      [{ ...add("c1"), VerifiedName: "" }, 400, "MissingVerifiedName"],
      [add(""), 400, "MissingCustSpaceId"],
      [add("c1", "+138"), 400, "InvalidParameter.PhoneNumberError"],
      [add("c1", "undefined"), 400, "InvalidParameter.PhoneNumberError"],
      [query("c2"), 400, "Unknown.ResourceOwnerId"],
      [{ Action: "DeleteInstance" }, 404, "InvalidApi.NotFound"],
      [{ ...query("c1"), Version: "2014-05-26" }, 404, "NoSuchVersion"],
      [{ ...query("c1"), Timestamp: "now" }, 400, "InvalidTimeStamp.Format"],
    ];
    for (const [business, status, code] of codes) {
      const answer = await call(url, business);
      expect([answer.status, answer.json().Code]).toEqual([status, code]);
    }
    expect(control.numbers("c1")).toEqual([]);
    expect(Object.keys((await call(url, query("c2"))).json())).toEqual([
      "RequestId",
      "HostId",
      "Code",
      "Message",
      "Recommend",
    ]);
  });

  it("refuse one customer with a given code until that ends", async () => {
    const { url, control } = await start();
    control.addCustomer("c2");
    control.refuse("c1", "Ram.PermissionDeny");
    const refused = await call(url, add("c1"));
    expect([refused.status, refused.json().Code]).toEqual([403, "Ram.PermissionDeny"]);
    expect((await call(url, query("c2"))).json().Code).toBe("OK");
    control.refuse("c1", undefined);
    expect((await call(url, query("c1"))).json()).toMatchObject({ Code: "OK", PhoneNumbers: [] });
  });

  it("drop a field from the replies, and keep a display form apart from the key", async () => {
    const { url, control } = await start();
    control.setNumber("c1", "15550001", { PhoneNumber: "+1 555-0001", QualityRating: undefined });
    control.setNumber("c1", "15550001", { Status: "FLAGGED" });
    const { PhoneNumbers } = (await call(url, query("c1"))).json();
    expect(PhoneNumbers).toMatchObject([{ PhoneNumber: "+1 555-0001", Status: "FLAGGED" }]);
    expect((PhoneNumbers as object[])[0]).not.toHaveProperty("QualityRating");
    expect(control.numbers("c1")[0]).not.toHaveProperty("QualityRating");
    control.removeNumber("c1", "15550001");
    expect(control.numbers("c1")).toEqual([]);
  });
});

describe("the sandbox upstream", () => {
  it("verifies 200 names as pop-core signs them in a POST body", async () => {
    const { url, control } = await start({ qps: 1_000_000, now: Date.now });
    const client = new RpcClient({ endpoint: url, apiVersion: "2020-06-06", ...CREDENTIALS });
    let serial = 15_550_000;
    const names = fc.string({ unit: "binary", minLength: 1, maxLength: 40 });
    const property = fc.asyncProperty(names, async (VerifiedName) => {
      serial += 1;
      const { Action: _, ...business } = { ...add("c1", String(serial)), VerifiedName };
      await client.request("AddChatappPhoneNumber", business, { method: "POST" });
      expect(control.numbers("c1").at(-1)).toMatchObject({ VerifiedName });
    });
    const examples: [string][] = [["阿里巴巴 Café ~*!()'\"&=+%"], [" "], ["a\u0000b"], ["👩‍👩‍👧"]];
    await fc.assert(property, { seed: SEED, numRuns: 200, examples });
    expect(control.calls().every((entry) => entry.rawQuery === "" && entry.executed)).toBe(true);
  });

  it("refuses a repeated request and records both", async () => {
    const { url, control } = await start();
    const params = signed("POST", add("c1"));
    expect((await send(url, "POST", params)).json().Code).toBe("OK");
    const again = await send(url, "POST", params);
    expect([again.status, again.json().Code]).toEqual([400, "SignatureNonceUsed"]);
    expect(control.calls()).toMatchObject([
      { action: "AddChatappPhoneNumber", custSpaceId: "c1", phoneNumber: "8613800000001" },
      { code: "SignatureNonceUsed", executed: false, method: "POST", rawQuery: "", at: EPOCH },
    ]);
  });

  it("serves several calls over one connection", async () => {
    const { url } = await start();
    const agent = new http.Agent({ keepAlive: true });
    const ports = new Set<number | undefined>();
    for (let n = 0; n < 3; n += 1) ports.add((await call(url, query("c1"), { agent })).localPort);
    agent.destroy();
    expect(ports.size).toBe(1);
  });
});

describe("the sandbox upstream's limit", () => {
  it.each([
    ["sliding", "900"],
    ["fixed", "900"],
    ["bucket", "100"],
  ] as const)(
    "turns the eleventh call of a %s second away with a hint of %s ms",
    async (ratePolicy, hint) => {
      let now = EPOCH;
      const { url, control } = await start({ ratePolicy, now: () => now });
      const burst = async () => {
        const answers = await Promise.all(Array.from({ length: 11 }, () => call(url, query("c1"))));
        return answers.map(({ status }) => status).filter((status) => status === 200).length;
      };
      expect(await burst()).toBe(10);
      expect(control.throttledCount()).toBe(1);
      expect((await call(url, add("c1"))).status).toBe(200);
      // At +100 the bucket would have won a slot back.
      now += ratePolicy === "bucket" ? 0 : 100;
      const refused = await call(url, query("c1"));
      expect([refused.status, refused.json().Code]).toEqual([400, "Throttling.User"]);
      expect(refused.headers["x-acs-retry-after"]).toBe(hint);
      now = EPOCH + 1000;
      expect(await burst()).toBe(10);
      expect(control.throttledCount()).toBe(3);
    },
  );
});
