import { ADD, FUNCTIONS, HINT, QUERY } from "../functions.js";
import { allowedMethods } from "../http/http-handler.ts";
import { CUSTOMER_ID } from "../schemas/customer-row.ts";
import { MAX_AGE_SECONDS, PASSED_ON, queryRequestSchema } from "../schemas/query.ts";
import { ADD_NUMBER, QUERY_NUMBERS } from "../signing/operations.ts";
import { headerRefs, type JsonSchema, schemaRef, toDocumentedSchema } from "./documented-schema.ts";
import { type ProblemCode, type ProblemExamples, problemResponses } from "./problems.ts";

type NamedExamples = Readonly<Record<string, object>>;

/** Requests and responses that the document shows, by their names in it. */
export type HttpExamples = {
  readonly addRequests: NamedExamples;
  readonly added: NamedExamples;
  readonly numbers: NamedExamples;
  readonly hintRequests: NamedExamples;
  /** The problems of a function with these methods, whose upstream operation is `action`. */
  readonly problems: (action: string, methods: readonly string[]) => ProblemExamples;
};

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
  "ERR_UPSTREAM_NOT_SENT",
  "ERR_STORE",
];

// After a timeout or a reply of an unknown form, add looks for the number and responds with an outcome.
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
  "ERR_QUOTA_SHARE",
  ...SERVICE_PROBLEMS,
  "ERR_UPSTREAM_CONTRACT",
  "ERR_UPSTREAM_TIMEOUT",
];

const HINT_PROBLEMS: readonly ProblemCode[] = [
  ...CALLER_PROBLEMS,
  "ERR_BODY_TOO_LARGE",
  "ERR_MEDIA_TYPE",
  "ERR_CONFIG",
  "ERR_STORE_IN_USE",
  "ERR_STORE_IDENTITY",
  "ERR_INTERNAL",
  "ERR_STORE",
];

type HttpFunction = Extract<(typeof FUNCTIONS)[number], { kind: "http" }>;

/** The type checker asks for the operation of each new HTTP function. */
const OPERATIONS: Readonly<Record<HttpFunction["name"], (examples: HttpExamples) => object>> = {
  add: addOperation,
  query: queryOperation,
  hint: hintOperation,
};

/** The first path of each HTTP function, with its method, and the address of a customer's hints. */
export function buildPaths(examples: HttpExamples): Readonly<Record<string, unknown>> {
  const paths = FUNCTIONS.flatMap((row) =>
    row.kind === "http"
      ? [[row.paths[0], { [row.method.toLowerCase()]: OPERATIONS[row.name](examples) }]]
      : [],
  );
  const address = `${HINT.paths[0]}/{custSpaceId}/{token}`;
  return { ...Object.fromEntries(paths), [address]: { post: hintAddressOperation(examples) } };
}

/** `POST /add`, with a response for each problem. */
function addOperation({ addRequests, added, problems }: HttpExamples) {
  return {
    operationId: "addNumber",
    tags: ["numbers"],
    summary: "Add a number to a customer",
    description: `poll watches the customer before the number exists. If the upstream's response is lost, the call is never repeated. One query then looks for the number: the outcome is confirmed, or the problem ERR_ADD_OUTCOME_UNKNOWN. ${alsoAt(ADD.paths)}`,
    parameters: [{ $ref: "#/components/parameters/IdempotencyKey" }],
    requestBody: {
      required: true,
      content: {
        "application/json": {
          schema: schemaRef("AddRequest"),
          examples: toExamples(addRequests),
        },
      },
    },
    responses: {
      "201": success("Added.", schemaRef("AddResponse"), added, ["Idempotency-Replayed"]),
      ...problemResponses(
        ADD_PROBLEMS,
        problems(ADD_NUMBER.action, allowedMethods(ADD.method)),
        // The only problem that a repeated Idempotency-Key gets again. The others did nothing.
        ["ERR_UPSTREAM_REJECTED"],
      ),
    },
  };
}

const QUERY_NOTES = {
  custSpaceId: "The customer. Without it, or with self: the account itself.",
  isvCode: "Passed on to the upstream. Only for keys of every customer.",
  status: "Passed on to the upstream, which does not document its values.",
  source: "live calls the upstream. stored returns what poll has stored, without an upstream call.",
  maxAgeSeconds:
    "Instead of source: returns what poll has stored if it was true so many seconds ago, and else calls the upstream.",
};

