import * as z from "zod/mini";
import { listOf, recordOf } from "./collections.ts";
import { optionalTimeSchema, storedTimeSchema } from "./stored-time.ts";

/** The customer that stands for the account itself: it is read without a CustSpaceId. */
export const SELF = "self";

// Checked by `refine`: what zod loads for `regex` would cost each cold start 1 KB.
export const CUSTOMER_ID = /^[A-Za-z0-9_-]{1,128}$/;

/** A CustSpaceId, or `self`. It becomes part of keys, hence the few characters. */
export const customerIdSchema = z
  .string()
  .check(z.refine((id) => CUSTOMER_ID.test(id), "must be 1 to 128 letters, digits, _ or -"));

/**
 * What is known of one number. It holds only fields that the upstream has shown.
 */
const numberStateSchema = z.looseObject({
  fields: /* @__PURE__ */ recordOf(z.string()),
  /** How the upstream lists the line today, where it is not how the line was first reported. */
  listedAs: z.optional(z.string()),
  /** Country code and national number as they were added here. */
  addedAs: z.optional(z.string()),
  /** SHA-256 of the whole value, for values that are stored cut. */
  hashes: z.optional(/* @__PURE__ */ recordOf(z.string())),
  /** The read that last changed this state and showed all of its fields. */
  observedAt: storedTimeSchema,
  /** The first read that listed it after reads that did not. Absent where that is unknown. */
  listedSince: optionalTimeSchema,
  /** The edition that first saw the number; the row's own if absent. */
  watch: z.optional(z.number()),
  /** Complete reads in a row that did not list the number. */
  absent: z.optional(
    z.looseObject({
      reads: z.number(),
      since: storedTimeSchema,
      lastSeenAt: optionalTimeSchema,
    }),
  ),
  missingSince: optionalTimeSchema,
  /** The last known health, with WATCH_HEALTH, and the read that first showed it. */
  health: z.optional(
    z.looseObject({
      canSend: z.string(),
      reasons: /* @__PURE__ */ listOf(
        z.looseObject({
          entity: z.string(),
          code: z.string(),
          description: z.optional(z.string()),
          solution: z.optional(z.string()),
        }),
      ),
      observedAt: storedTimeSchema,
    }),
  ),
});

/** An event that the receiver has not accepted yet. */
export const pendingEventSchema = z.looseObject({
  id: z.string(),
  seq: z.number(),
  type: z.string(),
  /** The exact bytes of every delivery attempt. */
  body: z.string(),
  /** Attempts at which the receiver refused this event. */
  refusals: z.optional(
    z.looseObject({
      count: z.number(),
      nextAt: z.number(),
      /** Failures while the receiver accepted other events. */
      troubles: z.optional(z.number()),
    }),
  ),
});

/** An event that the receiver has accepted, as it was sent, for a redelivery. */
export const deliveredEventSchema = z.looseObject({
  id: z.string(),
  seq: z.number(),
  type: z.string(),
  body: z.string(),
  deliveredAt: storedTimeSchema,
});

/** Failed reads in a row; absent after a good read. */
export const readFailureSchema = z.looseObject({
  reads: z.number(),
  /** The first of them. */
  since: storedTimeSchema,
  lastGoodReadAt: optionalTimeSchema,
  code: z.string(),
  upstreamCode: z.optional(z.string()),
  upstreamRequestId: z.optional(z.string()),
  /** The upstream's own words, or why there was no answer, as `UpstreamFacts` has them. */
  upstreamMessage: z.optional(z.string()),
  accessDeniedDetail: z.optional(z.string()),
  transportCode: z.optional(z.string()),
  /** When a stale event was put into the outbox. */
  staleAt: optionalTimeSchema,
});

/** A number that was added here, and which of its milestones have been reported. */
const addedNumberSchema = z.looseObject({
  addedAt: storedTimeSchema,
  /** Its country code, until it is in service. Absent where an earlier version kept it apart. */
  cc: z.optional(z.string()),
  /** The adds that rely on it. */
  adds: z.optional(/* @__PURE__ */ listOf(z.string())),
  stuckAt: optionalTimeSchema,
  refusedAt: optionalTimeSchema,
  /** Its name was refused when an earlier version last read it, so that alone is no news. */
  refusedBefore: z.optional(z.boolean()),
  completedAt: optionalTimeSchema,
});

