import { describe, expect, it } from "vitest";
import { BodyTooLargeError, InvalidRequestError, MediaTypeError } from "../../../shared/errors.ts";
import { readJsonBody } from "../../../shared/http/read-json.ts";

function request(body: string | Buffer, contentType: string | undefined = "application/json") {
  const headers: Record<string, string> = contentType ? { "content-type": contentType } : {};
  return { method: "POST", path: "/", query: {}, headers, body: Buffer.from(body) };
}

function messageOf(body: string | Buffer): string {
  try {
    readJsonBody(request(body));
  } catch (error) {
    if (!(error instanceof InvalidRequestError)) throw error;
    expect(error.issues).toHaveLength(1);
    expect(error.issues[0]?.path).toBe("");
    return error.issues[0]?.message ?? "";
  }
  throw new Error("the body was read");
}

describe("readJsonBody", () => {
  it.each([
    "application/json",
    "Application/JSON",
    "application/json;charset=utf-8",
    'application/json ; charset="UTF-8"',
    "application/json;",
    "application/merge-patch+json",
    "application/vnd.acme.v1+json; charset=utf-8",
  ])("reads a body of type %s", (contentType) => {
    expect(readJsonBody(request('{"name":"名"}', contentType))).toEqual({ name: "名" });
  });

  it.each([
    "",
    "text/plain",
    "text/json",
    "application/jsonp",
    "application/+json",
    "application/x-www-form-urlencoded",
    "application/json; charset=gbk",
    "application/json; charset=utf-8; charset=gbk",
    "application/json, text/plain",
    "multipart/form-data; boundary=application/json",
  ])("refuses a body of type %j", (contentType) => {
    expect(() => readJsonBody(request("{}", contentType))).toThrow(MediaTypeError);
  });

  it("reads 256 KB and no byte more", () => {
    const text = `"${"a".repeat(262_142)}"`;

    expect(readJsonBody(request(text))).toHaveLength(262_142);
    expect(() => readJsonBody(request(`${text} `))).toThrow(BodyTooLargeError);
  });

  it("skips a byte order mark", () => {
    expect(readJsonBody(request("\ufeff[1]"))).toEqual([1]);
  });

  it("refuses an empty body as empty", () => {
    expect(messageOf("")).toBe("the body is empty. Send a JSON value");
  });

  it("refuses bytes that are not UTF-8 instead of replacing them", () => {
    expect(messageOf(Buffer.from([0x22, 0xc3, 0x28, 0x22]))).toBe("the body is not UTF-8");
  });

  it.each(['{"a":}', '{"a":1', "{'a':1}", "undefined"])("refuses %s, which is not JSON", (body) => {
    expect(messageOf(body)).toBe("the body is not JSON");
  });

  it("quotes nothing of the text", () => {
    for (const body of ['{"pin":hunter2}', "hunter2", '{"hunter2', '{"a":"hunter2\n"}'])
      expect(messageOf(body)).not.toMatch(/hunter/);
  });
});
