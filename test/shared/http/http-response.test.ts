import { describe, expect, it } from "vitest";
import { jsonResponse, toPlatformResponse } from "../../../shared/http/http-response.ts";

describe("jsonResponse", () => {
  it("says that the body is JSON, which no cache keeps and no browser guesses", () => {
    expect(jsonResponse(201, { phoneNumber: "8613800001234" })).toEqual({
      status: 201,
      headers: {
        "content-type": "application/json; charset=utf-8",
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
        "strict-transport-security": "max-age=63072000",
      },
      body: '{"phoneNumber":"8613800001234"}',
    });
  });

  it("lets the caller's headers join and win", () => {
    const { headers } = jsonResponse(200, null, { "cache-control": "no-cache", location: "/a" });

    expect(headers).toEqual({
      "content-type": "application/json; charset=utf-8",
      "cache-control": "no-cache",
      "x-content-type-options": "nosniff",
      "strict-transport-security": "max-age=63072000",
      location: "/a",
    });
  });
});

describe("toPlatformResponse", () => {
  it("passes the body on as text, without its length", () => {
    const response = { status: 200, headers: { "x-a": "b" }, body: "名" };

    expect(toPlatformResponse(response)).toEqual({
      statusCode: 200,
      headers: { "x-a": "b" },
      isBase64Encoded: false,
      body: "名",
    });
  });
});
