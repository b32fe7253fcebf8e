import type { UpstreamFacts } from "../errors.ts";
import { type AnyAppError, type Issue, isAppError } from "../errors.ts";
import { type HttpResponse, jsonResponse } from "./http-response.ts";

type Mapping = {
  readonly status: number;
  readonly title: string;
  /** Only for faults of the service itself; else the error's own sentence is the detail. */
  readonly detail?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly issues?: readonly Issue[];
  readonly facts?: UpstreamFacts;
  readonly outcome?: "unknown";
};

const INTERNAL: Mapping = {
  status: 500,
  title: "Internal error",
  detail: "The service failed; its operator finds the reason in the log under this requestId.",
};

const MISCONFIGURED: Mapping = {
  status: 500,
  title: "Service not set up",
  detail:
    "The service is not set up correctly; its operator finds the reason in the log under this requestId.",
};

/**
 * The one mapping from errors to `application/problem+json` (RFC 9457). The answer holds the
 * error's fixed sentence and its public facts; of a fault of the service itself (500), and of any
 * foreign error, it holds neither. Performs no I/O, never throws.
 */
export function toProblem(error: unknown, requestId: string): HttpResponse {
  const known = isAppError(error) ? { error, mapping: mapError(error) } : undefined;
  const mapping = known?.mapping ?? INTERNAL;
  const code = known?.mapping === undefined ? "ERR_INTERNAL" : known.error.code;
  const problem = {
    type: `urn:waba-numbers:problem:${code.slice("ERR_".length).toLowerCase().replaceAll("_", "-")}`,
    title: mapping.title,
    status: mapping.status,
    code,
    detail: mapping.detail ?? known?.error.message,
    requestId,
    issues: mapping.issues,
    upstreamCode: mapping.facts?.upstreamCode,
    upstreamRequestId: mapping.facts?.upstreamRequestId,
    outcome: mapping.outcome,
  };
  return jsonResponse(mapping.status, problem, {
    "content-type": "application/problem+json; charset=utf-8",
    "x-request-id": requestId,
    ...mapping.headers,
  });
}

function mapError(error: AnyAppError): Mapping | undefined {
  switch (error.code) {
    case "ERR_INVALID_REQUEST":
      return { status: 400, title: "Invalid request", issues: error.issues };
    case "ERR_UNAUTHORIZED":
      return { status: 401, title: "Unauthorized", headers: { "www-authenticate": "Bearer" } };
    case "ERR_FORBIDDEN":
      return { status: 403, title: "Forbidden" };
    case "ERR_NOT_FOUND":
      return { status: 404, title: "Not found" };
    case "ERR_NOT_WATCHED":
      return { status: 404, title: "Customer not watched" };
    case "ERR_METHOD_NOT_ALLOWED": {
      const headers = { allow: error.allow.join(", ") };
      return { status: 405, title: "Method not allowed", headers };
    }
    case "ERR_IDEMPOTENCY_IN_FLIGHT": {
      const headers = retryAfter(error.retryAfterSeconds);
      return { status: 409, title: "Request in progress", headers };
    }
    case "ERR_BODY_TOO_LARGE":
      return { status: 413, title: "Body too large" };
    case "ERR_MEDIA_TYPE":
      return { status: 415, title: "Unsupported media type" };
    case "ERR_IDEMPOTENCY_REUSED":
      return { status: 422, title: "Idempotency-Key reused" };
    case "ERR_UPSTREAM_REJECTED":
      return { status: 422, title: "Refused by the upstream", facts: error.facts };
    case "ERR_UPSTREAM_ACCOUNT":
      return { status: 502, title: "Account refused by the upstream", facts: error.facts };
    case "ERR_UPSTREAM_UNAVAILABLE":
      return { status: 502, title: "Upstream unavailable", facts: error.facts };
    case "ERR_UPSTREAM_CONTRACT":
      return { status: 502, title: "Unknown upstream answer", facts: error.facts };
    case "ERR_UPSTREAM_THROTTLED": {
      const headers = retryAfter((error.retryAfterMs ?? 0) / 1000);
      return { status: 503, title: "Upstream limit reached", facts: error.facts, headers };
    }
    case "ERR_STORE":
      return { status: 503, title: "Store unavailable", headers: retryAfter(5) };
    case "ERR_UPSTREAM_TIMEOUT":
      return { status: 504, title: "Upstream timeout", facts: error.facts };
    case "ERR_ADD_OUTCOME_UNKNOWN": {
      const { facts, outcome } = error;
      return { status: 504, title: "Outcome unknown", facts, outcome };
    }
    case "ERR_CONFIG":
      return { ...MISCONFIGURED, issues: error.problems.map(toVariableName) };
    case "ERR_CREDENTIALS":
    case "ERR_STORE_IN_USE":
    case "ERR_STORE_IDENTITY":
    case "ERR_TARGET_REFUSED":
      return MISCONFIGURED;
    case "ERR_STORE_ROW":
    case "ERR_CUSTOMER_TOO_LARGE":
      return INTERNAL;
    default:
      // Reached only by an error of another version's store adapter, which is its own bundle.
      error satisfies never;
      return undefined;
  }
}

// The operator's own message may quote the value; the variable's name is enough for a caller.
function toVariableName(problem: Issue): Issue {
  return { path: problem.path, message: "is missing or not usable" };
}

// RFC 9110 section 10.2.3: whole seconds.
function retryAfter(seconds: number): Readonly<Record<string, string>> {
  const whole = Number.isFinite(seconds) ? Math.ceil(seconds) : 1;
  return { "retry-after": String(Math.max(1, whole)) };
}
