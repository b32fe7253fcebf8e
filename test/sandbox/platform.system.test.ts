import { request as httpRequest } from "node:http";
import { afterEach, describe, expect, it } from "vitest";
import { createHttpHandler } from "../../shared/http/http-handler.ts";
import { jsonResponse } from "../../shared/http/http-response.ts";
import { readJsonBody } from "../../shared/http/read-json.ts";
import { createLog } from "../../shared/log.ts";
import { fcContext } from "../support/fc-events.ts";
import { type Platform, type PlatformFunction, startPlatform } from "./platform.ts";

let platform: Platform | undefined;

afterEach(async () => {
  await platform?.close();
  platform = undefined;
});

async function open(functions: Readonly<Record<string, PlatformFunction>>): Promise<string> {
  platform = await startPlatform({ functions, context: () => fcContext({ requestId: "req-1" }) });
  return platform.url;
}

const echo = createHttpHandler({
  paths: ["/numbers"],
  methods: {
    GET: async ({ query }) => jsonResponse(200, { name: "名前 ✅", query }),
    POST: async (request) => jsonResponse(201, { got: readJsonBody(request) }),
  },
  log: createLog({ level: "error", now: () => 0, write: () => {} }),
  now: () => 0,
  newId: () => "made-id",
});

function recorder() {
  const events: Record<string, unknown>[] = [];
  const handler = async (event: Buffer) => {
    events.push(JSON.parse(event.toString()));
    return { statusCode: 200, body: "" };
  };
  return { events, handler };
}

describe("startPlatform", () => {
  it("counts the bytes of a multi-byte answer, not its characters", async () => {
    const url = await open({ query: { handler: echo, paths: ["/numbers"] } });

    const answer = await fetch(`${url}/numbers?a=${encodeURIComponent("é&=")}`);

    expect(answer.status).toBe(200);
    expect(answer.headers.get("content-length")).toBe("42");
    expect(answer.headers.get("x-request-id")).toBe("req-1");
    expect(await answer.text()).toBe('{"name":"名前 ✅","query":{"a":"é&="}}');
  });

  it("passes a multi-byte body on", async () => {
    const url = await open({ add: { handler: echo, paths: ["/numbers"] } });

    const answer = await fetch(`${url}/numbers`, {
      method: "POST",
      headers: { "content-type": "application/json; charset=utf-8" },
      body: '{"name":"名前"}',
    });

    expect(answer.status).toBe(201);
    expect(await answer.json()).toEqual({ got: { name: "名前" } });
  });

  it("gives HEAD and OPTIONS no content", async () => {
    const url = await open({ query: { handler: echo, paths: ["/numbers"] } });

    const head = await fetch(`${url}/numbers`, { method: "HEAD" });
    const options = await fetch(`${url}/numbers`, { method: "OPTIONS" });

    expect([head.status, await head.text()]).toEqual([200, ""]);
    expect([options.status, await options.text()]).toEqual([204, ""]);
    expect(options.headers.get("allow")).toBe("GET, POST, HEAD, OPTIONS");
  });

  it("builds the event as the platform does", async () => {
    const { events, handler } = recorder();
    const url = await open({ any: { handler, paths: ["/a"] } });

    await new Promise((resolve, reject) => {
      const headers = { "x-aCS-action": "A", "x-list": ["1", "2"], "user-agent": "test" };
      httpRequest(`${url}/a?b=1&b=2&c=`, { method: "PUT", headers }, resolve)
        .on("error", reject)
        .end("hé");
    });

    expect(events).toHaveLength(1);
    expect(events[0]).toMatchObject({
      version: "v1",
      rawPath: "/a",
      headers: { "X-Acs-Action": "A", "X-List": "1,2", "User-Agent": "test" },
      queryParameters: { b: "1,2", c: "" },
      body: "aMOp",
      isBase64Encoded: true,
      requestContext: { http: { method: "PUT", path: "/a", userAgent: "test" } },
    });
  });

  it("chooses the function by the longest path that fits, and answers 404 to others", async () => {
    const say = (text: string) => async () => ({ statusCode: 200, body: text });
    const url = await open({
      all: { handler: say("all"), paths: ["/n/*"] },
      one: { handler: say("one"), paths: ["/n/one", "/other"] },
    });
    const ask = async (path: string) => {
      const answer = await fetch(url + path);
      const text = await answer.text();
      const isProblem = answer.headers.get("content-type")?.startsWith("application/problem+json");
      return [answer.status, isProblem ? JSON.parse(text).code : text];
    };

    expect(await ask("/n/one")).toEqual([200, "one"]);
    expect(await ask("/n/one/more")).toEqual([200, "all"]);
    expect(await ask("/n/two?x=/other")).toEqual([200, "all"]);
    expect(await ask("/other")).toEqual([200, "one"]);
    expect(await ask("/other/")).toEqual([404, "ERR_NOT_FOUND"]);
    expect(await ask("/n")).toEqual([404, "ERR_NOT_FOUND"]);
  });

  it("gives each invocation its own context", async () => {
    let made = 0;
    const seen: unknown[] = [];
    const handler = async (_event: Buffer, context: unknown) => {
      seen.push(context);
      return { statusCode: 204 };
    };
    platform = await startPlatform({
      functions: { a: { handler, paths: ["/"] } },
      context: () => {
        made += 1;
        return { made };
      },
    });

    await fetch(platform.url);
    await fetch(platform.url);

    expect(seen).toEqual([{ made: 1 }, { made: 2 }]);
  });

  it("decodes a base64 result, and answers 200 with a result without a status as its body", async () => {
    const binary = { statusCode: 200, isBase64Encoded: true, body: "/wA=" };
    const url = await open({
      binary: { handler: async () => binary, paths: ["/binary"] },
      plain: { handler: async () => ({ ok: true }), paths: ["/plain"] },
    });

    const bytes = await (await fetch(`${url}/binary`)).arrayBuffer();
    const plain = await fetch(`${url}/plain`);

    expect(Buffer.from(bytes).toString("hex")).toBe("ff00");
    expect([plain.status, await plain.text()]).toEqual([200, '{"ok":true}']);
  });

  it("answers 500 if a handler throws or returns nonsense, and continues", async () => {
    const fail = async () => {
      throw new RangeError("no");
    };
    const url = await open({
      fail: { handler: fail, paths: ["/fail"] },
      odd: { handler: async () => ({ statusCode: "abc" }), paths: ["/odd"] },
    });

    const failed = await fetch(`${url}/fail`);
    const odd = await fetch(`${url}/odd`);

    expect(failed.status).toBe(500);
    expect(failed.headers.get("x-fc-error-type")).toBe("HandledInvocationError");
    expect(await failed.json()).toMatchObject({ errorMessage: "no", errorType: "RangeError" });
    expect(odd.status).toBe(500);
  });

  it("frees its port when it is closed", async () => {
    const url = await open({ query: { handler: echo, paths: ["/numbers"] } });
    await fetch(`${url}/numbers`);

    await platform?.close();
    platform = undefined;

    await expect(fetch(`${url}/numbers`)).rejects.toThrow("fetch failed");
  });
});
