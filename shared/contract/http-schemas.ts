import { WATCHED_FIELD_NAMES } from "../changes/watched-fields.ts";
import { addRequestSchema, addResponseSchema, NAME_LENGTH, PLAIN_ID } from "../schemas/add.ts";
import { CUSTOMER_ID } from "../schemas/customer-row.ts";
import { hintRequestSchema, hintResponseSchema } from "../schemas/hint.ts";
import { problemSchema } from "../schemas/problem.ts";
import { liveResponseSchema, storedResponseSchema } from "../schemas/query.ts";
import {
  type JsonSchema,
  type PropertyNotes,
  time,
  toDocumentedSchema,
} from "./documented-schema.ts";
import { watchedProperties } from "./event-schemas.ts";

type NumbersSchema = typeof liveResponseSchema | typeof storedResponseSchema;

const SCHEMAS = "#/components/schemas/";
const WATCHED = WATCHED_FIELD_NAMES.join(", ");

/** The schemas of the HTTP bodies, by their names in the document. */
export function httpSchemas(): Readonly<Record<string, JsonSchema>> {
  return {
    AddRequest: toDocumentedSchema(addRequestSchema, {
      custSpaceId: {
        description: "The customer to add the number to.",
        pattern: CUSTOMER_ID.source,
      },
      cc: "Country code, 1 to 3 digits. A + and separators are removed.",
      phoneNumber:
        "The number without the country code: 4 to 14 digits, at most 15 with it. Separators are removed.",
      verifiedName: {
        description: "The name that WhatsApp shows.",
        minLength: 1,
        maxLength: 512,
        pattern: NAME_LENGTH.source,
      },
      preValidateId: {
        description:
          "The upstream's id of a number that was validated before. Only for keys of every customer.",
        pattern: PLAIN_ID.source,
      },
    }),
    AddResponse: toDocumentedSchema(addResponseSchema, {
      phoneNumber: "Country code and digits. The number is listed like this from now on.",
      custSpaceId: "The customer.",
      requestId: "The upstream's id of the call.",
      success: "The upstream's own flag. It decides nothing, as its documented success has false.",
      warnings: "What looks doubtful about the number, which was added all the same.",
      outcome:
        "accepted: the upstream accepted the call. confirmed: its response was lost, and it lists the number.",
    }),
    LiveNumbers: withWatchedFields(liveResponseSchema, {
      source: "The upstream was called.",
      phoneNumbers: `The upstream's list. Every field has its camelCase name, and more fields may come. Watched are ${WATCHED}.`,
      phoneNumber: "Country code and digits.",
      requestId: "The upstream's id of the call.",
      malformedItems: "How many entries of the upstream's list are no numbers. They are left out.",
    }),
    StoredNumbers: withWatchedFields(storedResponseSchema, {
      custSpaceId: "The customer. self is the account itself.",
      source: "The store was read. With maxAgeSeconds, the service chose it.",
      sequence: "The sequence of the customer's last event. An event with a higher one is newer.",
      phoneNumbers: `The stored values: those of ${WATCHED} that are known.`,
      phoneNumber: "Country code and digits.",
      addedAs: "Country code and digits as they were added, where the number was added here.",
      listedAs: "Today's spelling in the upstream's list, where it differs from phoneNumber.",
      observedAt: time(
        "When poll first saw the stored values. At the top: when they last changed.",
      ),
      absentSince: time("Since this read no read has listed the number. It is not yet missing."),
      missingSince: time("The number is missing since this read."),
      unclearSince: time(
        "The upstream lists the number twice since this read, with different values. These are the last.",
      ),
      health:
        "Whether the number can send, as last known. observedAt: the read that first showed it. Only with WATCH_HEALTH.",
      canSend: "available, limited, blocked, or another word of the upstream in lower case.",
      reasons: "Why it cannot. Empty if it can, or if the upstream gives no reason.",
      entity: "What is in trouble, as the upstream writes it.",
      code: "Of a reason: the upstream's code. Of failing: this service's code.",
      description: "The upstream's own words.",
      solution: "What the upstream advises.",
      confirmedAt: time(
        "All stored values were true until then. A later change may not be stored yet. Null before the first read.",
      ),
      staleSeconds: "Seconds since confirmedAt. Null before the first read.",
      lastFullSweepAt: time(
        "When the last sweep over all customers ended. It read each of them, or failed to. Null before the first.",
      ),
      failing: "The last reads failed: since when, and with which code.",
      pendingEvents: "Events that the receiver has not accepted yet.",
    }),
    HintRequest: toDocumentedSchema(hintRequestSchema, {
      custSpaceIds: "The customers to read soon. Each must be covered by the key.",
    }),
    HintResponse: toDocumentedSchema(hintResponseSchema, {
      code: "Always 0. The upstream wants a number here.",
    }),
    Problem: toDocumentedSchema(problemSchema, {
      type: "urn:waba-numbers:problem:<code in lower case>",
      title: "The same for every problem of a code.",
      status: "The HTTP status.",
      code: "A program decides by this.",
      detail: "What to do, for people.",
      requestId: "Identifies the request in the service's log.",
      issues: "With ERR_INVALID_REQUEST: each field that is wrong.",
      upstreamCode: "The upstream's code, if it gave one.",
      upstreamRequestId: "The upstream's id of the call, if it gave one.",
      upstreamMessage: "The upstream's own words, if it gave any. For people, not for programs.",
      accessDeniedDetail: "The upstream's words on a missing permission.",
      outcome: "With ERR_ADD_OUTCOME_UNKNOWN: the number may still appear.",
    }),
  };
}

/** Numbers with the watched fields as optional properties; any other field of the upstream may come. */
function withWatchedFields(schema: NumbersSchema, notes: PropertyNotes): JsonSchema {
  const documented = toDocumentedSchema(schema, notes) as {
    readonly properties: { readonly phoneNumbers: { readonly items: JsonSchema } };
  };
  const { phoneNumbers } = documented.properties;
  const { items } = phoneNumbers;
  // A live number is the upstream's own, which may write null.
  const watched = watchedProperties(SCHEMAS, schema === liveResponseSchema ? "or null" : undefined);
  const properties = { ...(items.properties as object), ...watched };
  return {
    ...documented,
    properties: {
      ...documented.properties,
      phoneNumbers: { ...phoneNumbers, items: { ...items, properties } },
    },
  };
}
