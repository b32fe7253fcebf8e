import { type AnyAppError, httpStatusOf, isAppError } from "../errors.ts";
import { type HttpResponse, jsonResponse } from "./http-response.ts";

export const PROBLEM_TYPE = "application/problem+json; charset=utf-8";

const INTERNAL = { status: 500, title: "Internal error" };
/** The error's own sentence names settings, which are the operator's. */
const NO_STORE = "The service cannot reach its store. Send the request again after Retry-After.";
const SEE_LOG = "Its operator finds the reason in the log under this requestId.";

/**
 * Any error as `application/problem+json` (RFC 9457), by its row in the table of errors. A response
 * of 500, for a fault of the service or a foreign error, holds nothing of the error but its code.
 * Never throws.
 */
export function toProblem(error: unknown, requestId: string): HttpResponse {
  const own = isAppError(error) ? error : undefined;
  const { status, title } = own ? httpStatusOf(own) : INTERNAL;
  const code = own?.code ?? "ERR_INTERNAL";
  const facts = own && "facts" in own ? own.facts : undefined;
  const problem = {
    type: `urn:waba-numbers:problem:${code.slice(4).toLowerCase().replaceAll("_", "-")}`,
    title,
    status,
    code,
    detail: detailOf(own, title),
    requestId,
    // A setting's name is the operator's: the log has it.
    issues: own?.code === "ERR_INVALID_REQUEST" ? own.issues : undefined,
    upstreamCode: facts?.upstreamCode,
    upstreamRequestId: facts?.upstreamRequestId,
    upstreamMessage: facts?.upstreamMessage,
    accessDeniedDetail: facts?.accessDeniedDetail,
    outcome: own && "outcome" in own ? own.outcome : undefined,
  };
  return jsonResponse(status, problem, {
    "content-type": PROBLEM_TYPE,
    "x-request-id": requestId,
    ...headersOf(own),
  });
}

function detailOf(own: AnyAppError | undefined, title: string): string {
  if (own?.code === "ERR_STORE") return NO_STORE;
  if (own && httpStatusOf(own).status !== 500) return own.message;
  const what = title === INTERNAL.title ? "failed" : "is not set up correctly";
  return `The service ${what}. ${SEE_LOG}`;
}

function headersOf(error: AnyAppError | undefined): Readonly<Record<string, string>> {
  switch (error?.code) {
    case "ERR_UNAUTHORIZED":
      return challenge(error.reason);
    case "ERR_FORBIDDEN":
      return challenge("insufficient_scope");
    case "ERR_METHOD_NOT_ALLOWED":
      return { allow: error.allow.join(", ") };
    case "ERR_IDEMPOTENCY_IN_FLIGHT":
    case "ERR_QUOTA_SHARE":
      return retryAfter(error.retryAfterSeconds);
    case "ERR_UPSTREAM_THROTTLED":
      return retryAfter((error.retryAfterMs ?? 0) / 1000);
    case "ERR_UPSTREAM_NOT_SENT":
      return retryAfter(1);
    case "ERR_STORE":
      return retryAfter(5);
    default:
      return {};
  }
}

/** RFC 6750 section 3: who sent no key gets no error attribute. */
function challenge(error: string | undefined): Readonly<Record<string, string>> {
  const attribute = error ? `, error="${error}"` : "";
  return { "www-authenticate": `Bearer realm="waba-numbers"${attribute}` };
}

// RFC 9110 section 10.2.3: whole seconds.
function retryAfter(seconds: number): Readonly<Record<string, string>> {
  const whole = Number.isFinite(seconds) ? Math.ceil(seconds) : 1;
  return { "retry-after": String(Math.max(1, whole)) };
}