/** All that is known of a customer, with its outbox: one row, so one conditional write. */
export const customerRowSchema = z.looseObject({
  schema: z.number(),
  /** The last sequence that was used. It starts at the row's creation time in ms. */
  seq: z.number(),
  /** When the customer's numbers were first seen; absent until then. */
  baselineAt: optionalTimeSchema,
  /** No read so far was complete: a number may have been in a row that could not be read. */
  partialBaseline: z.optional(z.boolean()),
  /** Of the last of these reads: such rows, and the known numbers that it did not list. */
  unread: z.optional(
    z.looseObject({ rows: z.number(), lacks: /* @__PURE__ */ listOf(z.string()) }),
  ),
  /** Empty reads before any number was seen. */
  emptyAtFirst: z.optional(z.looseObject({ reads: z.number(), since: storedTimeSchema })),
  /** When a read last changed this row. */
  observedAt: optionalTimeSchema,
  numbers: /* @__PURE__ */ recordOf(numberStateSchema),
  pending: /* @__PURE__ */ listOf(pendingEventSchema),
  /** Its history lies in rows of its own: how many were written, and when the last was. */
  history: z.optional(z.looseObject({ writes: z.number(), lastAt: storedTimeSchema })),
  /** Until when it may have had too many pending events for new changes, which then were not stored. */
  fullUntil: optionalTimeSchema,
  /** Of earlier versions: the last events that the receiver has accepted, the oldest first. */
  delivered: z.optional(/* @__PURE__ */ listOf(deliveredEventSchema)),
  /** Of earlier versions: when the newest event was accepted that `delivered` lacks. */
  deliveredCutAt: optionalTimeSchema,
  /**
   * Adds that rely on a row which only an add has made. While no number has been seen, the last
   * of them removes the row again when it is refused.
   */
  addIntents: z.optional(/* @__PURE__ */ listOf(z.string())),
  failure: z.optional(readFailureSchema),
  /** Listed numbers of which nothing else is known, as two rows of each contradict each other. */
  unclear: z.optional(/* @__PURE__ */ recordOf(readFailureSchema)),
  /** By country code and national number, as they were added. */
  onboarding: z.optional(/* @__PURE__ */ recordOf(addedNumberSchema)),
  /** Set while the customer is removed from the watch list. The row keeps its sequence. */
  removedAt: optionalTimeSchema,
  /** When all that was known of it was erased. No add that began before brings it back. */
  erasedAt: optionalTimeSchema,
  /** The tombstone goes then, as nothing would bring the customer back. Absent where something would. */
  tombstoneUntil: optionalTimeSchema,
  /** When it was removed, while only an add in progress has brought it back. */
  revivedFrom: optionalTimeSchema,
});

export type NumberState = z.infer<typeof numberStateSchema>;
export type PendingEvent = z.infer<typeof pendingEventSchema>;
export type DeliveredEvent = z.infer<typeof deliveredEventSchema>;
export type AddedNumber = z.infer<typeof addedNumberSchema>;
export type ReadFailure = z.infer<typeof readFailureSchema>;
export type CustomerRow = z.infer<typeof customerRowSchema>;

/** Stands for the account with all its customers. No CustSpaceId can be equal to it. */
export const ACCOUNT = "~account";

/** Keys of customers' rows. The customer follows. */
export const CUSTOMER_PREFIX = "c/";

/** Key of a customer's row. */
export function customerKey(customer: string): string {
  return `${CUSTOMER_PREFIX}${customer}`;
}

/** A watched customer that has not been read yet. */
export function newCustomerRow(nowMs: number, addIntent?: string): CustomerRow {
  return {
    schema: 1,
    seq: nowMs,
    numbers: {},
    pending: [],
    addIntents: addIntent ? [addIntent] : undefined,
  };
}
