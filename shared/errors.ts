// A store adapter is a bundle of its own with its own copy of these classes, so `instanceof` does
// not recognise its errors. This key does.
const STATUS_LINE = Symbol.for("waba-numbers.error");

type StatusLine = `${number} ${string}`;

/**
 * What every error has that this project throws on purpose. Its message is a fixed sentence without
 * input, its facts are fields. A foreign error is never kept: it may hold requests and credentials.
 */
type AppError<Code> = Error & { readonly code: Code; readonly [STATUS_LINE]: StatusLine };

/**
 * One row of the table, as a class of errors.
 *
 * @param statusLine status and title of the HTTP response
 * @param sentence says what to do. With a status of 500 only the operator sees it.
 * @param factsOf makes the fields from the arguments of the constructor
 */
function define<
  const Code extends `ERR_${string}`,
  Args extends readonly unknown[] = [],
  Facts extends object = object,
>(code: Code, statusLine: StatusLine, sentence: string, factsOf?: (...args: Args) => Facts) {
  class Defined extends Error {
    /** Class names do not survive minifying. */
    override get name() {
      return code;
    }
    constructor(...args: Args) {
      super(sentence);
      Object.assign(this, { code, [STATUS_LINE]: statusLine }, factsOf?.(...args));
    }
  }
  return Defined as unknown as new (
    ...args: Args
  ) => AppError<Code> & Readonly<Facts>;
}

/** What is wrong with one field or setting. `message` follows its name and never holds its value. */
export type Issue = { readonly path: string; readonly message: string };

/** All that is safe to keep of an upstream failure: the signing module lets nothing else out. */
export type UpstreamFacts = {
  readonly action: string;
  readonly upstreamCode?: string;
  readonly upstreamRequestId?: string;
  readonly httpStatus?: number;
  /** Why there was no answer, as Node names it: ENOTFOUND, CERT_HAS_EXPIRED and the like. */
  readonly transportCode?: string;
  /** The upstream's own words of a refusal: one line of at most 500 characters. */
  readonly upstreamMessage?: string;
  readonly accessDeniedDetail?: string;
};

const toFacts = (facts: UpstreamFacts) => ({ facts });

/** `issues` names each field that is wrong. */
export class InvalidRequestError extends /* @__PURE__ */ define(
  "ERR_INVALID_REQUEST",
  "400 Invalid request",
  "The request is not valid. Correct the fields listed in issues.",
  (issues: readonly Issue[]) => ({ issues }),
) {}

/** `reason` is RFC 6750's word for a key that is not known, undefined if none was sent. */
export class UnauthorizedError extends /* @__PURE__ */ define(
  "ERR_UNAUTHORIZED",
  "401 Unauthorized",
  "Send a known API key as 'Authorization: Bearer <key>'.",
  (reason?: "invalid_token") => ({ reason }),
) {}

export class ForbiddenError extends /* @__PURE__ */ define(
  "ERR_FORBIDDEN",
  "403 Forbidden",
  "This API key or address is not for this customer. Use one that covers it.",
) {}

export class NotFoundError extends /* @__PURE__ */ define(
  "ERR_NOT_FOUND",
  "404 Not found",
  "There is nothing at this path.",
) {}

/** `source=stored` asks for a customer that is not on the watch list. */
export class NotWatchedError extends /* @__PURE__ */ define(
  "ERR_NOT_WATCHED",
  "404 Customer not watched",
  "This customer is not watched yet. Add a number for it, or ask the operator to watch it.",
) {}

export class MethodNotAllowedError extends /* @__PURE__ */ define(
  "ERR_METHOD_NOT_ALLOWED",
  "405 Method not allowed",
  "This path does not take that method. The Allow header lists those that it takes.",
  (allow: readonly string[]) => ({ allow }),
) {}

export class IdempotencyInFlightError extends /* @__PURE__ */ define(
  "ERR_IDEMPOTENCY_IN_FLIGHT",
  "409 Request in progress",
  "The first request with this Idempotency-Key is still running. Send it again after Retry-After.",
  (retryAfterSeconds: number) => ({ retryAfterSeconds }),
) {}

