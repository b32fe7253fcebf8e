import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type HttpRequest, parsePlatformEvent } from "../../../shared/http/platform-event.ts";
import { apiGatewayEvent, fcHttpEvent, timerEvent } from "../../support/fc-events.ts";
import { SEED } from "../../support/seed.ts";

function requestOf(event: unknown): HttpRequest {
  const parsed = parsePlatformEvent(event);
  if (parsed.kind !== "http") throw new Error(`not HTTP but ${parsed.kind}`);
  return parsed.request;
}

function fields(record: Readonly<Record<string, string>>) {
  return Object.entries(record);
}

describe("parsePlatformEvent on a Function Compute 3.0 HTTP event", () => {
  it("reads method, path, query, headers and body", () => {
    const event = fcHttpEvent({
      method: "post",
      path: "/numbers",
      query: { custSpaceId: "cust-1" },
      headers: { "content-type": "application/json", "x-acs-action": "a" },
      body: '{"a":1}',
    });

    const parsed = parsePlatformEvent(event);

    expect(parsed).toMatchObject({ kind: "http" });
    const request = requestOf(event);
    expect(request.method).toBe("POST");
    expect(request.path).toBe("/numbers");
    expect(fields(request.query)).toEqual([["custSpaceId", "cust-1"]]);
    expect(fields(request.headers)).toEqual([
      ["content-type", "application/json"],
      ["x-acs-action", "a"],
    ]);
    expect(request.body.toString()).toBe('{"a":1}');
  });

  it("reads a multi-byte body as text and as base64", () => {
    for (const base64 of [true, false]) {
      const { body } = requestOf(fcHttpEvent({ method: "POST", body: "验证 ✅", base64 }));

      expect(body).toEqual(Buffer.from([...Buffer.from("验证 ✅")]));
      expect(body.length).toBe(10);
    }
  });

  it("keeps bytes that are not text when the body is base64", () => {
    const body = Buffer.from([0xff, 0x00, 0xfe]);

    expect(requestOf(fcHttpEvent({ method: "POST", body })).body.toString("hex")).toBe("ff00fe");
  });

  it("reads an absent body that is flagged as base64 as empty", () => {
    expect(requestOf(fcHttpEvent({ method: "GET" })).body.length).toBe(0);
    expect(requestOf({ requestContext: { http: {} }, isBase64Encoded: true }).body.length).toBe(0);
  });

  it("fills in what is missing", () => {
    const request = requestOf({ requestContext: { http: {} } });

    expect(request).toMatchObject({ method: "", path: "/" });
    expect(fields(request.query)).toEqual([]);
    expect(fields(request.headers)).toEqual([]);
  });

  it("takes the path of requestContext if rawPath is missing", () => {
    expect(requestOf({ requestContext: { http: { method: "GET", path: "/x" } } }).path).toBe("/x");
  });

  it("joins arrays, spells numbers out and leaves out null and objects", () => {
    const request = requestOf({
      requestContext: { http: { method: "GET" } },
      headers: { "X-List": ["a", null, 2], "X-Null": null, "X-Object": {}, "X-Number": 7 },
      queryParameters: { list: ["a", "b"], none: [], nothing: null, yes: true },
    });

    expect(fields(request.headers)).toEqual([
      ["x-list", "a,2"],
      ["x-number", "7"],
    ]);
    expect(fields(request.query)).toEqual([
      ["list", "a,b"],
      ["yes", "true"],
    ]);
  });

  it("joins a header that comes in two cases", () => {
    const headers = { Authorization: "Bearer one", authorization: "Bearer two" };

    expect(requestOf({ requestContext: { http: {} }, headers }).headers.authorization).toBe(
      "Bearer one, Bearer two",
    );
  });

  it("finds nothing under the names that every object inherits", () => {
    const request = requestOf(fcHttpEvent({ method: "GET" }));

    for (const name of ["constructor", "toString", "__proto__"]) {
      expect(request.headers[name]).toBeUndefined();
      expect(request.query[name]).toBeUndefined();
    }
  });

  it("treats __proto__ and constructor as plain names", () => {
    const event =
      '{"requestContext":{"http":{}},"headers":{"__proto__":"a","Constructor":"b"},"queryParameters":{"__proto__":"c"}}';

    const request = requestOf(event);

    expect(fields(request.headers)).toEqual([
      ["__proto__", "a"],
      ["constructor", "b"],
    ]);
    expect(fields(request.query)).toEqual([["__proto__", "c"]]);
    expect(Object.keys(Object.prototype)).toEqual([]);
  });
});

