import { describe, expect, it } from "vitest";
import { parseApiKeys } from "../../../shared/http/api-keys.ts";
import {
  createHttpHandler,
  type HttpHandlerOptions,
  type HttpRoute,
  withApiKey,
} from "../../../shared/http/http-handler.ts";
import { jsonResponse } from "../../../shared/http/http-response.ts";
import { createLog } from "../../../shared/log.ts";
import { UpstreamUnavailableError } from "../../../shared/upstream-errors.ts";
import { apiGatewayEvent, fcContext, fcHttpEvent, timerEvent } from "../../support/fc-events.ts";

const ROUTES: Record<string, HttpRoute> = {
  GET: async ({ query }) => jsonResponse(200, { name: "名", q: query.q }),
  POST: async () => jsonResponse(201, { added: true }),
};

function openHandler(overrides: Partial<HttpHandlerOptions> = {}) {
  const lines: Record<string, unknown>[] = [];
  let now = 1_000;
  const handle = createHttpHandler({
    paths: ["/numbers", "/"],
    methods: ROUTES,
    log: createLog({
      level: "info",
      now: () => 0,
      write: (line) => lines.push(JSON.parse(line)),
    }),
    now: () => {
      now += 7;
      return now;
    },
    newId: () => "made-id",
    ...overrides,
  });
  const context = fcContext({ requestId: "req-1" });
  return {
    lines,
    handle,
    /** The answer to a Function Compute request. */
    ask: (method: string, path = "/numbers") => handle(fcHttpEvent({ method, path }), context),
  };
}

describe("createHttpHandler", () => {
  it("answers with what the route gives, under the platform's request id", async () => {
    const { handle } = openHandler();
    const event = fcHttpEvent({ method: "GET", path: "/numbers", query: { q: "é" } });

    expect(await handle(event, fcContext({ requestId: "req-1" }))).toEqual({
      statusCode: 200,
      headers: {
        "content-type": "application/json; charset=utf-8",
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
        "x-request-id": "req-1",
      },
      isBase64Encoded: false,
      body: '{"name":"名","q":"é"}',
    });
  });

  it("answers API Gateway in the same way", async () => {
    const { handle } = openHandler();
    const event = apiGatewayEvent({ method: "POST", path: "/numbers" });

    expect(await handle(event, fcContext())).toMatchObject({
      statusCode: 201,
      body: '{"added":true}',
    });
  });

  it.each([
    [{ requestId: "1-68f0.c0_de" }, "1-68f0.c0_de"],
    [{ requestId: "r".repeat(128) }, "r".repeat(128)],
    [{ requestId: "r".repeat(129) }, "made-id"],
    [{ requestId: "a\r\nset-cookie: b" }, "made-id"],
    [{ requestId: "" }, "made-id"],
    [{ requestId: 7 }, "made-id"],
    [{}, "made-id"],
    [undefined, "made-id"],
    [null, "made-id"],
  ])("with the context %j has the request id %s", async (context, id) => {
    const { handle, lines } = openHandler();

    const answer = await handle(fcHttpEvent({ method: "GET" }), context);

    expect(answer.headers["x-request-id"]).toBe(id);
    expect(lines[0]?.requestId).toBe(id);
  });

  it.each([
    ["/numbers", 200],
    ["/numbers/", 200],
    ["/", 200],
    ["/numbers//", 404],
    ["/Numbers", 404],
    ["/numbers/1", 404],
    ["/constructor", 404],
  ])("answers the path %s with %i", async (path, status) => {
    expect((await openHandler().ask("GET", path)).statusCode).toBe(status);
  });

  it("answers HEAD as GET without the body", async () => {
    const { ask } = openHandler();

    expect(await ask("HEAD")).toEqual({ ...(await ask("GET")), body: "" });
    expect(await ask("HEAD", "/nowhere")).toMatchObject({ statusCode: 404, body: "" });
  });

  it("answers OPTIONS with the methods there are", async () => {
    expect(await openHandler().ask("OPTIONS")).toEqual({
      statusCode: 204,
      headers: {
        allow: "GET, POST, HEAD, OPTIONS",
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
        "x-request-id": "req-1",
      },
      isBase64Encoded: false,
      body: "",
    });
  });

  it.each(["PUT", "DELETE", "constructor", ""])("answers %j with 405 and Allow", async (method) => {
    const answer = await openHandler().ask(method);

    expect(answer.statusCode).toBe(405);
    expect(answer.headers.allow).toBe("GET, POST, HEAD, OPTIONS");
    expect(JSON.parse(answer.body).code).toBe("ERR_METHOD_NOT_ALLOWED");
  });

  it("answers HEAD with 405 where there is no GET", async () => {
    const { ask } = openHandler({ methods: { POST: async () => jsonResponse(201, {}) } });

    const answer = await ask("HEAD");

    expect(answer).toMatchObject({ statusCode: 405, body: "" });
    expect(answer.headers.allow).toBe("POST, OPTIONS");
  });

  it.each([
    [timerEvent(), "timer"],
    [Buffer.from('{"command":"status"}'), "payload"],
    [Buffer.from("{"), "unreadable"],
    [undefined, "payload"],
  ])("answers an event that is not HTTP with a problem (%#)", async (event, kind) => {
    const { handle, lines } = openHandler();

    const answer = await handle(event, fcContext());

    expect(answer.statusCode).toBe(400);
    expect(JSON.parse(answer.body).issues).toEqual([
      { path: "", message: "this function answers HTTP events only" },
    ]);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatchObject({ message: "request", event: kind, status: 400 });
  });

  it.each([
    ["a foreign error", () => Promise.reject(new Error("hunter2")), "Error"],
    ["a plain object", () => Promise.reject({ message: "hunter2" }), "object"],
    ["a route that answers nothing", async () => undefined as never, "TypeError"],
    [
      "a route that throws before it waits",
      () => {
        throw new RangeError("hunter2");
      },
      "RangeError",
    ],
  ])("answers %s with a 500 that tells nothing", async (_name, route, error) => {
    const { ask, lines } = openHandler({ methods: { GET: route } });

    const answer = await ask("GET");

    expect(answer.statusCode).toBe(500);
    expect(JSON.parse(answer.body).code).toBe("ERR_INTERNAL");
    expect(JSON.stringify([answer, lines])).not.toContain("hunter2");
    expect(lines[0]).toMatchObject({ level: "error", code: "ERR_INTERNAL", error });
  });
});

