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
  StoreIdentityError,
  StoreInUseError,
  StoreRowError,
  StoreUnavailableError,
  TargetRefusedError,
  UnauthorizedError,
  UpstreamAccountError,
  UpstreamContractError,
  UpstreamRejectedError,
  UpstreamThrottledError,
  UpstreamTimeoutError,
  UpstreamUnavailableError,
} from "../errors.ts";
import type { HttpResponse } from "../http/http-response.ts";
import { toProblem } from "../http/problem.ts";
import { headerRefs, schemaRef } from "./documented-schema.ts";

export type ProblemCode = AnyAppError["code"] | "ERR_INTERNAL";

const REQUEST_ID = "1-68f0c0de-15a3c0ffee00-0123456789ab";

/**
 * One problem for each error, made by the code that ships. So the document has the same status,
 * headers and fields as the service. The type checker asks for a sample of each new error.
 */
export function sampleProblems(
  action: string,
  allow: readonly string[],
): Readonly<Record<ProblemCode, HttpResponse>> {
  const facts = { action, upstreamRequestId: "D6FFB6F4-8E1C-5A1B-9B5B-2A4F6C1E0D3A" };
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
    ERR_UPSTREAM_REJECTED: new UpstreamRejectedError(coded("Product.Unsubscript"), "customer"),
    ERR_UPSTREAM_ACCOUNT: new UpstreamAccountError(coded("Ram.PermissionDeny")),
    ERR_UPSTREAM_THROTTLED: new UpstreamThrottledError(coded("Throttling.User"), 1_500),
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
  ) as Record<ProblemCode, HttpResponse>;
}

/** Headers that only some problems have: their names in a response and in the document. */
const SPECIAL_HEADERS = {
  "retry-after": "Retry-After",
  "www-authenticate": "WWW-Authenticate",
  allow: "Allow",
} as const;

/**
 * The responses of an operation to these problems, by status.
 *
 * @param replayed codes of the problems that a repeated Idempotency-Key gets again
 */
export function problemResponses(
  codes: readonly ProblemCode[],
  samples: Readonly<Record<ProblemCode, HttpResponse>>,
  replayed: readonly ProblemCode[] = [],
): Record<string, unknown> {
  const statuses = [...new Set(codes.map((code) => samples[code].status))].sort();
  return Object.fromEntries(
    statuses.map((status) => {
      const own = codes.filter((code) => samples[code].status === status);
      const extra = own.some((code) => replayed.includes(code)) ? ["Idempotency-Replayed"] : [];
      return [String(status), problemResponse(status, own, samples, extra)];
    }),
  );
}

function problemResponse(
  status: number,
  codes: readonly ProblemCode[],
  samples: Readonly<Record<ProblemCode, HttpResponse>>,
  extraHeaders: readonly string[],
) {
  const bodies = codes.map((code) => [code, JSON.parse(samples[code].body)] as const);
  const titles = [...new Set(bodies.map(([, { title }]) => title as string))];
  const headers = Object.entries(SPECIAL_HEADERS).filter(([name]) =>
    codes.every((code) => name in samples[code].headers),
  );
  return {
    description: `${titles.join("; ")}.`,
    headers: headerRefs(["X-Request-Id", ...headers.map(([, name]) => name), ...extraHeaders]),
    content: {
      "application/problem+json": {
        schema: {
          allOf: [schemaRef("Problem")],
          properties: { status: { const: status }, code: { enum: [...codes] } },
        },
        examples: Object.fromEntries(
          bodies.map(([code, value]) => [code, { summary: value.title, value }]),
        ),
      },
    },
  };
}
