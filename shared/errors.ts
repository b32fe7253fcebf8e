import { AppError, BRAND } from "./app-error.ts";
import type {
  AddOutcomeUnknownError,
  CredentialsError,
  UpstreamAccountError,
  UpstreamContractError,
  UpstreamRejectedError,
  UpstreamThrottledError,
  UpstreamTimeoutError,
  UpstreamUnavailableError,
} from "./upstream-errors.ts";

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
