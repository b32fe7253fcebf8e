import { queryRequestSchema } from "../schemas/query.ts";
import { ADD_NUMBER, QUERY_NUMBERS } from "../signing/operations.ts";
import { type JsonSchema, schemaRef, toDocumentedSchema } from "./documented-schema.ts";
import { type ProblemCode, problemResponses, sampleProblems } from "./problems.ts";

const CALLER_PROBLEMS: readonly ProblemCode[] = [
  "ERR_INVALID_REQUEST",
  "ERR_UNAUTHORIZED",
  "ERR_FORBIDDEN",
  "ERR_NOT_FOUND",
  "ERR_METHOD_NOT_ALLOWED",
];

const SERVICE_PROBLEMS: readonly ProblemCode[] = [
  "ERR_UPSTREAM_REJECTED",
  "ERR_CONFIG",
  "ERR_CREDENTIALS",
  "ERR_STORE_IN_USE",
  "ERR_STORE_IDENTITY",
  "ERR_STORE_ROW",
  "ERR_INTERNAL",
  "ERR_UPSTREAM_ACCOUNT",
  "ERR_UPSTREAM_UNAVAILABLE",
  "ERR_UPSTREAM_THROTTLED",
  "ERR_STORE",
];

// An add that timed out or was answered in an unknown form is settled: it becomes an outcome.
const ADD_PROBLEMS: readonly ProblemCode[] = [
  ...CALLER_PROBLEMS,
  "ERR_IDEMPOTENCY_IN_FLIGHT",
  "ERR_BODY_TOO_LARGE",
  "ERR_MEDIA_TYPE",
  "ERR_IDEMPOTENCY_REUSED",
  ...SERVICE_PROBLEMS,
  "ERR_CUSTOMER_TOO_LARGE",
  "ERR_ADD_OUTCOME_UNKNOWN",
];

const QUERY_PROBLEMS: readonly ProblemCode[] = [
  ...CALLER_PROBLEMS,
  "ERR_NOT_WATCHED",
  ...SERVICE_PROBLEMS,
  "ERR_UPSTREAM_CONTRACT",
  "ERR_UPSTREAM_TIMEOUT",
];

const UPSTREAM_ID = "D6FFB6F4-8E1C-5A1B-9B5B-2A4F6C1E0D3A";
/** `POST /add` as the document has it, with an answer for each problem that it can end in. */
export function addOperation() {
  return {
    operationId: "addNumber",
    tags: ["numbers"],
    summary: "Add a number to a customer",
    description:
      "The customer is watched from before the moment the number exists. A call whose answer was lost is never repeated: one query settles it, with outcome confirmed or ERR_ADD_OUTCOME_UNKNOWN. The function answers this at / and /numbers as well.",
    parameters: [{ $ref: "#/components/parameters/IdempotencyKey" }],
    requestBody: {
      required: true,
      content: {
        "application/json": {
          schema: schemaRef("AddRequest"),
          examples: {
            number: {
              value: {
                custSpaceId: "cust-space-1",
                cc: "49",
                phoneNumber: "151 1234-5678",
                verifiedName: "Acme",
              },
            },
          },
        },
      },
    },
    responses: {
      "201": answer("Added.", "AddResponse", {
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
      }),
      ...problemResponses(
        ADD_PROBLEMS,
        sampleProblems(ADD_NUMBER.action, ["POST", "OPTIONS"]),
        // The only refusal that is kept for a repeated key: the others left nothing done.
        ["ERR_UPSTREAM_REJECTED"],
      ),
    },
  };
}

const QUERY_NOTES = {
  custSpaceId: "The customer; without it, or with self, the account itself.",
  isvCode: "Passed on to the upstream; only for keys of every customer.",
  status: "Passed on to the upstream, which does not document its values.",
  source: "live asks the upstream; stored answers from what poll has seen, at no upstream call.",
};

/** `GET /query`, likewise. */
export function queryOperation() {
  const { properties } = toDocumentedSchema(queryRequestSchema, {}) as {
    readonly properties: Readonly<Record<keyof typeof QUERY_NOTES, JsonSchema>>;
  };
  return {
    operationId: "queryNumbers",
    tags: ["numbers"],
    summary: "A customer's numbers, from the upstream or from what is stored",
    description:
      "stored cannot be combined with isvCode or status. The function answers this at / and /numbers as well.",
    parameters: Object.entries(QUERY_NOTES).map(([name, description]) => ({
      name,
      in: "query",
      required: false,
      description,
      schema: properties[name as keyof typeof QUERY_NOTES],
    })),
    responses: {
      "200": {
        ...answer("The numbers.", "LiveNumbers", QUERY_EXAMPLES),
        content: {
          "application/json": {
            schema: { anyOf: [schemaRef("StoredNumbers"), schemaRef("LiveNumbers")] },
            examples: toExamples(QUERY_EXAMPLES),
          },
        },
      },
      ...problemResponses(
        QUERY_PROBLEMS,
        sampleProblems(QUERY_NUMBERS.action, ["GET", "HEAD", "OPTIONS"]),
      ),
    },
  };
}

const QUERY_EXAMPLES = {
  live: {
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

function answer(description: string, schema: string, examples: Readonly<Record<string, unknown>>) {
  return {
    description,
    headers: {
      "X-Request-Id": { $ref: "#/components/headers/X-Request-Id" },
      ...(schema === "AddResponse" && {
        "Idempotency-Replayed": { $ref: "#/components/headers/Idempotency-Replayed" },
      }),
    },
    content: { "application/json": { schema: schemaRef(schema), examples: toExamples(examples) } },
  };
}

function toExamples(values: Readonly<Record<string, unknown>>) {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, { value }]));
}