/** `GET /query`, with a response for each problem. */
function queryOperation({ numbers, problems }: HttpExamples) {
  const { properties } = toDocumentedSchema(queryRequestSchema, {
    custSpaceId: { pattern: CUSTOMER_ID.source },
    isvCode: { pattern: PASSED_ON.source },
    status: { pattern: PASSED_ON.source },
    maxAgeSeconds: { type: "integer", minimum: 0, maximum: MAX_AGE_SECONDS },
  }) as {
    readonly properties: Readonly<Record<keyof typeof QUERY_NOTES, JsonSchema>>;
  };
  return {
    operationId: "queryNumbers",
    tags: ["numbers"],
    summary: "A customer's numbers, from the upstream or from the store",
    description: `stored cannot be combined with isvCode or status. Equal live queries within a second get one answer. ${alsoAt(QUERY.paths)}`,
    parameters: Object.entries(QUERY_NOTES).map(([name, description]) => ({
      name,
      in: "query",
      required: false,
      description,
      schema: properties[name as keyof typeof QUERY_NOTES],
    })),
    responses: {
      "200": success(
        "The numbers.",
        {
          oneOf: [schemaRef("LiveNumbers"), schemaRef("StoredNumbers")],
          discriminator: {
            propertyName: "source",
            mapping: {
              live: "#/components/schemas/LiveNumbers",
              stored: "#/components/schemas/StoredNumbers",
            },
          },
        },
        numbers,
      ),
      ...problemResponses(
        QUERY_PROBLEMS,
        problems(QUERY_NUMBERS.action, allowedMethods(QUERY.method)),
      ),
    },
  };
}

/** `POST /hint`, for callers with an API key. */
function hintOperation({ hintRequests, problems }: HttpExamples) {
  return {
    operationId: "hint",
    tags: ["hints"],
    summary: "Ask for a read of customers soon",
    description:
      "For your own receiver of the upstream's reports. Only watched customers are read, each at most once in 10 s.",
    requestBody: {
      required: true,
      content: {
        "application/json": {
          schema: schemaRef("HintRequest"),
          examples: toExamples(hintRequests),
        },
      },
    },
    responses: {
      "200": success("Accepted.", schemaRef("HintResponse"), { accepted: { code: 0 } }),
      ...problemResponses(HINT_PROBLEMS, problems(HINT.name, allowedMethods(HINT.method))),
    },
  };
}

/** `POST /hint/<custSpaceId>/<token>`, for the upstream's own reports. */
function hintAddressOperation({ problems }: HttpExamples) {
  const parameter = (name: string, description: string, pattern: string) => ({
    name,
    in: "path",
    required: true,
    description,
    schema: { type: "string", pattern },
  });
  return {
    operationId: "hintByAddress",
    tags: ["hints"],
    security: [],
    summary: "Ask for a read of one customer soon",
    description:
      "For the upstream's status reports. Nothing of the body is read but its size, at most 262,144 bytes.",
    parameters: [
      parameter("custSpaceId", "The customer.", CUSTOMER_ID.source),
      parameter(
        "token",
        "base64url(HMAC-SHA256(HINT_SECRET, hint:<custSpaceId>)).",
        "^[A-Za-z0-9_-]{43}$",
      ),
    ],
    requestBody: { required: false, content: { "*/*": { schema: {} } } },
    responses: {
      "200": success("Accepted.", schemaRef("HintResponse"), { accepted: { code: 0 } }),
      ...problemResponses(
        HINT_PROBLEMS.filter(
          (code) => !["ERR_INVALID_REQUEST", "ERR_UNAUTHORIZED", "ERR_MEDIA_TYPE"].includes(code),
        ),
        problems(HINT.name, allowedMethods(HINT.method)),
      ),
    },
  };
}

function success(
  description: string,
  schema: JsonSchema,
  examples: NamedExamples,
  moreHeaders: readonly string[] = [],
) {
  return {
    description,
    headers: headerRefs(["X-Request-Id", ...moreHeaders]),
    content: { "application/json": { schema, examples: toExamples(examples) } },
  };
}

function toExamples(values: NamedExamples) {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, { value }]));
}

function alsoAt([, ...paths]: readonly string[]): string {
  return `The function has the paths ${paths.join(" and ")} as well.`;
}
