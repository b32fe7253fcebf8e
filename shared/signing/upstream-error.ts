import {
  UpstreamAccountError,
  UpstreamContractError,
  type UpstreamFacts,
  UpstreamRejectedError,
  UpstreamThrottledError,
  UpstreamTimeoutError,
  UpstreamUnavailableError,
} from "../errors.ts";

export type UpstreamFailure =
  | UpstreamAccountError
  | UpstreamContractError
  | UpstreamRejectedError
  | UpstreamThrottledError
  | UpstreamTimeoutError
  | UpstreamUnavailableError;

/** Codes and ids are repeated to callers and in logs, so only text of their usual form is kept. */
const PLAIN = /^[A-Za-z0-9._-]{1,128}$/;

/** Failures that come before a connection exists: the upstream cannot have acted. */
const NEVER_SENT = new Set([
  "ECONNREFUSED",
  "ENOTFOUND",
  "EAI_AGAIN",
  "ENETUNREACH",
  "EHOSTUNREACH",
]);

const CUSTOMER_CODES = new Set(["Product.Unsubscript", "Unknown.ResourceOwnerId"]);

const ACCOUNT_CODES =
  /^(Ram\.PermissionDeny|Forbidden(\..*)?|Authentication\..*|NoPermission(\..*)?|SignatureDoesNotMatch|IncompleteSignature|InvalidSignatureMethod|InvalidAccessKeyId(\..*)?|InvalidSecurityToken(\..*)?|MissingSecurityToken|InvalidTimeStamp(\..*)?|InvalidApi\..*|InvalidAction(\..*)?|InvalidProduct\..*|NoSuchVersion|InvalidVersion|UnsupportedHTTPMethod|InvalidProtocol\..*)$/;

/** The gateway's checks of parameters (and the API's own), which come before anything is done. */
const REQUEST_CODES = /^(Invalid|Missing)([A-Z.]|$)/;

/**
 * How services of the same gateway say that they failed themselves, in their several spellings.
 * SignatureNonceUsed is here: our nonces are fresh random bytes, so it can only mean that something
 * on the way sent the request twice, and the first copy may have been executed.
 */
const UNAVAILABLE_CODES =
  /^(isp\.)?(ServiceUnavailable|SignatureNonceUsed|(System|Unknown|Internal)[._]?(Server[._]?|Service[._]?)?Error|([A-Z]+[._]?)?Time_?out)(\..*)?$/i;

/** The one operation that changes something upstream. */
const ADD = "AddChatappPhoneNumber";

/** The value if it is a code or id of the usual form, which alone may be shown. */
export function plain(value: unknown): string | undefined {
  return typeof value === "string" && PLAIN.test(value) ? value : undefined;
}

/**
 * The error for an answer whose `Code` is not OK. Sources: the API's list and the gateway's. The
 * list of codes is not whole, and none is documented for adding a number: so a code of no known
 * family is a refusal of a read (trying again would not change it), but leaves open what became of
 * an Add.
 */
export function failureForCode(facts: UpstreamFacts, retryAfterMs?: number): UpstreamFailure {
  const code = facts.upstreamCode ?? "";
  if (/^Throttling(\.|$)/.test(code) || code === "System.LimitControl") {
    return new UpstreamThrottledError(facts, retryAfterMs);
  }
  if (CUSTOMER_CODES.has(code)) return new UpstreamRejectedError(facts, "customer");
  if (ACCOUNT_CODES.test(code)) return new UpstreamAccountError(facts);
  const isServerError = (facts.httpStatus ?? 0) >= 500;
  if (REQUEST_CODES.test(code) && !isServerError) {
    return new UpstreamRejectedError(facts, "request");
  }
  if (isServerError || UNAVAILABLE_CODES.test(code) || facts.action === ADD) {
    return new UpstreamUnavailableError(facts, false);
  }
  return new UpstreamRejectedError(facts, "request");
}

/**
 * Rebuilds whatever pop-core threw from its code, request id and status alone. Its own errors hold
 * the request with its signature, the whole body or no stack, or are not Errors at all.
 */
export function toUpstreamFailure(thrown: unknown, action: string): UpstreamFailure {
  const error = asRecord(thrown);
  const response = asRecord(asRecord(error.entry).response);
  const body = asRecord(error.data);
  const httpStatus = typeof response.statusCode === "number" ? response.statusCode : undefined;
  const facts: UpstreamFacts = {
    action,
    httpStatus,
    upstreamRequestId: plain(body.RequestId),
  };
  if ("data" in error) {
    const upstreamCode = plain(body.Code);
    if (!upstreamCode) return new UpstreamContractError(facts);
    return failureForCode({ ...facts, upstreamCode }, retryAfter(response.headers));
  }
  const name = String(error.name);
  if (name === "RequestTimeoutError" || name === "AbortError")
    return new UpstreamTimeoutError(facts);
  return new UpstreamUnavailableError(facts, NEVER_SENT.has(String(error.code)));
}

/** `x-acs-retry-after` is in milliseconds. */
function retryAfter(headers: unknown): number | undefined {
  const value = Number(asRecord(headers)["x-acs-retry-after"]);
  return Number.isFinite(value) && value > 0 ? Math.min(value, 60_000) : undefined;
}

function asRecord(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}
