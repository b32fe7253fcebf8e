import http from "node:http";
import { setImmediate as turn } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Fault } from "./cams-faults.ts";
import { type SandboxUpstream, startUpstream } from "./upstream.ts";
import { add, CREDENTIALS, call, EPOCH, query, signed } from "./upstream-test-client.ts";

let upstream: SandboxUpstream;
beforeEach(async () => {
  upstream = await startUpstream({ credentials: [CREDENTIALS], now: () => EPOCH });
  upstream.control.addCustomer("c1", [{ PhoneNumber: "1" }, { PhoneNumber: "2" }]);
});
afterEach(() => upstream.close());

/** Adds a number under this fault. Returns what the client saw and whether the number exists. */
async function addUnder(fault: Fault) {
  upstream.control.fault(fault);
  const seen = await call(upstream.url, add("c1")).then(
    ({ status, text }) => ({ status, text }),
    (error: NodeJS.ErrnoException) => ({ status: 0, text: error.code ?? error.message }),
  );
  const there = upstream.control.numbers("c1").length === 3;
  const [recorded] = upstream.control.calls();
  expect(recorded).toMatchObject({ fault: fault.kind, executed: there });
  return { ...seen, there };
}

async function queryUnder(fault: Fault) {
  upstream.control.fault(fault);
  return (await call(upstream.url, query("c1"))).json();
}

const names = (body: Record<string, unknown>) =>
  (body.PhoneNumbers as { PhoneNumber?: string }[]).map((row) => row.PhoneNumber);

