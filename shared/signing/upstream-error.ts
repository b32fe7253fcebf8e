import {
  UpstreamAccountError,
  UpstreamContractError,
  type UpstreamFacts,
  UpstreamRejectedError,
  UpstreamThrottledError,
  UpstreamTimeoutError,
  UpstreamUnavailableError,
} from "../errors.ts";
import { maskNumber } from "../log.ts";
import { isDeeper, MAX_DEPTH } from "./exact-numbers.ts";
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

/** Credentials and signature. Their messages may repeat what was signed, with every parameter. */
const CREDENTIAL_CODES = /Signature(?!NonceUsed)|AccessKey|SecurityToken|^InvalidTimeStamp/;

/**
 * Permission of the account's role, and the API itself, which every call shares. Other codes of
 * `Forbidden` and `Authentication` concern one customer: RiskControl, UserVerification, NoAuth.
 */
const ACCOUNT_CODES =
  /^(Ram|Forbidden\.RAM|NoPermission|NoSuchVersion|UnsupportedHTTPMethod|Invalid(Api|Action|Product|Version|Protocol))(\.|$)/;

/** Refusals of one customer that cannot be used, whatever is asked about it. */
const CUSTOMER_CODES =
  /^(Product\.Unsubscript|Unknown\.ResourceOwnerId|Forbidden|Authentication)(\.|$)/;

/** The gateway and the API check parameters before they act. */
const REQUEST_CODES = /^(Invalid|Missing)([A-Z.]|$)/;

/**
 * A failure of the upstream itself, as the services of its gateway spell it. SignatureNonceUsed is
 * one: our nonces are random, so something on the way sent the request twice, and the first copy may
 * have been executed.
 */
const UNAVAILABLE_CODES =
  /^(isp\.)?(ServiceUnavailable|SignatureNonceUsed|(System|Unknown|Internal)[._]?(Server[._]?|Service[._]?)?Error|([A-Z]+[._]?)?Time_?out)(\..*)?$/i;

/**
 * The value, if it has the usual form of a code or id, which the gateway may write as a number.
 * Nothing else may be shown.
 */
export function plain(value: unknown): string | undefined {
  const text = typeof value === "number" ? `${value}` : value;
  return typeof text === "string" && PLAIN.test(text) && !/^(none|null)$/i.test(text)
    ? text
    : undefined;
}

/** Whether a field says that there is something, in whatever form. */
function isGiven(value: unknown): boolean {
  return typeof value === "string" && !ABSENT_WORDS.test(value.trim());
}

/**
 * The error for a `Code` that is not OK. Sources: the API's list of codes and the gateway's. Both
 * lists have gaps, and neither names a code for adding a number. So below 500 a code of no known
 * family is a refusal if it has a request id of any form. Without one, the outcome of an Add is unknown.
 */
export function failureForCode(
  facts: UpstreamFacts,
  retryAfterMs?: number,
  hasRequestId = facts.upstreamRequestId !== undefined,
): UpstreamFailure {
  const code = facts.upstreamCode ?? "";
  if (/^Throttling(\.|$)/.test(code) || code === "System.LimitControl") {
    return new UpstreamThrottledError(facts, retryAfterMs);
  }
  if (CREDENTIAL_CODES.test(code) || ACCOUNT_CODES.test(code))
    return new UpstreamAccountError(facts);
  if (CUSTOMER_CODES.test(code)) return new UpstreamRejectedError(facts, "customer");
  return isRefusal(code, facts, hasRequestId)
    ? new UpstreamRejectedError(facts, "request")
    : new UpstreamUnavailableError(facts, false);
}

/** An Add that is not surely refused may have run, so it takes more to be a refusal. */
function isRefusal(code: string, facts: UpstreamFacts, hasRequestId: boolean): boolean {
  const { action, httpStatus = 0 } = facts;
  if (httpStatus >= 500) return false;
  if (REQUEST_CODES.test(code)) return true;
  if (UNAVAILABLE_CODES.test(code)) return false;
  return action !== ADD_NUMBER.action || hasRequestId;
}

