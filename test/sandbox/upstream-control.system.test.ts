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
