import { describe, expect, it } from "vitest";
import { BodyTooLargeError, InvalidRequestError, MediaTypeError } from "../../../shared/errors.ts";
import { readJsonBody } from "../../../shared/http/read-json.ts";

function request(body: string | Buffer, contentType: string | undefined = "application/json") {
  const headers: Record<string, string> = contentType ? { "content-type": contentType } : {};
  return { method: "POST", path: "/", query: {}, headers, body: Buffer.from(body) };
}

function encoded(coding: string | undefined) {
  const plain = request("{}");
  const headers = {
    ...plain.headers,
    ...(coding === undefined ? {} : { "content-encoding": coding }),
  };
  return { ...plain, headers };
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
    "application/json; utf-8",
    "application/json; UTF8;version=1",
    'application/json ; charset="UTF-8"',
    "application/json;",
    "application/merge-patch+json",
    "application/vnd.acme.v1+json; charset=utf-8",
    "application/json; charset=utf8",
    'application/json;charset="UTF8"; version=1',
    "application/json; odata.metadata=minimal; charset=utf-8;",
    'application/json; profile="https://example.com/a;b"',
    'application/json; v="a\\"b;c"',
    "application/json; charset=utf-8; charset=utf-8",
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
    "application/json; charset=utf-16",
    "application/json; charset=latin1; version=1",
    'application/json; version=1; Charset="gbk"',
    "application/json; version",
    "application/json, text/plain",
    "multipart/form-data; boundary=application/json",
  ])("refuses a body of type %j", (contentType) => {
    expect(() => readJsonBody(request("{}", contentType))).toThrow(MediaTypeError);
  });

  it.each([undefined, "", "identity", " Identity ", "identity, identity"])(
    "reads a body of coding %j",
    (coding) => {
      expect(readJsonBody(encoded(coding))).toEqual({});
    },
  );

  it.each(["gzip", "br", "deflate, gzip", "identity, gzip", "aws-chunked"])(
    "refuses a body of coding %j, which it does not decode",
    (coding) => {
      expect(() => readJsonBody(encoded(coding))).toThrow(MediaTypeError);
    },
  );

  it("judges six content types of 64 KB within 300 ms", () => {
    const startedAt = performance.now();
    for (const part of [" ", ";", "; ", ";a=b", '"', "; charset=utf-8"]) {
      const type = `application/json;${part.repeat(65_536 / part.length)},`;
      expect(() => readJsonBody(request("{}", type))).toThrow(MediaTypeError);
    }
    expect(performance.now() - startedAt).toBeLessThan(300);
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