/**
 * Rebuilds what pop-core threw from its code, request id and status alone. Its own errors hold the
 * signed request or the whole body, and some are no Errors.
 */
export function toUpstreamFailure(
  thrown: unknown,
  action: string,
  connectionStood: boolean,
): UpstreamFailure {
  const error = asRecord(thrown);
  const { statusCode, headers } = asRecord(asRecord(error.entry).response);
  // For its long numbers: a request id may be one.
  isDeeper(error.data, MAX_DEPTH);
  const facts = factsOf(action, statusCode, error.data);
  if ("data" in error) {
    const { Code, RequestId } = asRecord(error.data);
    const hasRequestId = facts.upstreamRequestId !== undefined || isGiven(RequestId);
    if (facts.upstreamCode) return failureForCode(facts, retryAfter(headers), hasRequestId);
    // A code that may not be shown, as nobody knows its form, refuses like any other.
    const isRefused = isGiven(Code) && hasRequestId && isClientError(facts.httpStatus);
    return isRefused
      ? new UpstreamRejectedError(facts, "request")
      : new UpstreamContractError(facts);
  }
  if (error.name === "ResponseTooLargeError") return new UpstreamContractError(facts);
  const isTimeout = error.name === "RequestTimeoutError" || error.name === "AbortError";
  if (isTimeout && connectionStood) return new UpstreamTimeoutError(facts);
  const transportCode = isTimeout ? "ETIMEDOUT" : plain(error.code);
  return new UpstreamUnavailableError({ ...facts, transportCode }, !connectionStood);
}

const isClientError = (status = 0) => status >= 400 && status < 500;

/** The headers of an answer that pop-core turned into an error; undefined if none came. */
export function answerHeaders(thrown: unknown): Record<string, unknown> | undefined {
  const { headers } = asRecord(asRecord(asRecord(thrown).entry).response);
  return headers === undefined ? undefined : asRecord(headers);
}

/** What may be shown of an answer. */
export function factsOf(action: string, httpStatus: unknown, body: unknown): UpstreamFacts {
  const { Code, RequestId, Message, AccessDeniedDetail } = asRecord(body);
  const upstreamCode = plain(Code);
  // Without a known code nothing shows that the words are not those of a signature's failure.
  const mayQuote = upstreamCode !== undefined && !CREDENTIAL_CODES.test(upstreamCode);
  return {
    action,
    httpStatus: typeof httpStatus === "number" ? httpStatus : undefined,
    upstreamCode,
    upstreamRequestId: plain(RequestId),
    upstreamMessage: mayQuote ? words(Message) : undefined,
    accessDeniedDetail: mayQuote ? words(AccessDeniedDetail) : undefined,
  };
}

/** How replies spell that there is nothing to say. Samples: the API's pages, in two languages. */
const ABSENT_WORDS = /^(none|null|n\/a|ok|success|无|無|\{\}|)$/i;
const MAX_WORDS = 500;
/** A whole number, in any digits, stands in no log. A date, of eight digits, is none. */
const NUMBER_IN_WORDS = /\p{Nd}(?:[ (-/]{0,3}\p{Nd}){8,}|\p{Nd}{7,}/gu;

/** The upstream's words on one line, or undefined if it has none. A detail may be an object. */
function words(value: unknown): string | undefined {
  const text = typeof value === "string" ? value : (JSON.stringify(value) ?? "");
  const line = text
    .replaceAll(/[\p{C}\p{Z}]+/gu, " ")
    .replaceAll(NUMBER_IN_WORDS, maskNumber)
    .trim();
  return ABSENT_WORDS.test(line) ? undefined : [...line].slice(0, MAX_WORDS).join("");
}

/** `x-acs-retry-after` is in milliseconds. */
function retryAfter(headers: unknown): number | undefined {
  const value = Number(asRecord(headers)["x-acs-retry-after"]);
  return Number.isFinite(value) && value > 0 ? Math.min(value, 60_000) : undefined;
}

function asRecord(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}
