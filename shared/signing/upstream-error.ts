import {
  UpstreamAccountError,
  UpstreamContractError,
  type UpstreamFacts,
  UpstreamRejectedError,
  UpstreamThrottledError,
  UpstreamTimeoutError,
  UpstreamUnavailableError,
} from "../errors.ts";
import { ADD_NUMBER } from "./operations.ts";

export type UpstreamFailure =
  | UpstreamAccountError
  | UpstreamContractError
  | UpstreamRejectedError
  | UpstreamThrottledError
  | UpstreamTimeoutError
  | UpstreamUnavailableError;

/** Callers and logs see codes and ids, so only text of their usual form is kept. */
const PLAIN = /^[A-Za-z0-9._-]{1,128}$/;

/** Without a connection the upstream cannot have acted. */
const NEVER_SENT = new Set([
  "ECONNREFUSED",
  "ENOTFOUND",
  "EAI_AGAIN",
  "ENETUNREACH",
  "EHOSTUNREACH",
]);

/** The API's list has these two for one customer that cannot be used. */
const CUSTOMER_CODES = new Set(["Product.Unsubscript", "Unknown.ResourceOwnerId"]);

/** Credentials, signature, permission and version, which every call of the account shares. */
const ACCOUNT_CODES =
  /^(Ram\.PermissionDeny|Forbidden(\..*)?|Authentication\..*|NoPermission(\..*)?|SignatureDoesNotMatch|IncompleteSignature|InvalidSignatureMethod|InvalidAccessKeyId(\..*)?|InvalidSecurityToken(\..*)?|MissingSecurityToken|InvalidTimeStamp(\..*)?|InvalidApi\..*|InvalidAction(\..*)?|InvalidProduct\..*|NoSuchVersion|InvalidVersion|UnsupportedHTTPMethod|InvalidProtocol\..*)$/;

/** The gateway and the API check parameters before they act. */
const REQUEST_CODES = /^(Invalid|Missing)([A-Z.]|$)/;

/**
 * A failure of the upstream itself, as the services of its gateway spell it. SignatureNonceUsed is
 * one: our nonces are random, so something on the way sent the request twice, and the first copy may
 * have been executed.
 */
const UNAVAILABLE_CODES =
  /^(isp\.)?(ServiceUnavailable|SignatureNonceUsed|(System|Unknown|Internal)[._]?(Server[._]?|Service[._]?)?Error|([A-Z]+[._]?)?Time_?out)(\..*)?$/i;

/** The value, if it has the usual form of a code or id. Nothing else may be shown. */
export function plain(value: unknown): string | undefined {
  return typeof value === "string" && PLAIN.test(value) ? value : undefined;
}

/**
 * The error for a `Code` that is not OK. Sources: the API's list of codes and the gateway's. Both
 * lists have gaps, and neither names a code for adding a number. A code of no known family refuses a
 * read, which a retry would not change. After an Add it leaves the outcome unknown.
 */
export function failureForCode(facts: UpstreamFacts, retryAfterMs?: number): UpstreamFailure {
  const code = facts.upstreamCode ?? "";
  if (/^Throttling(\.|$)/.test(code) || code === "System.LimitControl") {
    return new UpstreamThrottledError(facts, retryAfterMs);
  }
  if (CUSTOMER_CODES.has(code)) return new UpstreamRejectedError(facts, "customer");
  if (ACCOUNT_CODES.test(code)) return new UpstreamAccountError(facts);
  const isUnclear = UNAVAILABLE_CODES.test(code) || facts.action === ADD_NUMBER.action;
  return (facts.httpStatus ?? 0) >= 500 || (isUnclear && !REQUEST_CODES.test(code))
    ? new UpstreamUnavailableError(facts, false)
    : new UpstreamRejectedError(facts, "request");
}

/**
 * Rebuilds what pop-core threw from its code, request id and status alone. Its own errors hold the
 * signed request or the whole body, and some are no Errors.
 */
export function toUpstreamFailure(thrown: unknown, action: string): UpstreamFailure {
  const error = asRecord(thrown);
  const { statusCode, headers } = asRecord(asRecord(error.entry).response);
  const facts = factsOf(action, statusCode, error.data);
  if ("data" in error) {
    if (!facts.upstreamCode) return new UpstreamContractError(facts);
    return failureForCode(facts, retryAfter(headers));
  }
  const name = String(error.name);
  if (name === "RequestTimeoutError" || name === "AbortError") {
    return new UpstreamTimeoutError(facts);
  }
  if (name === "ResponseTooLargeError") return new UpstreamContractError(facts);
  return new UpstreamUnavailableError(facts, NEVER_SENT.has(String(error.code)));
}

/** What may be shown of an answer. */
export function factsOf(action: string, httpStatus: unknown, body: unknown): UpstreamFacts {
  const { Code, RequestId } = asRecord(body);
  return {
    action,
    httpStatus: typeof httpStatus === "number" ? httpStatus : undefined,
    upstreamCode: plain(Code),
    upstreamRequestId: plain(RequestId),
  };
}

/** `x-acs-retry-after` is in milliseconds. */
function retryAfter(headers: unknown): number | undefined {
  const value = Number(asRecord(headers)["x-acs-retry-after"]);
  return Number.isFinite(value) && value > 0 ? Math.min(value, 60_000) : undefined;
}

function asRecord(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}
