// A store adapter is a bundle of its own with its own copy of these classes, so `instanceof` would
// not know its errors: they are told by this brand.
const BRAND = Symbol.for("waba-numbers.error");

/**
 * Every error that this project throws on purpose. Rules: the message is a fixed sentence that
 * tells the reader what to do and holds no input; facts are fields; a foreign error is never kept
 * whole, because pop-core's and the drivers' errors carry requests, addresses and credentials.
 */
abstract class AppError extends Error {
  abstract readonly code: `ERR_${string}`;
  /** The code: class names do not survive minifying. */
  override get name(): string {
    return this.code;
  }
  readonly [BRAND] = true;
}

/** What is wrong with one field or variable; `message` follows its name and never holds its value. */
export type Issue = { readonly path: string; readonly message: string };

/** The environment is incomplete or wrong; `problems` lists every variable by name. */
export class ConfigError extends AppError {
  readonly code = "ERR_CONFIG";
  readonly problems: readonly Issue[];
  constructor(problems: readonly Issue[]) {
    super(
      `The environment is not usable: ${problems.map((p) => `${p.path} ${p.message}`).join("; ")}.`,
    );
    this.problems = problems;
  }
}

/** The caller's input is wrong; `issues` names each field. */
export class InvalidRequestError extends AppError {
  readonly code = "ERR_INVALID_REQUEST";
  readonly issues: readonly Issue[];
  constructor(issues: readonly Issue[]) {
    super("The request is not valid; correct the fields listed in issues.");
    this.issues = issues;
  }
}

/** No known API key came with the request. Which part of it was wrong is not said. */
export class UnauthorizedError extends AppError {
  readonly code = "ERR_UNAUTHORIZED";
  constructor() {
    super("Send a known API key as 'Authorization: Bearer <key>'.");
  }
}

/** The API key is known but may not touch this customer. */
export class ForbiddenError extends AppError {
  readonly code = "ERR_FORBIDDEN";
  constructor() {
    super("This API key is limited to another customer; use a key whose scope covers this one.");
  }
}

/** No route of this function has the path. */
export class NotFoundError extends AppError {
  readonly code = "ERR_NOT_FOUND";
  constructor() {
    super("There is nothing at this path.");
  }
}

/** `source=stored` was asked about a customer that is not on the watch list. */
export class NotWatchedError extends AppError {
  readonly code = "ERR_NOT_WATCHED";
  constructor() {
    super(
      "This customer is not watched yet; add a number, list it in WATCH_CUST_SPACES or send poll a watch command.",
    );
  }
}

/** The path has no such method; `allow` lists those it has. */
export class MethodNotAllowedError extends AppError {
  readonly code = "ERR_METHOD_NOT_ALLOWED";
  readonly allow: readonly string[];
  constructor(allow: readonly string[]) {
    super("This path does not answer that method; the Allow header lists those it does.");
    this.allow = allow;
  }
}

/** `limitBytes` is the most that is read. */
export class BodyTooLargeError extends AppError {
  readonly code = "ERR_BODY_TOO_LARGE";
  readonly limitBytes: number;
  constructor(limitBytes: number) {
    super("The request body is larger than this service reads.");
    this.limitBytes = limitBytes;
  }
}

/** The body is not said to be JSON in UTF-8. */
export class MediaTypeError extends AppError {
  readonly code = "ERR_MEDIA_TYPE";
  constructor() {
    super("Send the body as 'Content-Type: application/json' in UTF-8.");
  }
}

/** The Idempotency-Key was used before with another body. */
export class IdempotencyReusedError extends AppError {
  readonly code = "ERR_IDEMPOTENCY_REUSED";
  constructor() {
    super("This Idempotency-Key belongs to a request with another body; send a new key.");
  }
}

