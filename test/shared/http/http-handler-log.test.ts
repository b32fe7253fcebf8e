import { describe, expect, it } from "vitest";
import { UnauthorizedError, UpstreamUnavailableError } from "../../../shared/errors.ts";
import { jsonResponse } from "../../../shared/http/http-response.ts";
import { fcContext, fcHttpEvent } from "../../support/fc-events.ts";
import { openHandler } from "./http-handler-rig.ts";

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

  it("has refused callers at every level, with their address", async () => {
    const { ask, lines } = openHandler({
      level: "error",
      methods: { GET: () => Promise.reject(new UnauthorizedError()) },
    });

    await ask("GET");
    await ask("PUT");

    expect(lines).toEqual([
      expect.objectContaining({ status: 401, from: "192.0.2.7", audit: true, requestId: "req-1" }),
    ]);
  });

  it("names the code of a problem, without a second line below 500", async () => {
    const { ask, lines } = openHandler();

    await ask("PUT");

    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatchObject({ status: 405, code: "ERR_METHOD_NOT_ALLOWED" });
  });

  it("has one more line, an error, for a 5xx", async () => {
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

  it("has no long method or path of a caller", async () => {
    const { ask, lines } = openHandler();

    await ask("M".repeat(10_000), `/${"p".repeat(10_000)}`);

    expect(JSON.stringify(lines).length).toBeLessThan(600);
  });

  it("has the notes of a route, but the request's own fields win", async () => {
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