export class BodyTooLargeError extends /* @__PURE__ */ define(
  "ERR_BODY_TOO_LARGE",
  "413 Body too large",
  "The request body is larger than this service reads.",
  (limitBytes: number) => ({ limitBytes }),
) {}

export class MediaTypeError extends /* @__PURE__ */ define(
  "ERR_MEDIA_TYPE",
  "415 Unsupported media type",
  "Send the body as 'Content-Type: application/json' in UTF-8, without a Content-Encoding.",
) {}

export class IdempotencyReusedError extends /* @__PURE__ */ define(
  "ERR_IDEMPOTENCY_REUSED",
  "422 Idempotency-Key reused",
  "This Idempotency-Key belongs to a request with another body. Send a new key.",
) {}

/** The calls that an instance of query may send are taken for longer than a query waits. */
export class QuotaShareError extends /* @__PURE__ */ define(
  "ERR_QUOTA_SHARE",
  "429 Live queries used up",
  "Too many live queries. Send this one again after Retry-After, or accept stored numbers by maxAgeSeconds=60 or source=stored.",
  (retryAfterSeconds: number) => ({ retryAfterSeconds }),
) {}

/** `problems` lists every setting that is missing or wrong, by name. */
export class ConfigError extends /* @__PURE__ */ define(
  "ERR_CONFIG",
  "500 Service not set up",
  "Settings to fix:",
  (problems: readonly Issue[]) => ({
    problems,
    message: ["Settings to fix:", ...problems.map((it) => `${it.path} ${it.message}`)].join("\n  "),
  }),
) {}

/** The store cannot be reached or did not respond in time. What it did is unknown. */
export class StoreUnavailableError extends /* @__PURE__ */ define(
  "ERR_STORE",
  "503 Store unavailable",
  "The state store cannot be reached. Check STORE_URL and the store's health.",
  (operation: string, reason?: string) => ({ operation, reason }),
) {}

/** Another running process holds the embedded store's folder, or its lock file is no lock. */
export class StoreInUseError extends /* @__PURE__ */ define(
  "ERR_STORE_IN_USE",
  "500 Service not set up",
  "Another process has this store folder open. Stop it, or use a PostgreSQL server for several processes.",
  (ownerPid: number | undefined, lockFile: string) => ({ ownerPid, lockFile }),
) {}

export class StoreIdentityError extends /* @__PURE__ */ define(
  "ERR_STORE_IDENTITY",
  "500 Service not set up",
  "This store belongs to another account or stage. Give each its own STORE_URL.",
  (expected: string, found: string) => ({ expected, found }),
) {}

export class StoreRowError extends /* @__PURE__ */ define(
  "ERR_STORE_ROW",
  "500 Internal error",
  "A stored row cannot be used by this version. Deploy the version that wrote it.",
  (key: string, reason: "newer-schema" | "unreadable") => ({ key, reason }),
) {}

export class CustomerTooLargeError extends /* @__PURE__ */ define(
  "ERR_CUSTOMER_TOO_LARGE",
  "500 Internal error",
  "This customer's state is too large for one row. It was not written.",
  (bytes: number) => ({ bytes }),
) {}

export class TargetRefusedError extends /* @__PURE__ */ define(
  "ERR_TARGET_REFUSED",
  "500 Service not set up",
  "The webhook address is refused. Use https and a public address, or allow it with WEBHOOK_ALLOW_HTTP or WEBHOOK_ALLOW_CIDRS.",
  (reason: "scheme" | "credentials" | "address") => ({ reason }),
) {}

export class CredentialsError extends /* @__PURE__ */ define(
  "ERR_CREDENTIALS",
  "500 Service not set up",
  "There are no credentials. Give the function a role, or set ALIBABA_CLOUD_ACCESS_KEY_ID and ALIBABA_CLOUD_ACCESS_KEY_SECRET.",
) {}

