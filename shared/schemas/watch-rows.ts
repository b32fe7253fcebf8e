import * as z from "zod/mini";
import { listOf, recordOf } from "./collections.ts";
import { discoverProgressSchema } from "./discovery.ts";
import { healthProgressSchema } from "./health.ts";
import { hintRepeatSchema } from "./hint.ts";
import { storedMsSchema, storedTimeSchema } from "./stored-time.ts";

/** Key of the one row that says which run reads, and how far it is. */
export const LEASE_KEY = "lease/poll";
/** Keys of the priority lane's rows. The customer follows. */
export const LANE_PREFIX = "hot/";

const scanStateSchema = z.looseObject({
  /** The last key that was read; "" at the start of a pass. */
  cursor: z.string(),
  /** Wall clock, ms; 0 before the first pass. */
  startedAt: storedMsSchema,
  /** Whether the pass has ended. */
  done: z.boolean(),
  /** Some of its customers failed, and their rows do not say so. */
  tainted: z.optional(z.boolean()),
  /** The last pass in which every customer was read or noted as failed; wall clock, ms. */
  full: z.optional(z.looseObject({ startedAt: storedMsSchema, endedAt: storedMsSchema })),
  /** Which sweep this is, and how far it skips. Absent from the rows of earlier versions. */
  number: z.optional(z.number()),
  most: z.optional(z.number()),
  /** The oldest read for which a customer was not read again; wall clock, ms. */
  since: z.optional(storedMsSchema),
  /** Customers so far that need a read in every, every second, every fourth sweep. */
  customers: z.optional(/* @__PURE__ */ listOf(z.number())),
  /** Of them, those that this sweep includes. */
  reads: z.optional(z.number()),
});

/** A sweep in which everyone whom it includes was read, or noted as failed. */
const sweepSchema = z.looseObject({
  number: z.number(),
  /** It included each customer, every second one, or every fourth, as far as they need it. */
  most: z.number(),
  startedAt: storedMsSchema,
  endedAt: storedMsSchema,
  since: z.optional(storedMsSchema),
});

/** What the last sweep counted, for the plan of the next one. */
const sweepPlanSchema = z.looseObject({
  customers: /* @__PURE__ */ listOf(z.number()),
  msPerRead: z.number(),
});

/** A pass of the priority lane in which everyone who was due was read, or noted as failed. */
const lanePassSchema = z.looseObject({
  startedAt: storedMsSchema,
  endedAt: storedMsSchema,
  /** The lane held customers whose newest trouble began since then. */
  heldFrom: storedMsSchema,
  /** The shortest time between two reads, in ms. */
  pollIntervalMs: z.number(),
});

/** Where the pace of one operation's calls stood when the row was written. */
const paceSchema = z.looseObject({
  restMs: /* @__PURE__ */ listOf(z.number()),
  allowed: z.number(),
  trips: z.optional(z.looseObject({ shortest: z.number(), mean: z.number(), count: z.number() })),
});

/** The lease and the state of all scans in one row: renewing the lease saves the scans. */
export const leaseRowSchema = z.looseObject({
  schema: z.number(),
  /** "" when nobody holds it. */
  owner: z.string(),
  /** Wall clock, ms. */
  until: storedMsSchema,
  sweep: scanStateSchema,
  /** Whole sweeps: of each customer the last one that included it. Newest first. */
  sweeps: z.optional(/* @__PURE__ */ listOf(sweepSchema)),
  plan: z.optional(sweepPlanSchema),
  /** The last pass of the priority lane. */
  lane: z.optional(lanePassSchema),
  /** Where the listing of customer spaces stands. */
  discovery: z.optional(discoverProgressSchema),
  /** Where the health reads stand. */
  health: z.optional(healthProgressSchema),
  /** Reads that saw no change, and that hints ask for again. */
  hints: z.optional(/* @__PURE__ */ listOf(hintRepeatSchema)),
  /** When the last good read of any customer began; wall clock, ms. */
  lastGoodAt: z.optional(storedMsSchema),
  /** When the first read began that has failed since then; wall clock, ms. */
  blindSince: z.optional(storedMsSchema),
  /** Where the deletion of old idempotency rows continues. */
  expiryCursor: z.string(),
  /** Where the deletion of old events continues; "" between two passes. `endedAt` is in ms. */
  retention: z.optional(
    z.looseObject({
      cursor: z.string(),
      endedAt: storedMsSchema,
      /** How long that pass kept events. Absent from the rows of earlier versions. */
      keptMs: z.optional(z.number()),
    }),
  ),
  /** When a run last saved its progress; wall clock, ms. Absent from the rows of earlier versions. */
  ranAt: z.optional(storedMsSchema),
  /** The pace of the last run's calls, by operation. */
  pace: z.optional(
    z.looseObject({ run: z.string(), operations: /* @__PURE__ */ recordOf(paceSchema) }),
  ),
});

/** Why a customer is in the priority lane. */
export const laneRowSchema = z.looseObject({
  schema: z.number(),
  /** Added numbers, in the rows of earlier versions. They move to the customer's row. */
  onboarding: z.optional(
    /* @__PURE__ */ recordOf(
      z.looseObject({
        cc: z.string(),
        addedAt: storedTimeSchema,
        adds: z.optional(/* @__PURE__ */ listOf(z.string())),
      }),
    ),
  ),
  /** When a number was last added here; wall clock, ms. */
  addedAt: z.optional(z.number()),
  /** One of its numbers got worse: read often until then (wall clock, ms). */
  worseUntil: z.optional(z.number()),
  /** An operator asked for it then: read often until the other time (wall clock, ms). */
  askedAt: z.optional(z.number()),
  askedUntil: z.optional(z.number()),
});

export type Sweep = z.infer<typeof sweepSchema>;
export type SweepPlan = z.infer<typeof sweepPlanSchema>;
export type LanePass = z.infer<typeof lanePassSchema>;
export type ScanState = z.infer<typeof scanStateSchema>;
export type LeaseRow = z.infer<typeof leaseRowSchema>;
export type LaneRow = z.infer<typeof laneRowSchema>;

/** Key of a customer's place in the priority lane. */
export function laneKey(customer: string): string {
  return `${LANE_PREFIX}${customer}`;
}

/** A scan before its first pass. */
const NEW_SCAN: ScanState = { cursor: "", startedAt: 0, done: true };

/** The lease before the first run: nobody holds it and nothing has been read. */
export function newLeaseRow(): LeaseRow {
  return {
    schema: 1,
    owner: "",
    until: 0,
    sweep: NEW_SCAN,
    expiryCursor: "",
  };
}
