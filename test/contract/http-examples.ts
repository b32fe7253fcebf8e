import type { HttpExamples } from "../../shared/contract/paths.ts";
import type { ProblemCode, ProblemExamples } from "../../shared/contract/problems.ts";
import {
  AddOutcomeUnknownError,
  type AnyAppError,
  BodyTooLargeError,
  ConfigError,
  CredentialsError,
  CustomerTooLargeError,
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
} from "../../shared/errors.ts";
import { toProblem } from "../../shared/http/problem.ts";

const REQUEST_ID = "1-68f0c0de-15a3c0ffee00-0123456789ab";
const UPSTREAM_ID = "D6FFB6F4-8E1C-5A1B-9B5B-2A4F6C1E0D3A";

const REQUESTS = {
  number: {
    custSpaceId: "cust-space-1",
    cc: "49",
    phoneNumber: "151 1234-5678",
    verifiedName: "Acme",
  },
};

const ADDED = {
  accepted: {
    phoneNumber: "4915112345678",
    custSpaceId: "cust-space-1",
    requestId: UPSTREAM_ID,
    success: false,
    outcome: "accepted",
  },
  confirmed: {
    phoneNumber: "4915112345678",
    custSpaceId: "cust-space-1",
    requestId: UPSTREAM_ID,
    outcome: "confirmed",
  },
};

const NUMBERS = {
  live: {
    source: "live",
    phoneNumbers: [
      {
        phoneNumber: "4915112345678",
        verifiedName: "Acme",
        status: "CONNECTED",
        qualityRating: "GREEN",
        codeVerificationStatus: "VERIFIED",
        nameStatus: "APPROVED",
        newNameStatus: "NONE",
        messagingLimitTier: "TIER_1K",
      },
    ],
    requestId: UPSTREAM_ID,
  },
  stored: {
    custSpaceId: "cust-space-1",
    source: "stored",
    sequence: "0001767323000123",
    phoneNumbers: [
      {
        status: "CONNECTED",
        qualityRating: "GREEN",
        phoneNumber: "4915112345678",
        observedAt: "2026-01-02T03:03:35.000Z",
      },
    ],
    observedAt: "2026-01-02T03:03:35.000Z",
    confirmedAt: "2026-01-02T03:03:55.000Z",
    staleSeconds: 10,
    lastFullSweepAt: "2026-01-02T03:04:00.000Z",
    pendingEvents: 1,
  },
};

/**
 * One problem for each error, made by the code that ships. So the document has the same status,
 * headers and fields as the service. The type checker asks for a sample of each new error.
 */
export function problemExamples(action: string, allow: readonly string[]): ProblemExamples {
  const facts = { action, upstreamRequestId: UPSTREAM_ID };
  const coded = (upstreamCode: string) => ({ ...facts, upstreamCode });
  const samples: { readonly [C in ProblemCode]: Extract<AnyAppError, { code: C }> | Error } = {
    ERR_CONFIG: new ConfigError([{ path: "STORE_URL", message: "" }]),
    ERR_INVALID_REQUEST: new InvalidRequestError([
      { path: "custSpaceId", message: "must be 1 to 128 letters, digits, _ or -" },
    ]),
    ERR_UNAUTHORIZED: new UnauthorizedError(),
    ERR_FORBIDDEN: new ForbiddenError(),
    ERR_NOT_FOUND: new NotFoundError(),
    ERR_NOT_WATCHED: new NotWatchedError(),
    ERR_METHOD_NOT_ALLOWED: new MethodNotAllowedError(allow),
    ERR_BODY_TOO_LARGE: new BodyTooLargeError(0),
    ERR_MEDIA_TYPE: new MediaTypeError(),
    ERR_IDEMPOTENCY_REUSED: new IdempotencyReusedError(),
    ERR_IDEMPOTENCY_IN_FLIGHT: new IdempotencyInFlightError(12),
    ERR_QUOTA_SHARE: new QuotaShareError(3),
    ERR_UPSTREAM_REJECTED: new UpstreamRejectedError(coded("Product.Unsubscript"), "customer"),
    ERR_UPSTREAM_ACCOUNT: new UpstreamAccountError(coded("Ram.PermissionDeny")),
    ERR_UPSTREAM_THROTTLED: new UpstreamThrottledError(coded("Throttling.User"), 1_500),
    ERR_UPSTREAM_NOT_SENT: new UpstreamNotSentError({ action }),
    ERR_UPSTREAM_TIMEOUT: new UpstreamTimeoutError({ action }),
    ERR_UPSTREAM_UNAVAILABLE: new UpstreamUnavailableError(coded("InternalError"), false),
    ERR_UPSTREAM_CONTRACT: new UpstreamContractError(facts),
    ERR_CREDENTIALS: new CredentialsError(),
    ERR_ADD_OUTCOME_UNKNOWN: new AddOutcomeUnknownError({ action }),
    ERR_STORE: new StoreUnavailableError("get"),
    ERR_STORE_IN_USE: new StoreInUseError(1, "store.lock"),
    ERR_STORE_IDENTITY: new StoreIdentityError("", ""),
    ERR_STORE_ROW: new StoreRowError("", "unreadable"),
    ERR_CUSTOMER_TOO_LARGE: new CustomerTooLargeError(0),
    ERR_TARGET_REFUSED: new TargetRefusedError("address"),
    ERR_INTERNAL: new Error("a foreign error"),
  };
  return Object.fromEntries(
    Object.entries(samples).map(([code, error]) => [code, toProblem(error, REQUEST_ID)]),
  ) as ProblemExamples;
}

export const HTTP_EXAMPLES: HttpExamples = {
  addRequests: REQUESTS,
  added: ADDED,
  numbers: NUMBERS,
  hintRequests: { customers: { custSpaceIds: ["cust-space-1", "cust-space-2"] } },
  problems: problemExamples,
};