describe("a fault that breaks the reply", () => {
  it.each<[Fault, number, string | RegExp, boolean]>([
    [{ kind: "html-502" }, 502, /^<html>/, false],
    [{ kind: "html-502", acts: true }, 502, /^<html>/, true],
    [{ kind: "empty-body" }, 200, "", false],
    [{ kind: "array-body" }, 200, "[]", false],
    [{ kind: "null-body" }, 200, "null", false],
    [{ kind: "http-500" }, 500, /"Code":"OK"/, true],
    [{ kind: "http-500", acts: false }, 500, /"Code":"OK"/, false],
    [{ kind: "reset-before" }, 0, "ECONNRESET", false],
    [{ kind: "reset-after" }, 0, "ECONNRESET", true],
    [{ kind: "truncated" }, 0, "ECONNRESET", true],
    [{ kind: "throttle" }, 400, /"Code":"Throttling.User"/, false],
    [{ kind: "code", code: "InternalError" }, 500, /"Code":"InternalError"/, false],
    [
      { kind: "code", code: "X", message: "y", status: 200 },
      200,
      /"Code":"X","Message":"y"/,
      false,
    ],
  ])("%o has the effect of its name", async (fault, status, text, there) => {
    const seen = await addUnder(fault);
    expect(seen).toEqual({
      status,
      text: typeof text === "string" ? text : expect.stringMatching(text),
      there,
    });
  });

  it("truncated sends the first half of the JSON with the whole length", async () => {
    upstream.control.fault({ kind: "truncated" });
    const params = new URLSearchParams(signed("GET", query("c1"))).toString();
    const [length, text] = await new Promise<[number, string]>((resolve) => {
      http.get(`${upstream.url}/?${params}`, (response) => {
        let text = "";
        response.on("data", (chunk: Buffer) => {
          text += chunk.toString();
        });
        response.on("error", () => resolve([Number(response.headers["content-length"]), text]));
      });
    });
    expect(text).toMatch(/^\{"RequestId":.*"PhoneNumber":"1"/);
    expect(text.length).toBe(Math.floor(length / 2));
  });

  it("throttle sends how long to wait if it is given", async () => {
    upstream.control.fault({ kind: "throttle", retryAfterMs: 1500 });
    const answer = await call(upstream.url, query("c1"));
    expect(answer.headers["x-acs-retry-after"]).toBe("1500");
    expect(upstream.control.throttledCount()).toBe(0);
  });
});

describe("a fault of time", () => {
  it.each([true, false])("hang never answers, acting: %s, until close", async (acts) => {
    upstream.control.fault({ kind: "hang", acts });
    const pending = call(upstream.url, add("c1")).catch((error: { code?: string }) => error.code);
    while (upstream.control.calls().length === 0) await turn();
    expect(upstream.control.numbers("c1")).toHaveLength(acts ? 3 : 2);
    expect(upstream.control.calls()).toMatchObject([{ code: undefined, executed: acts }]);
    await upstream.close();
    expect(await pending).toBe("ECONNRESET");
  });

  it("slow replies late with the state at the time of the request", async () => {
    upstream.control.fault({ kind: "slow", delayMs: 30 });
    const pending = call(upstream.url, query("c1"));
    while (upstream.control.calls().length === 0) await turn();
    let answered = false;
    void pending.then(() => {
      answered = true;
    });
    upstream.control.removeNumber("c1", "1");
    expect(names((await call(upstream.url, query("c1"))).json())).toEqual(["2"]);
    expect(answered).toBe(false);
    expect(names((await pending).json())).toEqual(["1", "2"]);
  });
});

describe("a fault of the list", () => {
  it("empty-list hides the numbers and keeps them", async () => {
    expect(names(await queryUnder({ kind: "empty-list" }))).toEqual([]);
    expect(upstream.control.numbers("c1")).toHaveLength(2);
  });

  it("reordered reverses the list", async () => {
    expect(names(await queryUnder({ kind: "reordered" }))).toEqual(["2", "1"]);
  });

  it("malformed-row puts a number in place of one object", async () => {
    const { PhoneNumbers } = await queryUnder({ kind: "malformed-row" });
    expect(PhoneNumbers).toMatchObject([42, { PhoneNumber: "2" }]);
  });

  it("unknown-fields adds fields to the reply, not to the state", async () => {
    const body = await queryUnder({ kind: "unknown-fields" });
    expect(body.SandboxNewField).toEqual({ Since: 2030 });
    expect(body.PhoneNumbers).toMatchObject([
      { PhoneNumber: "1", Status: "PENDING", SandboxNewField: "unheard-of" },
      { PhoneNumber: "2", Status: "PENDING", SandboxNewField: "unheard-of" },
    ]);
    expect(upstream.control.numbers("c1")[0]).not.toHaveProperty("SandboxNewField");
  });
});

describe("the queue of faults", () => {
  const code = async (business: Record<string, string>) =>
    (await call(upstream.url, business)).json().Code;

  it("applies a fault to the first requests of its action and customer, up to its count", async () => {
    upstream.control.addCustomer("c2");
    const action = "QueryChatappPhoneNumbers";
    upstream.control.fault({ kind: "code", code: "X", action, custSpaceId: "c2", count: 2 });
    expect(await code(query("c1"))).toBe("OK");
    expect(await code(add("c2"))).toBe("OK");
    expect([await code(query("c2")), await code(query("c2"))]).toEqual(["X", "X"]);
    expect(await code(query("c2"))).toBe("OK");
  });

  it("keeps a fault of the list for Query, and knows the account itself as self", async () => {
    upstream.control.fault({ kind: "empty-list" });
    expect(await code(add("c1"))).toBe("OK");
    expect(names((await call(upstream.url, query("c1"))).json())).toEqual([]);
    upstream.control.fault({ kind: "empty-list", custSpaceId: "self" });
    upstream.control.addCustomer("self", [{ PhoneNumber: "9" }]);
    const own = await call(upstream.url, { Action: "QueryChatappPhoneNumbers" });
    expect(names(own.json())).toEqual([]);
  });

  it("comes before the limit, which does not count it", async () => {
    upstream.control.fault({ kind: "code", code: "X", count: 5 });
    const codes = [];
    for (let n = 0; n < 16; n += 1) codes.push(await code(query("c1")));
    expect(codes).toEqual([...Array(5).fill("X"), ...Array(10).fill("OK"), "Throttling.User"]);
  });

  it("records a Query as not executed if the fault does not act", async () => {
    upstream.control.fault({ kind: "null-body" });
    await call(upstream.url, query("c1"));
    expect(upstream.control.calls()).toMatchObject([{ executed: false, code: undefined }]);
  });

  it("is empty after clear-faults", async () => {
    upstream.control.fault({ kind: "html-502" });
    upstream.control.clearFaults();
    expect(await code(query("c1"))).toBe("OK");
  });
});
