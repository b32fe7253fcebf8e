import { WATCHED_FIELD_NAMES } from "../changes/watched-fields.ts";
import {
  type EVENT_TYPES,
  numberEventSchema,
  testEventSchema,
  watchEventSchema,
} from "../schemas/event.ts";
import {
  type JsonSchema,
  type PropertyNotes,
  time,
  toDocumentedSchema,
} from "./documented-schema.ts";

export type EventType = (typeof EVENT_TYPES)[keyof typeof EVENT_TYPES];

const WATCHED = WATCHED_FIELD_NAMES.join(", ");

const EVENT_NOTES: PropertyNotes = {
  specversion: "CloudEvents 1.0.",
  id: "The same on every delivery of the event, and equal to webhook-id. Ignore an id that you know.",
  source: "urn:waba-numbers:<account>:<stage>",
  type: "More types may come. Acknowledge and ignore those that you do not know.",
  subject: "The number. For an event about the watch, the customer.",
  time: time("When poll saw it."),
  datacontenttype: "The type of data.",
  sequence:
    "Zero-padded digits, so text order is number order. Grows within a source and partitionkey, across restarts and restored stores. Ignore an event that is not above the last one, unless webhook-redelivery is true.",
  partitionkey: "The customer. Events of one customer arrive in order.",
  custSpaceId: "The customer. self is the account itself, ~account is all of its customers.",
  phoneNumber:
    "Country code and digits, without +: as the number was first reported, whatever its spelling today.",
  addedAs: "Country code and digits as they were added, where the number was added here.",
  listedAs: "Today's spelling in the upstream's list, where it differs from phoneNumber.",
  changes: "Every watched field that changed between the two reads. Empty if none did.",
  field: `A watched field: ${WATCHED}.`,
  from: "The old value, as the upstream writes it.",
  to: "The new value, as the upstream writes it. Values that no list names are passed on.",
  direction: "Whether it is good news. unknown for values without an order.",
  severity: "How soon somebody should look.",
  current: `Every watched field that is known: ${WATCHED}.`,
  previous: "The old values of the fields that changed.",
  observedAt: time("The read that showed it."),
  previousObservedAt: time(
    "The last read known to have shown the old values. The change happened after it.",
  ),
  upstreamRequestId: "The upstream's id of the read, for its support.",
  groupId:
    "The same on events of one cause, such as a tier that changed on several numbers at once.",
  truncated: "Fields whose values are cut in this event.",
  missingSince: time("The first read that did not list the number."),
  missingReason: "The reason, from the number's last status.",
  addedAt: time("When the number was added."),
  nextStep: "What to do to bring the number into service.",
  sentence: "For people.",
  operation: "The upstream's operation to call first, where one exists.",
  blockedBy: "The field that keeps the number out of service.",
  scope: "Whether poll cannot read one customer, or the account with all of them.",
  failingSince: time("The first of the failed reads."),
  failedReads: "Failed reads in a row, as far as they were counted.",
  lastGoodReadAt: time("The last good read. Absent if there was none."),
  code: "This service's code of the last failure.",
  upstreamCode: "The upstream's code of the last failure.",
  message: "For people.",
  redelivery:
    "The request carries webhook-redelivery: true. If yours does not, a proxy drops that header.",
};

/** One schema for all events about a number, one for those about the watch, and one for the test. */
export const EVENT_SCHEMAS = {
  NumberEvent: /* @__PURE__ */ toDocumentedSchema(numberEventSchema, EVENT_NOTES),
  WatchEvent: /* @__PURE__ */ toDocumentedSchema(watchEventSchema, EVENT_NOTES),
  TestEvent: /* @__PURE__ */ toDocumentedSchema(testEventSchema, EVENT_NOTES),
};

/** The schema of each type of event, in the order in which the document lists them. */
export const SCHEMA_BY_TYPE = /* @__PURE__ */ schemasByType();

export const ALL_EVENT_TYPES = /* @__PURE__ */ Object.keys(SCHEMA_BY_TYPE) as EventType[];

function schemasByType(): Readonly<Record<EventType, keyof typeof EVENT_SCHEMAS>> {
  const pairs = Object.entries(EVENT_SCHEMAS).flatMap(([name, schema]) =>
    typesOf(schema).map((type) => [type, name]),
  );
  return Object.fromEntries(pairs);
}

/** The types of event that a schema allows. */
function typesOf(schema: JsonSchema): readonly string[] {
  const { type } = schema.properties as { readonly type: { enum?: string[]; const?: string } };
  return type.enum ?? [String(type.const)];
}

/** The self-contained JSON Schema of one type of event. */
export function eventJsonSchema(type: EventType): JsonSchema {
  const schema = EVENT_SCHEMAS[SCHEMA_BY_TYPE[type]] as { readonly properties: JsonSchema };
  const { description } = schema.properties.type as JsonSchema;
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    $id: `urn:waba-numbers:schema:${type}`,
    title: type,
    ...schema,
    properties: { ...schema.properties, type: { type: "string", const: type, description } },
  };
}
