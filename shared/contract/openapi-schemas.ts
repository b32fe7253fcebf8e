import * as z from "zod/mini";
import { WATCHED_FIELD_NAMES } from "../changes/watched-fields.ts";
import {
  EVENT_TYPES,
  numberEventSchema,
  testEventSchema,
  watchEventSchema,
} from "../schemas/event.ts";

export type JsonSchema = Readonly<Record<string, unknown>>;

export type EventType = (typeof EVENT_TYPES)[keyof typeof EVENT_TYPES];

/** What is said of a property: its text, and what JSON Schema knows and zod was not asked for. */
export type PropertyNotes = Readonly<Record<string, string | JsonSchema>>;

/** The notes of a time. */
export const time = (description: string): JsonSchema => ({
  description: `${description} RFC 3339, UTC, milliseconds.`,
  format: "date-time",
});

const WATCHED = WATCHED_FIELD_NAMES.join(", ");

const EVENT_NOTES: PropertyNotes = {
  specversion: "CloudEvents 1.0.",
  id: "The same on every delivery of the event, and equal to webhook-id. Ignore an id that you know.",
  source: "urn:waba-numbers:<account>:<stage>",
  type: "Types are added over time: acknowledge and ignore those that you do not know.",
  subject: "The number; for an event about the watch, the customer.",
  time: time("When it was observed."),
  datacontenttype: "The type of data.",
  sequence:
    "Digits, zero-padded: text order is number order. Grows within a source and partitionkey, across restarts and restored stores. Ignore one that is not above the last, unless webhook-redelivery is true.",
  partitionkey: "The customer. Events of one customer arrive in order.",
  custSpaceId: "The customer; self for the account itself, ~account for all of its customers.",
  phoneNumber: "Country code and digits, without +.",
  changes: "Every watched field that changed between the two reads; empty for none.",
  field: `A watched field: ${WATCHED}.`,
  from: "The old value, the upstream's own.",
  to: "The new value, the upstream's own; a value that no list names is passed on.",
  direction: "Whether it is good news; unknown for values that no list orders.",
  severity: "How soon somebody should look.",
  current: `Every watched field that is known: ${WATCHED}.`,
  previous: "The old values of the fields that changed.",
  observedAt: time("The read that showed it."),
  previousObservedAt: time(
    "The last read known to have shown the old values: it happened between the two.",
  ),
  upstreamRequestId: "The upstream's id of the read, for its support.",
  groupId: "The same on events of one cause, such as a tier that moved on several numbers at once.",
  truncated: "Fields whose values are cut in this event.",
  missingSince: time("The first read that did not list the number."),
  missingReason: "What the number's last status said of the reason.",
  addedAt: time("When the number was added."),
  blockedBy: "The field that keeps the number from being usable.",
  scope: "Whether one customer cannot be read, or the account with all of them.",
  failingSince: time("The first of the failed reads."),
  failedReads: "Failed reads in a row, as far as they were counted.",
  lastGoodReadAt: time("The last good read; absent when there was none."),
  code: "This service's code of the last failure.",
  upstreamCode: "The upstream's code of the last failure.",
  message: "For people.",
};

/**
 * A zod schema as JSON Schema 2020-12, as a reader needs it: what is not named may be added later,
 * so objects stay open unless the schema itself is strict.
 */
export function toDocumentedSchema(schema: z.core.$ZodType, notes: PropertyNotes): JsonSchema {
  const {
    $schema,
    "~standard": _,
    ...rest
  } = z.toJSONSchema(schema, {
    io: "input",
    override({ jsonSchema, path }) {
      const note = path.at(-2) === "properties" ? notes[String(path.at(-1))] : undefined;
      Object.assign(jsonSchema, typeof note === "string" ? { description: note } : note);
    },
  });
  return rest;
}

/** What the events are made of: one schema for all events about a number, and so on. */
export function eventBaseSchemas() {
  return {
    NumberEvent: toDocumentedSchema(numberEventSchema, EVENT_NOTES),
    WatchEvent: toDocumentedSchema(watchEventSchema, EVENT_NOTES),
    TestEvent: toDocumentedSchema(testEventSchema, EVENT_NOTES),
  };
}

/** The base schema of each type. */
export const EVENT_BASES: Readonly<Record<EventType, keyof ReturnType<typeof eventBaseSchemas>>> = {
  [EVENT_TYPES.changed]: "NumberEvent",
  [EVENT_TYPES.discovered]: "NumberEvent",
  [EVENT_TYPES.missing]: "NumberEvent",
  [EVENT_TYPES.returned]: "NumberEvent",
  [EVENT_TYPES.state]: "NumberEvent",
  [EVENT_TYPES.onboardingCompleted]: "NumberEvent",
  [EVENT_TYPES.onboardingStuck]: "NumberEvent",
  [EVENT_TYPES.watchStale]: "WatchEvent",
  [EVENT_TYPES.watchRecovered]: "WatchEvent",
  [EVENT_TYPES.test]: "TestEvent",
};

/** In the order in which the document lists them. */
export const ALL_EVENT_TYPES = Object.keys(EVENT_BASES) as EventType[];

/** One self-contained JSON Schema for an event type: the content of `schemas/<type>.json`. */
export function eventJsonSchema(type: EventType): JsonSchema {
  const base = eventBaseSchemas()[EVENT_BASES[type]] as { readonly properties: JsonSchema };
  const described = base.properties.type as JsonSchema;
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    $id: `urn:waba-numbers:schema:${type}`,
    title: type,
    ...base,
    properties: {
      ...base.properties,
      type: { type: "string", const: type, description: described.description },
    },
  };
}