describe("parsePlatformEvent on an API Gateway event", () => {
  it("reads the same request", () => {
    const event = apiGatewayEvent({
      method: "get",
      path: "/numbers",
      query: { custSpaceId: "cust-1" },
      headers: { accept: "*/*" },
    });

    expect(parsePlatformEvent(event)).toMatchObject({ kind: "http" });
    const request = requestOf(event);
    expect(request).toMatchObject({ method: "GET", path: "/numbers" });
    expect(fields(request.query)).toEqual([["custSpaceId", "cust-1"]]);
    expect(fields(request.headers)).toEqual([["accept", "*/*"]]);
  });

  it.each([
    { isBase64Encoded: true, text: "é" },
    { isBase64Encoded: "true", text: "é" },
    { isBase64Encoded: false, text: "w6k=" },
    { isBase64Encoded: "false", text: "w6k=" },
    { isBase64Encoded: undefined, text: "w6k=" },
  ])("reads the body w6k= with the flag $isBase64Encoded as $text", ({ isBase64Encoded, text }) => {
    const event = { httpMethod: "POST", path: "/", body: "w6k=", isBase64Encoded };

    expect(requestOf(event).body.toString()).toBe(text);
  });
});

describe("parsePlatformEvent on other events", () => {
  it("reads a timer's event", () => {
    expect(parsePlatformEvent(timerEvent('{"command":"tick"}'))).toEqual({
      kind: "timer",
      payload: '{"command":"tick"}',
    });
  });

  it("reads a timer without payload as one with an empty payload", () => {
    const event = { triggerName: "t", triggerTime: "2026-01-02T03:04:00Z" };

    expect(parsePlatformEvent(event)).toMatchObject({ kind: "timer", payload: "" });
  });

  it("reads the same JSON from a Buffer, other bytes, text and an object", () => {
    const text = '{"command":"status"}';

    for (const event of [Buffer.from(text), new TextEncoder().encode(text), text, JSON.parse(text)])
      expect(parsePlatformEvent(event)).toEqual({
        kind: "payload",
        payload: { command: "status" },
      });
  });

  it("reads an empty event as a payload of nothing", () => {
    for (const event of [Buffer.alloc(0), "", " \n", undefined, null])
      expect(parsePlatformEvent(event)).toEqual({ kind: "payload", payload: undefined });
  });

  it("calls text that is no JSON and bytes that are no UTF-8 unreadable", () => {
    for (const event of ["{", Buffer.from([0x22, 0xff, 0x22]), 7, true, () => 0])
      expect(parsePlatformEvent(event)).toEqual({ kind: "unreadable" });
  });

  it("never mistakes a request's body for an event of another kind", () => {
    const event = fcHttpEvent({
      method: "POST",
      body: '{"triggerName":"t","triggerTime":"2026-01-02T03:04:00Z"}',
    });

    expect(parsePlatformEvent(event).kind).toBe("http");
  });

  it("never throws, and gives a request of text fields only, for any JSON and any bytes", () => {
    const json = fc.jsonValue();
    const http = fc.record({ method: json, path: json }, { requiredKeys: [] });
    const near = fc.record(
      {
        requestContext: fc.oneof(json, fc.record({ http: fc.oneof(json, http) })),
        httpMethod: json,
        rawPath: json,
        path: json,
        headers: fc.oneof(json, fc.dictionary(fc.string(), json)),
        queryParameters: fc.oneof(json, fc.dictionary(fc.string(), json)),
        body: json,
        isBase64Encoded: json,
        triggerName: json,
        triggerTime: json,
        payload: json,
      },
      { requiredKeys: [] },
    );
    const bytes = fc.uint8Array();
    const event = fc.oneof(
      json,
      near,
      near.map((value) => Buffer.from(JSON.stringify(value))),
      bytes,
    );

    fc.assert(
      fc.property(event, (value) => {
        const parsed = parsePlatformEvent(value);
        if (parsed.kind !== "http") return ["timer", "payload", "unreadable"].includes(parsed.kind);
        const { method, path, query, headers, body } = parsed.request;
        const texts = [method, path, ...Object.values(query), ...Object.values(headers)];
        return texts.every((text) => typeof text === "string") && Buffer.isBuffer(body);
      }),
      { seed: SEED, numRuns: 500 },
    );
  });
});
