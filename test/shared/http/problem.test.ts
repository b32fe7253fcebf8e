import { describe, expect, it } from "vitest";
import * as z from "zod/mini";
import {
  AddOutcomeUnknownError,
  type AnyAppError,
  BodyTooLargeError,
  ConfigError,
  CredentialsError,
  CustomerTooLargeError,
  ERRORS,
  ForbiddenError,
  IdempotencyInFlightError,
  IdempotencyReusedError,
  InvalidRequestError,
  MediaTypeError,
  MethodNotAllowedError,
  NotFoundError,
  NotWatchedError,
  QuotaShareError,
  StoreIdentityError,
  StoreInUseError,
  StoreRowError,
  StoreUnavailableError,
  TargetRefusedError,
  UnauthorizedError,
  UpstreamAccountError,
  UpstreamContractError,
  UpstreamNotSentError,
  UpstreamRejectedError,
  UpstreamThrottledError,
  UpstreamTimeoutError,
  UpstreamUnavailableError,
} from "../../../shared/errors.ts";
import { toProblem } from "../../../shared/http/problem.ts";

const problemSchema = z.strictObject({
  type: z.string().check(z.regex(/^urn:waba-numbers:problem:[a-z]+(-[a-z]+)*$/)),
  title: z.string().check(z.minLength(1), z.maxLength(40)),
  status: z.int().check(z.gte(400), z.lte(599)),
  code: z.string().check(z.regex(/^ERR_[A-Z_]+$/)),
  detail: z.string().check(z.minLength(1)),
  requestId: z.literal("req-1"),
  issues: z.optional(z.array(z.strictObject({ path: z.string(), message: z.string() }))),
  upstreamCode: z.optional(z.string()),
  upstreamRequestId: z.optional(z.string()),
  outcome: z.optional(z.literal("unknown")),
});

const facts = { action: "AddChatappPhoneNumber", upstreamCode: "Code.A", upstreamRequestId: "U-1" };

/** RFC 6750 section 3 */
function challenge(error?: string) {
  const attribute = error ? `, error="${error}"` : "";
  return { "www-authenticate": `Bearer realm="waba-numbers"${attribute}` };
}

const table: [AnyAppError, number, string, Record<string, string>][] = [
  [new InvalidRequestError([]), 400, "invalid-request", {}],
  [new UnauthorizedError(), 401, "unauthorized", challenge()],
  [new UnauthorizedError("invalid_token"), 401, "unauthorized", challenge("invalid_token")],
  [new ForbiddenError(), 403, "forbidden", challenge("insufficient_scope")],
  [new NotFoundError(), 404, "not-found", {}],
  [new NotWatchedError(), 404, "not-watched", {}],
  [new MethodNotAllowedError(["GET", "HEAD"]), 405, "method-not-allowed", { allow: "GET, HEAD" }],
  [new IdempotencyInFlightError(3), 409, "idempotency-in-flight", { "retry-after": "3" }],
  [new BodyTooLargeError(262144), 413, "body-too-large", {}],
  [new MediaTypeError(), 415, "media-type", {}],
  [new IdempotencyReusedError(), 422, "idempotency-reused", {}],
  [new QuotaShareError(2.5), 429, "quota-share", { "retry-after": "3" }],
  [new UpstreamRejectedError(facts, "request"), 422, "upstream-rejected", {}],
  [new UpstreamRejectedError(facts, "customer"), 422, "upstream-rejected", {}],
  [new UpstreamAccountError(facts), 502, "upstream-account", {}],
  [new UpstreamUnavailableError(facts, true), 502, "upstream-unavailable", {}],
  [new UpstreamContractError(facts), 502, "upstream-contract", {}],
  [new UpstreamNotSentError(facts), 503, "upstream-not-sent", { "retry-after": "1" }],
  [new UpstreamThrottledError(facts, 1200), 503, "upstream-throttled", { "retry-after": "2" }],
  [new StoreUnavailableError("get", "timeout"), 503, "store", { "retry-after": "5" }],
  [new UpstreamTimeoutError(facts), 504, "upstream-timeout", {}],
  [new AddOutcomeUnknownError(facts), 504, "add-outcome-unknown", {}],
  [new ConfigError([{ path: "STORE_URL", message: "bad" }]), 500, "config", {}],
  [new CredentialsError(), 500, "credentials", {}],
  [new StoreInUseError(4711, "/store.lock"), 500, "store-in-use", {}],
  [new StoreIdentityError("1:prod", "2:prod"), 500, "store-identity", {}],
  [new StoreRowError("c/cust-1", "unreadable"), 500, "store-row", {}],
  [new CustomerTooLargeError(1_600_000), 500, "customer-too-large", {}],
  [new TargetRefusedError("address"), 500, "target-refused", {}],
];

const USUAL_HEADERS = {
  "content-type": "application/problem+json; charset=utf-8",
  "cache-control": "no-store",
  "x-content-type-options": "nosniff",
  "strict-transport-security": "max-age=63072000",
  "x-request-id": "req-1",
};

