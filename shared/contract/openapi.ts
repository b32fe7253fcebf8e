import { eventDefinitions } from "./event-schemas.ts";
import { httpSchemas } from "./http-schemas.ts";
import { buildPaths, type HttpExamples } from "./paths.ts";
import { type EventExamples, webhookOperations } from "./webhooks.ts";

/** The version of the interface, not of the program. A change that breaks callers raises its first part. */
const API_VERSION = "1.0.0";

/**
 * The OpenAPI 3.1 document of the HTTP functions and of the events that poll sends. The schemas and
 * the table of errors make it, so it says what the code does. Performs no I/O.
 *
 * @param http requests and responses to show
 * @param events one event of each type as it is sent, with its signature headers
 * @param eventSecret signs these events, for readers who test their verifier with them
 */
export function buildOpenApi(
  http: HttpExamples,
  events: EventExamples,
  eventSecret: string,
): Readonly<Record<string, unknown>> {
  return {
    openapi: "3.1.0",
    info: {
      title: "waba-numbers",
      version: API_VERSION,
      description: `Adds, queries and watches WhatsApp numbers of Alibaba Cloud Chat App Message Service. The webhooks are Standard Webhooks requests with a CloudEvents 1.0 body. The secret ${eventSecret} signs their examples, over the JSON without white space.`,
      contact: { name: "The maintainers of waba-numbers" },
      license: { name: "MIT", identifier: "MIT" },
    },
    servers: [
      {
        url: "https://{host}",
        description:
          "A custom domain that routes the paths. Without one, each function has its own host and the path /.",
        variables: { host: { default: "numbers.example.com", description: "Your domain." } },
      },
    ],
    tags: [
      { name: "numbers", description: "What callers send." },
      { name: "hints", description: "What may have changed. Only deployed with HINT_SECRET." },
      { name: "webhooks", description: "What receivers get." },
    ],
    security: [{ apiKey: [] }],
    paths: buildPaths(http),
    webhooks: webhookOperations(events),
    components: {
      securitySchemes: {
        apiKey: {
          type: "http",
          scheme: "bearer",
          description: "A key of API_KEYS, which may be limited to one customer.",
        },
      },
      parameters: { IdempotencyKey: IDEMPOTENCY_KEY },
      headers: HEADERS,
      schemas: { ...httpSchemas(), ...eventDefinitions("#/components/schemas/") },
    },
  };
}

const IDEMPOTENCY_KEY = {
  name: "Idempotency-Key",
  in: "header",
  required: false,
  description:
    "Identifies the request for a day. The same key and body get the same response, without a second add. With another body: 422. While the first request is running: 409.",
  schema: { type: "string", pattern: "^[\\x21-\\x7e]{1,255}$" },
  example: "order-4711",
};

const text = (description: string, schema: object = {}) => ({
  description,
  required: true,
  schema: { type: "string", ...schema },
});

const HEADERS = {
  "X-Request-Id": text("Identifies the request in the service's log."),
  "Retry-After": text("Seconds to wait.", { pattern: "^[1-9]\\d*$" }),
  "WWW-Authenticate": text("Why the key is refused (RFC 6750), without error if none was sent.", {
    pattern: '^Bearer realm="waba-numbers"(, error="(invalid_token|insufficient_scope)")?$',
  }),
  Allow: text("The methods that this path takes."),
  "Idempotency-Replayed": {
    description: "Only on a response that was sent before.",
    required: false,
    schema: { type: "string", const: "true" },
  },
};
