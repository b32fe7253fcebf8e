import { describe, expect, it } from "vitest";
import { failureOfAnswer, failureOfError } from "../../../shared/store/tablestore-failure.ts";

/** The protobuf message Error with a code and a message, written out. */
const body = (code: string, message = "text") =>
  Buffer.concat([
    Buffer.of(0x0a, code.length),
    Buffer.from(code),
    Buffer.of(0x12, message.length),
    Buffer.from(message),
  ]);

describe("a Tablestore response that is no success", () => {
  it.each([
    [403, "OTSConditionCheckFail", "condition"],
    [403, "OTSAuthFailed", "refused"],
    [403, "OTSNoPermissionAccess", "refused"],
    [403, "OTSQuotaExhausted", "refused"],
    [404, "OTSObjectNotExist", "refused"],
    [400, "OTSParameterInvalid", "refused"],
    [409, "OTSRowOperationConflict", "contended"],
    [403, "OTSNotEnoughCapacityUnit", "busy"],
    [404, "OTSTableNotReady", "busy"],
    [503, "OTSServerBusy", "busy"],
    [503, "OTSPartitionUnavailable", "busy"],
    [500, "OTSInternalServerError", "busy"],
    [503, "OTSSomethingNew", "busy"],
  ])("%i %s is %s", (status, code, kind) => {
    expect(failureOfAnswer(status, body(code))).toEqual({ kind, reason: code });
  });

  it.each([
    ["an error page", 502, Buffer.from("<html>"), "busy", "HTTP_502"],
    ["nothing", 403, Buffer.alloc(0), "refused", "HTTP_403"],
    ["no body", 413, undefined, "refused", "HTTP_413"],
    ["a length beyond its end", 403, Buffer.of(0x0a, 0x70, 0x4f), "refused", "HTTP_403"],
    ["another text in the code's place", 403, body("see http://x"), "refused", "HTTP_403"],
  ] as const)("with %s is judged by its status", (_, status, bytes, kind, reason) => {
    expect(failureOfAnswer(status, bytes)).toEqual({ kind, reason });
  });

  it("of success that cannot be decoded is lost", () => {
    expect(failureOfAnswer(200, Buffer.from("<html>"))).toEqual({
      kind: "lost",
      reason: "UNREADABLE_ANSWER",
    });
  });
});

describe("an error without a Tablestore response", () => {
  const code = "NetworkingError";
  it.each([
    [{ code, errno: -111, syscall: "connect" }, "unsent", "ECONNREFUSED"],
    [{ code, errno: -3008, syscall: "getaddrinfo" }, "unsent", "ENOTFOUND"],
    [{ code, errors: [{ errno: -101, syscall: "connect" }] }, "unsent", "ENETUNREACH"],
    [{ code, errno: -104, syscall: "read" }, "lost", "ECONNRESET"],
    [{ code, errno: -32, syscall: "write" }, "lost", "EPIPE"],
    [{ code, message: "socket hang up" }, "lost", "ECONNRESET"],
    [{ message: "Unsupported column type" }, "unsent", "UNSENDABLE"],
    ["text", "unsent", "UNSENDABLE"],
  ])("%j is %s, for %s", (error, kind, reason) => {
    expect(failureOfError(error)).toEqual({ kind, reason });
  });
});
