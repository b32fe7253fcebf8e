import { EVENT_TYPES } from "../schemas/event.ts";
import { schemaRef } from "./documented-schema.ts";
import { ALL_EVENT_TYPES, type EventType, eventName } from "./event-schemas.ts";

/** One event as it was sent, which the document shows for its type. */
export type SentExample = {
  /** The exact bytes, as text. */
  readonly body: string;
  readonly headers: Readonly<
    Record<"webhook-id" | "webhook-timestamp" | "webhook-signature", string>
  >;
};

export type EventExamples = Readonly<Record<EventType, SentExample>>;

const SUMMARIES: Readonly<Record<EventType, string>> = {
  [EVENT_TYPES.changed]: "Watched fields of a number changed",
  [EVENT_TYPES.discovered]: "A new number of a customer that is known",
  [EVENT_TYPES.missing]: "A number is missing from the customer's list",
  [EVENT_TYPES.returned]: "A missing number is back",
  [EVENT_TYPES.healthChanged]: "What a number can do changed, or the reason why it cannot",
  [EVENT_TYPES.state]:
    "All that is known of a number, because an operator requested it. Nothing changed",
  [EVENT_TYPES.onboardingCompleted]: "A number that was added is in service",
  [EVENT_TYPES.onboardingStuck]: "A number is not in service 24 hours after it was added",
  [EVENT_TYPES.watchStale]: "A customer, or the account, had no good read for 30 minutes",
  [EVENT_TYPES.watchRecovered]: "A customer, or the account, that was stale can be read again",
  [EVENT_TYPES.test]: "Tests whether the receiver verifies and accepts. Nothing happened",
};

const RESPONSES = {
  "2XX": { description: "Accepted. The event is not sent again." },
  "400": {
    description:
      "Refuses this event. poll tries it ten times in 75 hours, then it is a dead letter.",
  },
  "410": {
    description: "Refuses all events. poll sends nothing until an operator enables the webhook.",
  },
  "413": { description: "As 400." },
  "415": { description: "As 400." },
  "422": { description: "As 400." },
  default: {
    description:
      "The receiver has a problem, and no event is lost. All events wait in order. poll retries at growing intervals and obeys Retry-After.",
  },
};

/** One webhook for each type of event, under the name of the type. */
export function webhookOperations(examples: EventExamples): Record<string, unknown> {
  return Object.fromEntries(
    ALL_EVENT_TYPES.map((type) => [type, { post: webhookOperation(type, examples[type]) }]),
  );
}

function webhookOperation(type: EventType, example: SentExample) {
  return {
    operationId: `receive-${type.replaceAll(/[._]/g, "-")}`,
    tags: ["webhooks"],
    summary: SUMMARIES[type],
    security: [],
    parameters: signatureParameters(example),
    requestBody: {
      required: true,
      content: {
        "application/cloudevents+json": {
          schema: {
            ...schemaRef(eventName(type)),
          },
          examples: { sent: { value: JSON.parse(example.body) } },
        },
      },
    },
    responses: RESPONSES,
  };
}

/** The headers of Standard Webhooks, and `webhook-redelivery`, which is this service's own. */
function signatureParameters({ headers }: SentExample) {
  const header = (name: keyof SentExample["headers"], pattern: string, description: string) => ({
    name,
    in: "header",
    required: true,
    description,
    schema: { type: "string", pattern },
    example: headers[name],
  });
  return [
    header("webhook-id", "^[A-Za-z0-9_-]+$", "The event's id, the same on every attempt."),
    header("webhook-timestamp", "^\\d+$", "When this attempt was made: seconds since 1970."),
    header(
      "webhook-signature",
      "^v1,[A-Za-z0-9+/]+=*( v1,[A-Za-z0-9+/]+=*)*$",
      "HMAC-SHA256 in base64 of webhook-id, a dot, webhook-timestamp, a dot and the body's bytes. One for each live secret, separated by spaces.",
    ),
    {
      name: "webhook-redelivery",
      in: "header",
      required: false,
      description:
        "Only on an event that an operator sent again. The id and the bytes are the same.",
      schema: { type: "string", const: "true" },
    },
  ];
}
