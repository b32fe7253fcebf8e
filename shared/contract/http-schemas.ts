import { WATCHED_FIELD_NAMES } from "../changes/watched-fields.ts";
import { addRequestSchema, addResponseSchema } from "../schemas/add.ts";
import { problemSchema } from "../schemas/problem.ts";
import { liveResponseSchema, storedResponseSchema } from "../schemas/query.ts";
import { type JsonSchema, time, toDocumentedSchema } from "./documented-schema.ts";

const WATCHED = WATCHED_FIELD_NAMES.join(", ");

/** The schemas of the HTTP bodies, by their names in the document. */
export function httpSchemas(): Readonly<Record<string, JsonSchema>> {
  return {
    AddRequest: toDocumentedSchema(addRequestSchema, {
      custSpaceId: "The customer to add the number to.",
      cc: "Country code, 1 to 3 digits; a + and separators are taken away.",
      phoneNumber:
        "The number without the country code, 4 to 14 digits, 15 together with it; separators are taken away.",
      verifiedName: { description: "The name that WhatsApp shows.", minLength: 1, maxLength: 512 },
      preValidateId: "The upstream's id of a number that was validated before.",
    }),
    AddResponse: toDocumentedSchema(addResponseSchema, {
      phoneNumber: "Country code and digits: how the number is listed from now on.",
      custSpaceId: "The customer.",
      requestId: "The upstream's id of the call.",
      success: "The upstream's own flag, which decides nothing: its documented success says false.",
      outcome:
        "confirmed: the upstream's answer was lost, and the number stands in the customer's list.",
    }),
    LiveNumbers: toDocumentedSchema(liveResponseSchema, {
      phoneNumbers: `What the upstream lists, every field under its camelCase name; fields are added over time. Watched are ${WATCHED}.`,
      phoneNumber: "Country code and digits.",
      requestId: "The upstream's id of the call.",
      malformedItems: "Entries of the upstream's list that are no numbers and were left out.",
    }),
    StoredNumbers: toDocumentedSchema(storedResponseSchema, {
      custSpaceId: "The customer; self for the account itself.",
      source: "What was asked for.",
      sequence: "Of the customer's last event: an event above it tells something newer.",
      phoneNumbers: `What poll has stored: those of ${WATCHED} that are known.`,
      phoneNumber: "Country code and digits.",
      observedAt: time("When the stored values were first seen, or, at the top, last changed."),
      absentSince: time(
        "The first of the last reads, none of which listed the number: it is not yet believed missing.",
      ),
      missingSince: time("The read from which on the number counts as missing."),
      confirmedAt: time(
        "Until when all stored values are known to have held; a change since then may not be stored yet. Null before the first read.",
      ),
      staleSeconds: "Seconds since confirmedAt; null before the first read.",
      lastFullSweepAt: time(
        "When the last sweep over all customers ended: each of them was read in it, or failed. Null before the first.",
      ),
      failing: "The last reads failed, since then and with this code.",
      pendingEvents: "Events that the receiver has not accepted yet.",
    }),
    Problem: toDocumentedSchema(problemSchema, {
      type: "urn:waba-numbers:problem:<code in lower case>",
      title: "The same for every problem of a code.",
      status: "The HTTP status.",
      code: "What a program decides by.",
      detail: "What to do, for people.",
      requestId: "Names the request in the service's log.",
      issues: "With ERR_INVALID_REQUEST: each field that is wrong.",
      upstreamCode: "The upstream's code, where it gave one.",
      upstreamRequestId: "The upstream's id of the call, where it gave one.",
      outcome: "With ERR_ADD_OUTCOME_UNKNOWN: the number may yet appear.",
    }),
  };
}
