import { BLOCKERS } from "../changes/next-step.ts";
import { ruleOf, WATCHED_FIELD_NAMES, type WatchedField } from "../changes/watched-fields.ts";
import type { AnyAppError } from "../errors.ts";
import {
  EVENT_TYPES,
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
  subject: "The number. For an event about the watch, the customer, unless its scope is number.",
  time: time("When poll saw it."),
  datacontenttype: "The type of data.",
  sequence:
    "Zero-padded digits, so text order is number order. Grows within a source and partitionkey, across restarts and restored stores. Ignore an event that is not above the last one, unless webhook-redelivery is true.",
  partitionkey:
    "The customer. Events of one customer arrive in order. ~watch. and the customer while its stored row cannot be used: such events have an order of their own.",
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
  health: "What the number can do, as last known. Only with WATCH_HEALTH.",
  previousHealth: "What the number could do before. null at first sight.",
  canSend: "available, limited, blocked, or another word of the upstream in lower case.",
  reasons: "Why it cannot. Empty if it can, or if the upstream gives no reason.",
  entity: "What is in trouble, as the upstream writes it: PHONE_NUMBER, WABA, BUSINESS, APP …",
  description: "The upstream's own words, cut at 1,024 characters.",
  solution: "What the upstream advises, cut at 1,024 characters.",
  blockedBy: "The field that keeps the number out of service. phoneNumber while it is not listed.",
  scope:
    "Whether poll cannot read one number of a customer, one customer, or the account with all of them.",
  failingSince: time("The first of the failed reads."),
  failedReads: "Failed reads in a row, as far as they were counted.",
  lastGoodReadAt: time("The last good read. Absent if there was none."),
  code: "Of the watch: this service's code of the last failure. Of a reason: the upstream's code.",
  upstreamCode: "The upstream's code of the last failure.",
  upstreamMessage: "The upstream's own words of the last failure, on one line.",
  accessDeniedDetail: "Which permission the upstream missed, in its own words.",
  transportCode:
    "Why there was no answer, as Node names it: ENOTFOUND, ECONNREFUSED, CERT_HAS_EXPIRED …",
  message: "For people.",
  redelivery:
    "The request carries webhook-redelivery: true. If yours does not, a proxy drops that header.",
};

const isWord = (field: WatchedField) => ruleOf(field).kind === "word";
const WORDS = WATCHED_FIELD_NAMES.filter(isWord);

function valuesOf(field: WatchedField): readonly string[] {
  const { levels, unranked = [] } = ruleOf(field);
  return [...levels.flatMap((level) => [...level.values]), ...unranked];
}

/** With what code reads fail. */
const FAILURE_CODES = [
  "ERR_UPSTREAM_REJECTED",
  "ERR_UPSTREAM_ACCOUNT",
  "ERR_UPSTREAM_THROTTLED",
  "ERR_UPSTREAM_TIMEOUT",
  "ERR_UPSTREAM_UNAVAILABLE",
  "ERR_UPSTREAM_CONTRACT",
  "ERR_CREDENTIALS",
  "ERR_STORE_ROW",
  "ERR_CUSTOMER_TOO_LARGE",
] as const satisfies readonly AnyAppError["code"][];

/** Known values of what the events hold, by name. More come, so any other text is one as well. */
export const OPEN_ENUMS: Readonly<Record<string, readonly string[]>> = {
  Field: WATCHED_FIELD_NAMES,
  BlockedBy: BLOCKERS,
  FailureCode: FAILURE_CODES,
  ...Object.fromEntries(WORDS.map((field) => [capitalise(field), valuesOf(field)])),
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

/** What the events of a type always hold beyond what all of their kind do. */
export const ALWAYS: Readonly<Partial<Record<EventType, readonly string[]>>> = {
  [EVENT_TYPES.missing]: ["missingReason", "missingSince", "previousObservedAt"],
  [EVENT_TYPES.healthChanged]: ["health", "previousHealth"],
  [EVENT_TYPES.changed]: ["previousObservedAt"],
  [EVENT_TYPES.returned]: ["previousObservedAt"],
  [EVENT_TYPES.onboardingCompleted]: ["addedAt"],
  [EVENT_TYPES.onboardingStuck]: ["addedAt", "blockedBy", "nextStep"],
};

/** `OnboardingStuckEvent` for `whatsapp.onboarding.stuck`. */
export function eventName(type: EventType): string {
  return `${type.replace("whatsapp.", "").split(/[._]/).map(capitalise).join("")}Event`;
}

/**
 * The schema of each type of event, and the definitions that they share, by name.
 *
 * @param base where references point to, with a slash at its end
 */
export function eventDefinitions(base: string): Readonly<Record<string, JsonSchema>> {
  const definitions: Record<string, JsonSchema> = knownValues(base);
  const events = ALL_EVENT_TYPES.map((type) => [eventName(type), eventSchema(type)] as const);
  const named = events.map(([name, schema]) => [name, shareProperties(schema, definitions, base)]);
  return { ...Object.fromEntries(named), ...definitions };
}

/** One document with the schemas of all events. */
export function eventsDocument(): JsonSchema {
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    $id: "urn:waba-numbers:schema:events",
    title: "Events of waba-numbers",
    oneOf: ALL_EVENT_TYPES.map((type) => ({ $ref: `#/$defs/${eventName(type)}` })),
    $defs: eventDefinitions("#/$defs/"),
  };
}

