import { describe, expect, it } from "vitest";
import { jsonResponse } from "../../../shared/http/http-response.ts";
import { apiGatewayEvent, fcContext, fcHttpEvent, timerEvent } from "../../support/fc-events.ts";
import { openHandler } from "./http-handler-rig.ts";

describe("createHttpHandler", () => {
  it("responds as the route does, under the platform's request id", async () => {
    const { handle } = openHandler();
    const event = fcHttpEvent({ method: "GET", path: "/numbers", query: { q: "é" } });

    expect(await handle(event, fcContext({ requestId: "req-1" }))).toEqual({
      statusCode: 200,
      headers: {
        "content-type": "application/json; charset=utf-8",
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
        "strict-transport-security": "max-age=63072000",
        "x-request-id": "req-1",
      },
      isBase64Encoded: false,
      body: '{"name":"名","q":"é"}',
    });
  });

  it("responds to API Gateway in the same way", async () => {
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
  ])("takes from the context %j the request id %s", async (context, id) => {
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
  ])("responds to the path %s with %i", async (path, status) => {
    expect((await openHandler().ask("GET", path)).statusCode).toBe(status);
  });

  it.each([
    ["/numbers/1/2", 200],
    ["/numbers/", 404],
    ["/number/1", 404],
  ])(
    "responds below a path with a star to %s with %i, and logs no more than the star",
    async (path, status) => {
      const { ask, lines } = openHandler({ paths: ["/numbers/*"] });
      expect((await ask("GET", path)).statusCode).toBe(status);
      expect(lines[0]?.path).toBe(status === 200 ? "/numbers/*" : "unknown");
    },
  );

  it("responds to HEAD as to GET, without the body", async () => {
    const { ask } = openHandler();

    expect(await ask("HEAD")).toEqual({ ...(await ask("GET")), body: "" });
    expect(await ask("HEAD", "/nowhere")).toMatchObject({ statusCode: 404, body: "" });
  });

  it("responds to OPTIONS with the methods of the path", async () => {
    expect(await openHandler().ask("OPTIONS")).toEqual({
      statusCode: 204,
      headers: {
        allow: "GET, POST, HEAD, OPTIONS",
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
        "strict-transport-security": "max-age=63072000",
        "x-request-id": "req-1",
      },
      isBase64Encoded: false,
      body: "",
    });
  });

  it.each(["PUT", "DELETE", "constructor", ""])(
    "responds to %j with 405 and Allow",
    async (method) => {
      const answer = await openHandler().ask(method);

      expect(answer.statusCode).toBe(405);
      expect(answer.headers.allow).toBe("GET, POST, HEAD, OPTIONS");
      expect(JSON.parse(answer.body).code).toBe("ERR_METHOD_NOT_ALLOWED");
    },
  );

  it("responds to HEAD with 405 if there is no GET", async () => {
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
  ])("responds to an event that is not HTTP with a problem (%#)", async (event, kind) => {
    const { handle, lines } = openHandler();

    const answer = await handle(event, fcContext());

    expect(answer.statusCode).toBe(400);
    expect(JSON.parse(answer.body).issues).toEqual([
      { path: "", message: "this function takes HTTP events only" },
    ]);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatchObject({ message: "request", event: kind, status: 400 });
  });

  it.each([
    ["a foreign error", () => Promise.reject(new Error("hunter2")), "Error"],
    ["a plain object", () => Promise.reject({ message: "hunter2" }), "object"],
    ["a route that returns nothing", async () => undefined as never, "TypeError"],
    [
      "a route that throws before it waits",
      () => {
        throw new RangeError("hunter2");
      },
      "RangeError",
    ],
  ])("responds to %s with a 500 that gives nothing away", async (_name, route, error) => {
    const { ask, lines } = openHandler({ methods: { GET: route } });

    const answer = await ask("GET");

    expect(answer.statusCode).toBe(500);
    expect(JSON.parse(answer.body).code).toBe("ERR_INTERNAL");
    expect(JSON.stringify([answer, lines])).not.toContain("hunter2");
    expect(lines[0]).toMatchObject({ level: "error", code: "ERR_INTERNAL", error });
  });
});
