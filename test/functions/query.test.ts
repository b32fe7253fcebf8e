import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { apiGatewayEvent } from "../support/fc-events.ts";
import {
  API_KEYS,
  type FunctionRig,
  queryEvent,
  startFunctionRig,
} from "../support/function-deps.ts";

let rig: FunctionRig;
beforeEach(async () => {
  rig = await startFunctionRig();
});
afterEach(() => rig.close());

const ask = (query: Record<string, string> = {}, key: string = API_KEYS.any) =>
  rig.query(queryEvent({ query, key }));

/** The parameters of the last call that name what is queried. */
function lastParams() {
  const call = rig.upstream.control.calls().at(-1);
  const { CustSpaceId, IsvCode, Status } = Object.fromEntries(new URLSearchParams(call?.rawBody));
  return JSON.parse(JSON.stringify({ CustSpaceId, IsvCode, Status }));
}

describe("query", () => {
  it("returns every upstream field under its camelCase name, with its value unchanged", async () => {
    rig.upstream.control.addCustomer("acme", [{ PhoneNumber: "4915111", VerifiedName: "Ä" }]);
    const { status, body, headers } = await ask({ custSpaceId: "acme" });
    expect(status).toBe(200);
    expect(body).toEqual({
      source: "live",
      phoneNumbers: [
        {
          phoneNumber: "4915111",
          verifiedName: "Ä",
          status: "PENDING",
          qualityRating: "UNKNOWN",
          codeVerificationStatus: "NOT_VERIFIED",
          nameStatus: "Pending_Review",
          newNameStatus: "NONE",
          messagingLimitTier: "TIER_NOT_SET",
          statusCallbackUrl: "https://callback.example/status",
          upCallbackUrl: "https://callback.example/up",
          statusQueue: "sandbox-status-queue",
          upQueue: "sandbox-up-queue",
          isOfficial: "N",
        },
      ],
      requestId: expect.stringMatching(/^[0-9A-F-]{36}$/),
    });
    expect(headers["cache-control"]).toBe("no-store");
  });

  it("renames nested fields and lists too, and keeps unknown fields", async () => {
    const WeeklyOperatingHours = [{ DayOfWeek: "MONDAY", OpenTime: "0900" }, "Closed"];
    const CallingConfigure = { Calling: { CallHours: { WeeklyOperatingHours } }, MaxTalkTime: 3 };
    rig.upstream.control.addCustomer("acme", [
      { PhoneNumber: "1", CallingConfigure, NewThing: null, already: true },
    ]);
    const { body } = await ask({ custSpaceId: "acme" });
    expect((body.phoneNumbers as unknown[])[0]).toMatchObject({
      callingConfigure: {
        calling: {
          callHours: {
            weeklyOperatingHours: [{ dayOfWeek: "MONDAY", openTime: "0900" }, "Closed"],
          },
        },
        maxTalkTime: 3,
      },
      newThing: null,
      already: true,
    });
  });

  it.each([
    ["no custSpaceId", {}],
    ["custSpaceId=self", { custSpaceId: "self" }],
  ])("queries the account itself with %s", async (_name, query) => {
    rig.upstream.control.addCustomer("self", [{ PhoneNumber: "4930" }]);
    const { body } = await ask(query as Record<string, string>);
    expect(body.phoneNumbers).toMatchObject([{ phoneNumber: "4930" }]);
    expect(lastParams()).toEqual({});
  });

  it("passes status and isvCode on unchanged", async () => {
    const status = "a&B=c%20+d/~";
    await ask({ custSpaceId: "acme", status, isvCode: "isv.1:2" });
    expect(lastParams()).toEqual({
      CustSpaceId: "acme",
      Status: "a&B=c%20+d/~",
      IsvCode: "isv.1:2",
    });
  });

  it("queries the upstream with source=live, and does not send that word", async () => {
    const { status, body } = await ask({ custSpaceId: "acme", source: "live" });
    expect([status, body.phoneNumbers]).toEqual([200, []]);
    expect(rig.upstream.control.calls().at(-1)?.rawBody).not.toContain("ource");
  });

  it("stores nothing", async () => {
    await ask({ custSpaceId: "acme" });
    expect(await rig.rows()).toEqual({});
  });

  it("needs no store for a live query", async () => {
    const openStore = () => Promise.reject(new Error("no store"));
    const other = await startFunctionRig({ openStore });
    try {
      expect((await other.query(queryEvent())).status).toBe(200);
    } finally {
      await other.close();
    }
  });

  it("responds to HEAD as to GET without a body, and to OPTIONS without a key", async () => {
    const head = await rig.query(queryEvent({ method: "HEAD" }));
    expect([head.status, head.text]).toEqual([200, ""]);
    const options = await rig.query(queryEvent({ method: "OPTIONS", key: null }));
    expect([options.status, options.headers.allow]).toEqual([204, "GET, HEAD, OPTIONS"]);
  });

  it("responds behind an API Gateway as well", async () => {
    const authorization = `Bearer ${API_KEYS.any}`;
    const event = apiGatewayEvent({ method: "GET", path: "/query", headers: { authorization } });
    expect((await rig.query(event)).status).toBe(200);
  });
});

describe("query and the scope of a key", () => {
  const { any, acme, self } = API_KEYS;

  it.each([
    ["every customer", any, { custSpaceId: "acme" }, 200],
    ["every customer", any, {}, 200],
    ["every customer", any, { custSpaceId: "acme", isvCode: "i" }, 200],
    ["acme", acme, { custSpaceId: "acme" }, 200],
    ["acme", acme, { custSpaceId: "acme", status: "X" }, 200],
    ["acme", acme, { custSpaceId: "beta" }, 403],
    ["acme", acme, { custSpaceId: "ACME" }, 403],
    ["acme", acme, {}, 403],
    ["acme", acme, { custSpaceId: "self" }, 403],
    ["acme", acme, { custSpaceId: "acme", isvCode: "i" }, 403],
    ["acme", acme, { custSpaceId: "beta", source: "stored" }, 403],
    ["self", self, {}, 200],
    ["self", self, { custSpaceId: "self" }, 200],
    ["self", self, { custSpaceId: "acme" }, 403],
    ["self", self, { isvCode: "i" }, 403],
  ])("a key for %s, %o %o: %i", async (_scope, key, query, status) => {
    rig.upstream.control.addCustomer("beta");
    const answer = await ask(query as Record<string, string>, key);
    expect(answer.status).toBe(status);
    expect(rig.calls().queries).toBe(status === 200 ? 1 : 0);
    if (status === 403) expect(answer.body.code).toBe("ERR_FORBIDDEN");
  });
});