function problemOf(error: unknown) {
  return problemSchema.parse(JSON.parse(toProblem(error, "req-1").body));
}

describe("toProblem", () => {
  it.each(table)("turns %s into %i with the type %s", (error, status, type, headers) => {
    const response = toProblem(error, "req-1");
    const problem = problemOf(error);

    expect(response.status).toBe(status);
    expect(response.headers).toEqual({ ...USUAL_HEADERS, ...headers });
    expect(problem.status).toBe(status);
    expect(problem.type).toBe(`urn:waba-numbers:problem:${type}`);
    expect(problem.code).toBe(error.code);
  });

  it("names no setting to a caller", () => {
    const details = table.map(([error]) => problemOf(error).detail);
    expect(details.filter((detail) => /[A-Z]+_[A-Z_]+/.test(detail))).toEqual([]);
  });

  it("is tested with every class of the table", () => {
    expect(new Set(table.map(([error]) => error.constructor))).toEqual(new Set(ERRORS));
  });

  it("lists the fields that are wrong", () => {
    const error = new InvalidRequestError([{ path: "phoneNumber", message: "is too short" }]);

    expect(problemOf(error)).toEqual({
      type: "urn:waba-numbers:problem:invalid-request",
      title: "Invalid request",
      status: 400,
      code: "ERR_INVALID_REQUEST",
      detail: "The request is not valid. Correct the fields listed in issues.",
      requestId: "req-1",
      issues: [{ path: "phoneNumber", message: "is too short" }],
    });
  });

  it("passes the upstream's code and request id on", () => {
    expect(problemOf(new UpstreamRejectedError(facts, "request"))).toEqual({
      type: "urn:waba-numbers:problem:upstream-rejected",
      title: "Refused by the upstream",
      status: 422,
      code: "ERR_UPSTREAM_REJECTED",
      detail: "The upstream refused the call. Look up upstreamCode in its error list.",
      requestId: "req-1",
      upstreamCode: "Code.A",
      upstreamRequestId: "U-1",
    });
  });

  it("marks the outcome of an Add as unknown", () => {
    expect(problemOf(new AddOutcomeUnknownError(facts))).toMatchObject({
      outcome: "unknown",
      upstreamRequestId: "U-1",
    });
  });

  it.each([
    { retryAfterMs: undefined, seconds: "1" },
    { retryAfterMs: 0, seconds: "1" },
    { retryAfterMs: -5, seconds: "1" },
    { retryAfterMs: 1000, seconds: "1" },
    { retryAfterMs: 1001, seconds: "2" },
    { retryAfterMs: 61_000, seconds: "61" },
    { retryAfterMs: Number.NaN, seconds: "1" },
  ])("turns a throttling hint of $retryAfterMs ms into $seconds s", ({ retryAfterMs, seconds }) => {
    const { headers } = toProblem(new UpstreamThrottledError(facts, retryAfterMs), "req-1");

    expect(headers["retry-after"]).toBe(seconds);
  });

  it("names no setting of a service that is not set up", () => {
    const error = new ConfigError([{ path: "STORE_URL", message: "is postgres://u:hunter2@db" }]);

    expect(problemOf(error).code).toBe("ERR_CONFIG");
    expect(toProblem(error, "req-1").body).not.toMatch(/STORE_URL|hunter2/);
  });

  it("gives nothing away in a 500", () => {
    const errors = [
      new StoreIdentityError("expected-1", "found-2"),
      new StoreRowError("c/cust-77", "newer-schema"),
      new StoreInUseError(4711, "/store.lock"),
    ];

    for (const error of errors)
      expect(toProblem(error, "req-1").body).not.toMatch(/expected-1|found-2|cust-77|4711/);
  });

  it.each([
    new Error("AccessKeySecret=hunter2"),
    { message: "hunter2", code: "ERR_INVALID_REQUEST", data: { hunter2: "hunter2" } },
    "hunter2",
    undefined,
    null,
  ])("turns the foreign error %# into a 500 without a word of it", (error) => {
    const { body } = toProblem(error, "req-1");

    expect(body).not.toContain("hunter2");
    expect(JSON.parse(body)).toEqual({
      type: "urn:waba-numbers:problem:internal",
      title: "Internal error",
      status: 500,
      code: "ERR_INTERNAL",
      detail: "The service failed. Its operator finds the reason in the log under this requestId.",
      requestId: "req-1",
    });
  });

  it("treats an error of an earlier version as a foreign one", () => {
    const older = Object.assign(new Error("hunter2"), {
      [Symbol.for("waba-numbers.error")]: true,
      code: "ERR_OF_YESTERDAY",
    });

    expect(problemOf(older)).toMatchObject({ status: 500, code: "ERR_INTERNAL" });
    expect(toProblem(older, "req-1").body).not.toContain("hunter2");
  });
});
