import http from "node:http";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type SandboxUpstream, startUpstream } from "./upstream.ts";
import { CREDENTIALS, call, control, EPOCH, query } from "./upstream-test-client.ts";

let upstream: SandboxUpstream;
beforeEach(async () => {
  upstream = await startUpstream({ credentials: [CREDENTIALS], now: () => EPOCH, qps: 1 });
});
afterEach(() => upstream.close());

/** Posts to a control and returns its result. Any status but 200 fails the test. */
async function resultOf(path: string, body?: unknown) {
  const answer = await control(upstream.url, path, body);
  expect([answer.status, answer.text]).toEqual([200, expect.any(String)]);
  return answer.json().result;
}

const at = { custSpaceId: "c1", phoneNumber: "15550001" };

describe("the control of the sandbox upstream over HTTP", () => {
  it("creates, changes and removes customers and numbers", async () => {
    const numbers = [{ PhoneNumber: "15550001" }, { PhoneNumber: "15550002" }];
    expect(await resultOf("add-customer", { custSpaceId: "c1", numbers })).toBeNull();
    await resultOf("connect", at);
    await resultOf("review-name", { ...at, nameStatus: "Rejected" });
    await resultOf("set-number", { ...at, fields: { QualityRating: "RED", UpQueue: null } });
    await resultOf("remove-number", { ...at, phoneNumber: "15550002" });
    const shown = (await resultOf("numbers", { custSpaceId: "c1" })) as object[];
    expect(shown).toMatchObject([
      {
        PhoneNumber: "15550001",
        Status: "CONNECTED",
        QualityRating: "RED",
        NameStatus: "Rejected",
      },
    ]);
    expect(shown[0]).not.toHaveProperty("UpQueue");
    expect(upstream.control.numbers("c1")).toEqual(shown);
  });

  it("queues and clears faults and refuses customers", async () => {
    const code = async () => {
      upstream.control.clearCalls();
      return (await call(upstream.url, query("c1"))).json().Code;
    };
    await resultOf("add-customer", { custSpaceId: "c1" });
    await resultOf("fault", { kind: "code", code: "X" });
    expect(await code()).toBe("X");
    await resultOf("fault", { kind: "code", code: "X" });
    await resultOf("clear-faults");
    await resultOf("refuse", { custSpaceId: "c1", code: "Product.Unsubscript" });
    expect(await code()).toBe("Product.Unsubscript");
    await resultOf("refuse", { custSpaceId: "c1", code: null });
    expect(await code()).toBe("Throttling.User");
    expect(await resultOf("throttled-count")).toBe(1);
  });

  it.each([
    ["held back", true, 0],
    ["let go again", false, 1],
  ])("counts the numbers that Query lists when %s", async (_name, on, count) => {
    await resultOf("add-customer", { custSpaceId: "c1" });
    expect(await resultOf("lag", { custSpaceId: "c1", on: true })).toBeNull();
    await resultOf("set-number", { ...at, fields: {} });
    await resultOf("lag", { custSpaceId: "c1", on });
    expect((await call(upstream.url, query("c1"))).json().PhoneNumbers).toHaveLength(count);
    expect(await resultOf("numbers", { custSpaceId: "c1" })).toHaveLength(1);
  });

  it("returns the recorded calls and clears them", async () => {
    await call(upstream.url, query("c9"));
    expect(await resultOf("calls")).toMatchObject([
      { action: "QueryChatappPhoneNumbers", custSpaceId: "c9", code: "Unknown.ResourceOwnerId" },
    ]);
    await resultOf("clear-calls");
    expect(await resultOf("calls")).toEqual([]);
  });

  it.each([
    [403, "a page of another site", "POST", { origin: "https://elsewhere.example" }],
    [403, "a page of another port", "POST", { origin: "http://127.0.0.1:1" }],
    [403, "a browser that names its site alone", "POST", { "sec-fetch-site": "cross-site" }],
    [403, "another name for this machine", "POST", { host: "rebound.example" }],
    [403, "a form", "POST", { "content-type": "text/plain" }],
    [403, "a script's GET", "GET", { "sec-fetch-site": "cross-site", "sec-fetch-mode": "cors" }],
    [405, "a link", "GET", { "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate" }],
    [200, "a program", "POST", {}],
  ])("answers %i to %s", async (status, _name, method, over) => {
    const headers = { "content-type": "application/json", ...over };
    const answered = await new Promise<number | undefined>((resolve, reject) => {
      const url = `${upstream.url}/~control/add-customer`;
      const request = http.request(url, { method, headers }, (response) => {
        response.resume();
        resolve(response.statusCode);
      });
      request.on("error", reject);
      request.end(method === "POST" ? '{"custSpaceId":"c1"}' : undefined);
    });
    expect(answered).toBe(status);
    expect(upstream.control.customers()).toEqual(status === 200 ? ["c1"] : []);
  });

  it("refuses an unknown path, customer, number or kind, and an invalid body", async () => {
    await resultOf("add-customer", { custSpaceId: "c1" });
    const status = async (path: string, body: unknown) =>
      (await control(upstream.url, path, body)).status;
    expect(await status("no-such", {})).toBe(404);
    expect(await status("toString", {})).toBe(404);
    expect(await status("numbers", { custSpaceId: "c2" })).toBe(400);
    expect(await status("connect", at)).toBe(400);
    expect(await status("fault", { kind: "earthquake" })).toBe(400);
    expect(await status("fault", { kind: "slow" })).toBe(400);
    expect(await status("numbers", [])).toBe(400);
    expect(await status("lag", { custSpaceId: "c1" })).toBe(400);
    expect(await status("lag", { custSpaceId: "c2", on: true })).toBe(400);
  });
});