describe("the log of createHttpHandler", () => {
  it("has one line for a request", async () => {
    const { ask, lines } = openHandler();

    await ask("GET", "/numbers/");

    expect(lines).toEqual([
      {
        time: "1970-01-01T00:00:00.000Z",
        level: "info",
        message: "request",
        requestId: "req-1",
        method: "GET",
        path: "/numbers",
        status: 200,
        durationMs: 7,
      },
    ]);
  });

  it("names the code of a problem, without a second line below 500", async () => {
    const { ask, lines } = openHandler();

    await ask("PUT");

    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatchObject({ status: 405, code: "ERR_METHOD_NOT_ALLOWED" });
  });

  it("has an error line more for a 5xx", async () => {
    const facts = { action: "QueryChatappPhoneNumbers", upstreamRequestId: "U-1" };
    const { ask, lines } = openHandler({
      methods: { GET: () => Promise.reject(new UpstreamUnavailableError(facts, true)) },
    });

    await ask("GET");

    expect(lines).toHaveLength(2);
    expect(lines[0]).toMatchObject({
      level: "error",
      message: "request failed",
      requestId: "req-1",
      code: "ERR_UPSTREAM_UNAVAILABLE",
      facts,
      neverSent: true,
    });
    expect(lines[1]).toMatchObject({ message: "request", status: 502, requestId: "req-1" });
  });

  it("holds no body, header or query value, and nothing of an unknown path", async () => {
    const { handle, lines } = openHandler();
    const secrets = {
      query: { q: "hunter2" },
      headers: { authorization: "Bearer hunter2" },
      body: "hunter2",
    };

    await handle(fcHttpEvent({ method: "POST", path: "/numbers", ...secrets }), fcContext());
    await handle(fcHttpEvent({ method: "GET", path: "/8613800001234", ...secrets }), fcContext());

    expect(JSON.stringify(lines)).not.toContain("hunter2");
    expect(lines.map(({ path }) => path)).toEqual(["/numbers", "unknown"]);
  });

  it.each([
    ["PROPFIND", "PROPFIND"],
    ["M".repeat(16), "M".repeat(16)],
    ["M".repeat(17), "unknown"],
    ["GET 4915112345678", "unknown"],
    ["GET+49", "unknown"],
    ["", "unknown"],
  ])("names the method %j as %s", async (method, named) => {
    const { ask, lines } = openHandler();

    await ask(method);

    expect(lines[0]?.method).toBe(named);
  });

  it("cuts what the caller can make long", async () => {
    const { ask, lines } = openHandler();

    await ask("M".repeat(10_000), `/${"p".repeat(10_000)}`);

    expect(JSON.stringify(lines).length).toBeLessThan(600);
  });

  it("takes what a route notes, but not over the request's own fields", async () => {
    const { ask, lines } = openHandler({
      methods: {
        GET: async (_request, call) => {
          call.note({ read: 1, status: "spoofed" });
          call.note({ source: "stored" });
          call.log.info("inside");
          return jsonResponse(200, {});
        },
      },
    });

    await ask("GET");

    expect(lines[0]).toMatchObject({ message: "inside", requestId: "req-1" });
    expect(lines[1]).toMatchObject({ read: 1, source: "stored", status: 200 });
  });
});

describe("withApiKey", () => {
  const parsed = parseApiKeys("crm:aaaaaaaaaaaaaaaaaaaaaaaa:cust-1");
  const keys = parsed.kind === "keys" ? parsed.keys : [];

  function openGuarded() {
    let runs = 0;
    const { handle, lines } = openHandler({
      methods: {
        GET: withApiKey(keys, async (_request, { key, requestId }) => {
          runs += 1;
          return jsonResponse(200, { scope: key.scope, requestId });
        }),
      },
    });
    const ask = (authorization: string) => {
      const event = fcHttpEvent({ method: "GET", headers: { authorization } });
      return handle(event, fcContext({ requestId: "req-1" }));
    };
    return { ask, lines, runs: () => runs };
  }

  it("runs the route with the key, and names the key in the request's line", async () => {
    const { ask, lines } = openGuarded();

    const answer = await ask("Bearer aaaaaaaaaaaaaaaaaaaaaaaa");

    expect(JSON.parse(answer.body)).toEqual({ scope: "cust-1", requestId: "req-1" });
    expect(lines[0]).toMatchObject({ message: "request", apiKey: "crm", status: 200 });
    expect(JSON.stringify(lines)).not.toContain("aaaa");
  });

  it("answers an unknown key with 401 and does not run the route", async () => {
    const { ask, lines, runs } = openGuarded();

    const answer = await ask("Bearer aaaaaaaaaaaaaaaaaaaaaaab");

    expect(answer.statusCode).toBe(401);
    expect(answer.headers["www-authenticate"]).toBe("Bearer");
    expect(runs()).toBe(0);
    expect(lines[0]).not.toHaveProperty("apiKey");
    expect(JSON.stringify([answer, lines])).not.toContain("aaaa");
  });
});
