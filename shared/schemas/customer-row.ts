import * as z from "zod/mini";

/** Customer of the rows for the account itself: the call without CustSpaceId. */
export const SELF = "self";

/** A CustSpaceId, or `self`. It becomes part of keys, so nothing else is taken. */
export const customerIdSchema = z
  .string()
  .check(z.regex(/^[A-Za-z0-9_-]{1,128}$/, "must be 1 to 128 letters, digits, _ or -"));

/**
 * What is known of one number. Only fields that the upstream has shown are there; a field that
 * appears for the first time is a baseline, never a change.
 */
export const numberStateSchema = z.looseObject({
  fields: z.record(z.string(), z.string()),
  /** SHA-256 of the whole value, for values that are stored cut. */
  hashes: z.optional(z.record(z.string(), z.string())),
  /** When the stored fields were last seen to be new. */
  observedAt: z.string(),
  /** Good reads in a row that did not list the number. */
  absent: z.optional(
    z.looseObject({ reads: z.number(), since: z.string(), lastSeenAt: z.optional(z.string()) }),
  ),
  missingSince: z.optional(z.string()),
});

/** An event that the receiver has not taken yet. */
export const pendingEventSchema = z.looseObject({
  id: z.string(),
  seq: z.number(),
  type: z.string(),
  /** The exact bytes of every delivery attempt. */
  body: z.string(),
  /** Attempts that the receiver answered with a refusal of this very event. */
  refusals: z.optional(
    z.looseObject({
      count: z.number(),
      nextAt: z.number(),
      /** Failures while the receiver took other events. */
      troubles: z.optional(z.number()),
    }),
  ),
});

/** An event that the receiver has taken, as it was sent: what can be sent again. */
const deliveredEventSchema = z.looseObject({
  id: z.string(),
  seq: z.number(),
  type: z.string(),
  body: z.string(),
  deliveredAt: z.string(),
});

/** Reads that failed one after the other; absent while the last read was a good one. */
export const readFailureSchema = z.looseObject({
  reads: z.number(),
  /** The first of them. */
  since: z.string(),
  lastGoodReadAt: z.optional(z.string()),
  code: z.string(),
  upstreamCode: z.optional(z.string()),
  upstreamRequestId: z.optional(z.string()),
  /** When the receiver was told. */
  staleAt: z.optional(z.string()),
});

/** What has been told of a number since it was added. */
const onboardingSchema = z.looseObject({
  addedAt: z.string(),
  stuckAt: z.optional(z.string()),
  completedAt: z.optional(z.string()),
});

/** All that is known of a customer, its outgoing events included: one row, so one conditional write. */
export const customerRowSchema = z.looseObject({
  schema: z.number(),
  /** The last sequence that was used. Starts at the row's creation time in ms. */
  seq: z.number(),
  /** When the customer's numbers were first seen; absent until then. */
  baselineAt: z.optional(z.string()),
  /** The first answer was not whole: numbers seen since are baselines too, until one is. */
  partialBaseline: z.optional(z.boolean()),
  /** Empty answers before any number was seen. */
  emptyAtFirst: z.optional(z.looseObject({ reads: z.number(), since: z.string() })),
  /** When a read last changed this row. */
  observedAt: z.optional(z.string()),
  numbers: z.record(z.string(), numberStateSchema),
  pending: z.array(pendingEventSchema),
  /** The last events that the receiver has taken, the oldest first. */
  delivered: z.optional(z.array(deliveredEventSchema)),
  /** When the newest of the events that `delivered` had no more room for was taken. */
  deliveredCutAt: z.optional(z.string()),
  /**
   * Adds that rely on a row which only an add has made. While no number has been seen, the last
   * refused one of them removes the row again.
   */
  addIntents: z.optional(z.array(z.string())),
  failure: z.optional(readFailureSchema),
  /** By country code and national number, as they were added. */
  onboarding: z.optional(z.record(z.string(), onboardingSchema)),
  /** Set while the customer is taken off the watch list; keeps the sequence. */
  removedAt: z.optional(z.string()),
  /** When it had been taken off, while only an add in progress has brought it back. */
  revivedFrom: z.optional(z.string()),
});

export type NumberState = z.infer<typeof numberStateSchema>;
export type PendingEvent = z.infer<typeof pendingEventSchema>;
export type DeliveredEvent = z.infer<typeof deliveredEventSchema>;
export type ReadFailure = z.infer<typeof readFailureSchema>;
export type CustomerRow = z.infer<typeof customerRowSchema>;

/** Stands for the account with all its customers; no CustSpaceId can be it. */
export const ACCOUNT = "~account";

/** Keys of customers; what comes behind it is the CustSpaceId. */
export const CUSTOMER_PREFIX = "c/";

/** Key of a customer's row. */
export function customerKey(customer: string): string {
  return `${CUSTOMER_PREFIX}${customer}`;
}

/** A watched customer of which nothing is known yet. */
export function newCustomerRow(nowMs: number, addIntent?: string): CustomerRow {
  return {
    schema: 1,
    seq: nowMs,
    numbers: {},
    pending: [],
    ...(addIntent ? { addIntents: [addIntent] } : {}),
  };
}