/** The upstream did not run the call. `concerns` says what it refuses: this customer, or the values. */
export class UpstreamRejectedError extends /* @__PURE__ */ define(
  "ERR_UPSTREAM_REJECTED",
  "422 Refused by the upstream",
  "The upstream refused the call. Look up upstreamCode in its error list.",
  (facts: UpstreamFacts, concerns: "customer" | "request") => ({ facts, concerns }),
) {}

/** Nothing of this account works until an operator fixes it. */
export class UpstreamAccountError extends /* @__PURE__ */ define(
  "ERR_UPSTREAM_ACCOUNT",
  "502 Account refused by the upstream",
  "The upstream refused this account's credentials or permissions. Check the access key and that RAM allows the action.",
  toFacts,
) {}

export class UpstreamThrottledError extends /* @__PURE__ */ define(
  "ERR_UPSTREAM_THROTTLED",
  "503 Upstream limit reached",
  "The upstream's request limit is used up. Try again later.",
  (facts: UpstreamFacts, retryAfterMs?: number) => ({ facts, retryAfterMs }),
) {}

export class UpstreamTimeoutError extends /* @__PURE__ */ define(
  "ERR_UPSTREAM_TIMEOUT",
  "504 Upstream timeout",
  "The upstream did not respond in time.",
  toFacts,
) {}

/** `neverSent` is true only if no connection stood: then the upstream cannot have acted. */
export class UpstreamUnavailableError extends /* @__PURE__ */ define(
  "ERR_UPSTREAM_UNAVAILABLE",
  "502 Upstream unavailable",
  "The upstream is unavailable. Try again later.",
  (facts: UpstreamFacts, neverSent: boolean) => ({ facts, neverSent }),
) {}

/** The rate limiter or the deadline let no try out. This says nothing about the upstream. */
export class UpstreamNotSentError extends /* @__PURE__ */ define(
  "ERR_UPSTREAM_NOT_SENT",
  "503 Not sent",
  "There was no time left for the call. Nothing was sent. Try again.",
  toFacts,
) {}

/** The response is not what the API documents. It is reported, never interpreted. */
export class UpstreamContractError extends /* @__PURE__ */ define(
  "ERR_UPSTREAM_CONTRACT",
  "502 Unknown upstream answer",
  "The upstream's response has an unknown form, so it was not used.",
  toFacts,
) {}

/** The upstream may have added the number, and one Query did not find out. */
export class AddOutcomeUnknownError extends /* @__PURE__ */ define(
  "ERR_ADD_OUTCOME_UNKNOWN",
  "504 Outcome unknown",
  "The upstream gave no clear response and does not list the number yet. It may still appear. Query the customer in a minute. Add the number again only if it is still absent.",
  (facts: UpstreamFacts) => ({ facts, outcome: "unknown" as const }),
) {}

/** The table. Functions import the classes that they throw, and only tools import the array. */
export const ERRORS = [
  ConfigError,
  InvalidRequestError,
  UnauthorizedError,
  ForbiddenError,
  NotFoundError,
  NotWatchedError,
  MethodNotAllowedError,
  IdempotencyInFlightError,
  BodyTooLargeError,
  MediaTypeError,
  IdempotencyReusedError,
  QuotaShareError,
  StoreUnavailableError,
  StoreInUseError,
  StoreIdentityError,
  StoreRowError,
  CustomerTooLargeError,
  TargetRefusedError,
  CredentialsError,
  UpstreamRejectedError,
  UpstreamAccountError,
  UpstreamThrottledError,
  UpstreamTimeoutError,
  UpstreamUnavailableError,
  UpstreamNotSentError,
  UpstreamContractError,
  AddOutcomeUnknownError,
];

/** Every error of this project: a `switch` over `code` narrows it and can be exhaustive. */
export type AnyAppError = InstanceType<(typeof ERRORS)[number]>;

/** Whether an error is this project's own, from whatever bundle. */
export function isAppError(error: unknown): error is AnyAppError {
  return error instanceof Error && typeof (error as AnyAppError)[STATUS_LINE] === "string";
}

export function httpStatusOf(error: AnyAppError): { status: number; title: string } {
  const line = error[STATUS_LINE];
  return { status: Number(line.slice(0, 3)), title: line.slice(4) };
}