type ObjectSchema = JsonSchema & {
  readonly properties: Readonly<Record<string, JsonSchema>>;
  readonly required: readonly string[];
};

function eventSchema(type: EventType): ObjectSchema {
  const schema = EVENT_SCHEMAS[SCHEMA_BY_TYPE[type]] as unknown as ObjectSchema;
  const { type: { description } = {}, data } = schema.properties;
  const { required, ...rest } = data as ObjectSchema;
  const properties = {
    ...schema.properties,
    type: { type: "string", const: type, description },
    data: { ...rest, required: [...required, ...(ALWAYS[type] ?? [])] },
  };
  return { ...schema, properties };
}

/** Moves each described property into the definitions, where all events share it. */
function shareProperties(
  schema: JsonSchema,
  definitions: Record<string, JsonSchema>,
  base: string,
): JsonSchema {
  const { properties, items } = schema as {
    properties?: ObjectSchema["properties"];
    items?: JsonSchema;
  };
  if (items) return { ...schema, items: shareProperties(items, definitions, base) };
  if (!properties) return schema;
  const shared = Object.entries(properties).map(([name, property]) => {
    const inner = shareProperties(property, definitions, base);
    if (name === "type" || !property.description) return [name, inner];
    const values = capitalise(name);
    // A client generator exports every definition by its name: `To` and `Id` alone say nothing.
    const defined = values in definitions ? values : `Event${values}`;
    definitions[defined] ??= inner;
    return [name, { $ref: base + defined }];
  });
  return { ...schema, properties: Object.fromEntries(shared) };
}

/**
 * The documented values of each word. The upstream adds words, so a value is one of them or any
 * other text.
 */
function knownValues(base: string): Record<string, JsonSchema> {
  const ref = (name: string) => ({ $ref: base + name });
  const open = (known: string) => ({ anyOf: [ref(known), { type: "string" }] });
  const known = Object.entries(OPEN_ENUMS).map(([name, values]) => [
    `Known${name}`,
    { type: "string", enum: values },
  ]);
  return {
    ...Object.fromEntries(known),
    ...Object.fromEntries(
      WORDS.map((field) => [capitalise(field), open(`Known${capitalise(field)}`)]),
    ),
    Code: { description: EVENT_NOTES.code, ...open("KnownFailureCode") },
    Field: { description: EVENT_NOTES.field, ...open("KnownField") },
    BlockedBy: { description: EVENT_NOTES.blockedBy, ...open("KnownBlockedBy") },
    Current: {
      type: "object",
      description: EVENT_NOTES.current,
      properties: watchedProperties(base),
      additionalProperties: { type: "string" },
    },
    Previous: {
      type: "object",
      description: EVENT_NOTES.previous,
      properties: watchedProperties(base, "or null"),
      additionalProperties: { type: ["string", "null"] },
    },
  };
}

/**
 * The watched fields as properties: a word refers to its known values.
 *
 * @param base where references point to, with a slash at its end
 */
export function watchedProperties(
  base: string,
  empty?: "or null",
): Readonly<Record<string, JsonSchema>> {
  const properties = WATCHED_FIELD_NAMES.map((field) => {
    const value = isWord(field) ? { $ref: base + capitalise(field) } : { type: "string" };
    return [field, empty ? { anyOf: [value, { type: "null" }] } : value];
  });
  return Object.fromEntries(properties);
}

export function capitalise(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}