/** The same request is being worked on right now. */
export class IdempotencyInFlightError extends AppError {
  readonly code = "ERR_IDEMPOTENCY_IN_FLIGHT";
  readonly retryAfterSeconds: number;
  constructor(retryAfterSeconds: number) {
    super("The first request with this Idempotency-Key is still running; ask again shortly.");
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

/** The store cannot be reached or did not answer in time; nothing was assumed. */
export class StoreUnavailableError extends AppError {
  readonly code = "ERR_STORE";
  readonly operation: string;
  readonly reason: string | undefined;
  constructor(operation: string, reason?: string) {
    super("The state store cannot be reached; check STORE_URL and the store's health.");
    this.operation = operation;
    this.reason = reason;
  }
}

/** Another living process holds the embedded store's folder. */
export class StoreInUseError extends AppError {
  readonly code = "ERR_STORE_IN_USE";
  readonly ownerPid: number | undefined;
  constructor(ownerPid: number | undefined) {
    super(
      "Another process has this store folder open; stop it, or use a PostgreSQL server for several processes.",
    );
    this.ownerPid = ownerPid;
  }
}

/** The store belongs to another account or stage. */
export class StoreIdentityError extends AppError {
  readonly code = "ERR_STORE_IDENTITY";
  readonly expected: string;
  readonly found: string;
  constructor(expected: string, found: string) {
    super("This store belongs to another account or stage; give each its own STORE_URL.");
    this.expected = expected;
    this.found = found;
  }
}

/** A stored row was written by a newer version of this program, or cannot be read. */
export class StoreRowError extends AppError {
  readonly code = "ERR_STORE_ROW";
  readonly key: string;
  readonly reason: "newer-schema" | "unreadable";
  constructor(key: string, reason: "newer-schema" | "unreadable") {
    super("A stored row cannot be used by this version; deploy the version that wrote it.");
    this.key = key;
    this.reason = reason;
  }
}

/** One customer's row would be larger than a store takes; it was not written. */
export class CustomerTooLargeError extends AppError {
  readonly code = "ERR_CUSTOMER_TOO_LARGE";
  readonly bytes: number;
  constructor(bytes: number) {
    super("This customer's state is too large for one row; it was not written.");
    this.bytes = bytes;
  }
}

/** The webhook's address is one that must not be called. */
export class TargetRefusedError extends AppError {
  readonly code = "ERR_TARGET_REFUSED";
  readonly reason: "scheme" | "credentials" | "address";
  constructor(reason: "scheme" | "credentials" | "address") {
    super(
      "The webhook address is refused; use https and a public address, or allow it with WEBHOOK_ALLOW_HTTP or WEBHOOK_ALLOW_CIDRS.",
    );
    this.reason = reason;
  }
}

/** What is safe to keep of an upstream failure: nothing else of it leaves the signing module. */
export type UpstreamFacts = {
  readonly action: string;
  readonly upstreamCode?: string;
  readonly upstreamRequestId?: string;
  readonly httpStatus?: number;
};

abstract class UpstreamError extends AppError {
  readonly facts: UpstreamFacts;
  constructor(message: string, facts: UpstreamFacts) {
    super(message);
    this.facts = facts;
  }
}

/** The upstream refused these parameters or this customer; the call was not executed. */
export class UpstreamRejectedError extends UpstreamError {
  readonly code = "ERR_UPSTREAM_REJECTED";
  /** `customer`: only this customer is unusable. `request`: the parameters are. */
  readonly concerns: "customer" | "request";
  constructor(facts: UpstreamFacts, concerns: "customer" | "request") {
    super("The upstream refused the call; look up upstreamCode in its error list.", facts);
    this.concerns = concerns;
  }
}

/** Credentials, signature or permission: nothing on this account works until it is mended. */
export class UpstreamAccountError extends UpstreamError {
  readonly code = "ERR_UPSTREAM_ACCOUNT";
  constructor(facts: UpstreamFacts) {
    super(
      "The upstream refused this account's credentials or permissions; check the access key and that RAM allows the action.",
      facts,
    );
  }
}

/** Flow control; the call was not executed. */
export class UpstreamThrottledError extends UpstreamError {
  readonly code = "ERR_UPSTREAM_THROTTLED";
  readonly retryAfterMs: number | undefined;
  constructor(facts: UpstreamFacts, retryAfterMs?: number) {
    super("The upstream's request limit is used up; ask again later.", facts);
    this.retryAfterMs = retryAfterMs;
  }
}

/** No answer in time. Whether the upstream acted is unknown. */
export class UpstreamTimeoutError extends UpstreamError {
  readonly code = "ERR_UPSTREAM_TIMEOUT";
  constructor(facts: UpstreamFacts) {
    super("The upstream did not answer in time.", facts);
  }
}

/**
 * The upstream could not be reached, broke off, or said that it failed. `neverSent` is true only
 * when no connection was made, so that the upstream cannot have acted.
 */
export class UpstreamUnavailableError extends UpstreamError {
  readonly code = "ERR_UPSTREAM_UNAVAILABLE";
  readonly neverSent: boolean;
  constructor(facts: UpstreamFacts, neverSent: boolean) {
    super("The upstream is unavailable; ask again later.", facts);
    this.neverSent = neverSent;
  }
}

/** The answer is not what the API documents. It is reported, never interpreted. */
export class UpstreamContractError extends UpstreamError {
  readonly code = "ERR_UPSTREAM_CONTRACT";
  constructor(facts: UpstreamFacts) {
    super("The upstream's answer has an unknown form, so it was not used.", facts);
  }
}

/** There are no credentials: an unsigned request is never sent. */
export class CredentialsError extends AppError {
  readonly code = "ERR_CREDENTIALS";
  constructor() {
    super(
      "There are no credentials: give the function a role, or set ALIBABA_CLOUD_ACCESS_KEY_ID and ALIBABA_CLOUD_ACCESS_KEY_SECRET.",
    );
  }
}

/** Add may or may not have happened, and one Query could not settle it. */
export class AddOutcomeUnknownError extends AppError {
  readonly code = "ERR_ADD_OUTCOME_UNKNOWN";
  readonly outcome = "unknown";
  readonly facts: UpstreamFacts;
  constructor(facts: UpstreamFacts) {
    super(
      "The upstream gave no clear answer and the number is not in its list yet: it may still appear. Query the customer in a minute; add the number again only if it is still absent.",
    );
    this.facts = facts;
  }
}

/** Every error of this project: what a `switch` over `code` has to cover. */
export type AnyAppError =
  | ConfigError
  | InvalidRequestError
  | UnauthorizedError
  | ForbiddenError
  | NotFoundError
  | NotWatchedError
  | MethodNotAllowedError
  | BodyTooLargeError
  | MediaTypeError
  | IdempotencyReusedError
  | IdempotencyInFlightError
  | UpstreamRejectedError
  | UpstreamAccountError
  | UpstreamThrottledError
  | UpstreamTimeoutError
  | UpstreamUnavailableError
  | UpstreamContractError
  | CredentialsError
  | AddOutcomeUnknownError
  | StoreUnavailableError
  | StoreInUseError
  | StoreIdentityError
  | StoreRowError
  | CustomerTooLargeError
  | TargetRefusedError;

/** Tells this project's errors from foreign ones; `switch (error.code)` then narrows. */
export function isAppError(error: unknown): error is AnyAppError {
  return error instanceof Error && BRAND in error;
}
