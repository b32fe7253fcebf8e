import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { fcContext } from "../support/fc-events.ts";
import {
  API_KEYS,
  addEvent,
  addOf,
  type FunctionRig,
  GOOD_ADD,
  startFunctionRig,
} from "../support/function-deps.ts";

let rig: FunctionRig;
beforeEach(async () => {
  rig = await startFunctionRig();
});
afterEach(() => rig.close());

/** The business parameters of the only call that reached the upstream. */
function sentParams(): Record<string, string> {
  const [call, ...rest] = rig.upstream.control.calls();
  expect(rest).toEqual([]);
  const params = Object.fromEntries(new URLSearchParams(call?.rawBody));
  const { CustSpaceId, Cc, PhoneNumber, VerifiedName, PreValidateId } = params;
  return JSON.parse(JSON.stringify({ CustSpaceId, Cc, PhoneNumber, VerifiedName, PreValidateId }));
}

describe("add", () => {
  it("responds with 201, the number, the upstream's request id and its success flag", async () => {
    const { status, headers, body } = await rig.add(addOf(GOOD_ADD));
    expect(status).toBe(201);
    expect(body).toEqual({
      phoneNumber: "4915112345678",
      custSpaceId: "acme",
      requestId: expect.stringMatching(/^[0-9A-F-]{36}$/),
      success: false,
      outcome: "accepted",
    });
    expect(headers["content-type"]).toBe("application/json; charset=utf-8");
    expect(headers["cache-control"]).toBe("no-store");
  });

  it("watches the customer and puts the number into the priority lane", async () => {
    await rig.add(addOf(GOOD_ADD));
    expect(await rig.rows()).toEqual({
      "c/acme": {
        schema: 1,
        seq: 1_767_323_045_000,
        numbers: {},
        pending: [],
        addIntents: [expect.stringMatching(/^[0-9a-f-]{36}$/)],
        onboarding: {
          "4915112345678": {
            cc: "49",
            addedAt: "2026-01-02T03:04:05.000Z",
            adds: [expect.any(String)],
          },
        },
      },
      "hot/acme": { schema: 1, addedAt: 1_767_323_045_000 },
    });
  });

  it("takes a preValidateId, which may be another customer's, from a key of every customer only", async () => {
    const body = { ...GOOD_ADD, preValidateId: "p.1" };
    const answer = await rig.add(addOf(body, { key: API_KEYS.acme }));
    expect([answer.status, answer.body.code]).toEqual([403, "ERR_FORBIDDEN"]);
    expect(rig.upstream.control.calls()).toEqual([]);
  });

  it("sends the given values, digits without the country code, and nothing else", async () => {
    const body = { ...GOOD_ADD, cc: "+49", phoneNumber: " (0151) 1234-5678", preValidateId: "p.1" };
    expect((await rig.add(addOf(body))).status).toBe(201);
    expect(sentParams()).toEqual({
      CustSpaceId: "acme",
      Cc: "49",
      PhoneNumber: "015112345678",
      VerifiedName: "Acme GmbH",
      PreValidateId: "p.1",
    });
  });

  it.each([
    ["as text", false],
    ["as base64", true],
  ])("accepts a multi-byte name %s", async (_name, base64) => {
    const verifiedName = "阿里巴巴 Café ~*!()'\"&=+% 🎉";
    const { status } = await rig.add(addOf({ ...GOOD_ADD, verifiedName }, { base64 }));
    expect(status).toBe(201);
    expect(rig.upstream.control.numbers("acme")[0]?.VerifiedName).toBe(verifiedName);
  });

  it.each(["/", "/add", "/numbers", "/numbers/"])("serves the path %s", async (path) => {
    expect((await rig.add(addOf(GOOD_ADD, { path }))).status).toBe(201);
  });

  it("responds to OPTIONS without a key and without a call", async () => {
    const { status, headers, text } = await rig.add(addEvent({ method: "OPTIONS", key: null }));
    expect([status, headers.allow, text]).toEqual([204, "POST, OPTIONS", ""]);
    expect(rig.calls()).toEqual({ adds: 0, queries: 0 });
  });

  it.each(["GET", "HEAD", "PUT", "DELETE", "PATCH"])("responds to %s with 405", async (method) => {
    const { status, headers } = await rig.add(addEvent({ method }));
    expect([status, headers.allow]).toEqual([405, "POST, OPTIONS"]);
  });

  it("lets a key add to its own customer only", async () => {
    rig.upstream.control.addCustomer("beta");
    const { acme, self } = API_KEYS;
    const other = { ...GOOD_ADD, custSpaceId: "beta" };
    expect((await rig.add(addOf(GOOD_ADD, { key: acme }))).status).toBe(201);
    expect((await rig.add(addOf(other, { key: acme }))).status).toBe(403);
    expect((await rig.add(addOf(GOOD_ADD, { key: self }))).status).toBe(403);
    expect(rig.calls()).toEqual({ adds: 1, queries: 0 });
    expect(Object.keys(await rig.rows())).toEqual(["c/acme", "hot/acme"]);
  });

  it("confirms an add without a response in the spelling of the list", async () => {
    rig.upstream.control.setNumber("acme", "5491123456789", { PhoneNumber: "+54 9 11 2345-6789" });
    rig.upstream.control.fault({ kind: "reset-before", action: "AddChatappPhoneNumber" });
    const body = { ...GOOD_ADD, cc: "54", phoneNumber: "1123456789" };
    expect((await rig.add(addOf(body))).body).toEqual({
      phoneNumber: "5491123456789",
      custSpaceId: "acme",
      requestId: expect.stringMatching(/^[0-9A-F-]{36}$/),
      outcome: "confirmed",
    });
  });

  it("looks in the customer's own list, whatever else the account has", async () => {
    rig.upstream.control.addCustomer("beta", [{ PhoneNumber: "4915112345678" }]);
    rig.upstream.control.fault({ kind: "reset-before", action: "AddChatappPhoneNumber" });
    expect((await rig.add(addOf(GOOD_ADD))).status).toBe(504);
    const [, query] = rig.upstream.control.calls();
    expect(query?.custSpaceId).toBe("acme");
  });

  it("logs one line for a request, with the number masked", async () => {
    await rig.add(addOf(GOOD_ADD), fcContext({ requestId: "req-1" }));
    expect(rig.lines.map((line) => JSON.parse(line))).toEqual([
      {
        time: "2026-01-02T03:04:05.000Z",
        level: "info",
        message: "request",
        requestId: "req-1",
        apiKey: "any",
        custSpaceId: "acme",
        number: "*******5678",
        method: "POST",
        path: "/",
        status: 201,
        durationMs: 0,
        from: "192.0.2.7",
        audit: true,
      },
    ]);
  });
});
