import * as z from "zod/mini";
import { listOf, recordOf } from "./collections.ts";
import { discoverProgressSchema } from "./discovery.ts";
import { healthProgressSchema } from "./health.ts";
import { hintRepeatSchema } from "./hint.ts";

/** Key of the one row that says which run reads, and how far it is. */
export const LEASE_KEY = "lease/poll";
/** Keys of the priority lane's rows. The customer follows. */
export const LANE_PREFIX = "hot/";

const scanStateSchema = z.looseObject({
  /** The last key that was read; "" at the start of a pass. */
  cursor: z.string(),
  /** Wall clock, ms; 0 before the first pass. */
  startedAt: z.number(),
  /** Whether the pass has ended. */
  done: z.boolean(),
  /** Some of its customers failed, and their rows do not say so. */
  tainted: z.optional(z.boolean()),
  /** The last pass in which every customer was read or noted as failed; wall clock, ms. */
  full: z.optional(z.looseObject({ startedAt: z.number(), endedAt: z.number() })),
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
  until: z.number(),
  sweep: scanStateSchema,
  onboarding: scanStateSchema,
  worse: scanStateSchema,
  /** Absent from the rows of earlier versions. */
  asked: z.optional(scanStateSchema),
  /** Where the listing of customer spaces stands. */
  discovery: z.optional(discoverProgressSchema),
  /** Where the health reads stand. */
  health: z.optional(healthProgressSchema),
  /** Reads that saw no change, and that hints ask for again. */
  hints: z.optional(/* @__PURE__ */ listOf(hintRepeatSchema)),
  /** When the last good read of any customer began; wall clock, ms. */
  lastGoodAt: z.optional(z.number()),
  /** Where the deletion of old idempotency rows continues. */
  expiryCursor: z.string(),
  /** Where the deletion of old events continues; "" between two passes. `endedAt` is in ms. */
  retention: z.optional(z.looseObject({ cursor: z.string(), endedAt: z.number() })),
  /** When a run last saved its progress; wall clock, ms. Absent from the rows of earlier versions. */
  ranAt: z.optional(z.number()),
  /** The pace of the last run's calls, by operation. */
  pace: z.optional(
    z.looseObject({ run: z.string(), operations: /* @__PURE__ */ recordOf(paceSchema) }),
  ),
});

/** Why a customer is in the priority lane. */
export const laneRowSchema = z.looseObject({
  schema: z.number(),
  /** Added numbers that are not in service yet, by country code and national number. */
  onboarding: /* @__PURE__ */ recordOf(
    z.looseObject({
      cc: z.string(),
      addedAt: z.string(),
      adds: z.optional(/* @__PURE__ */ listOf(z.string())),
    }),
  ),
  /** One of its numbers got worse: read often until then (wall clock, ms). */
  worseUntil: z.optional(z.number()),
  /** An operator asked for it: read often until then (wall clock, ms). */
  askedUntil: z.optional(z.number()),
});

export type ScanState = z.infer<typeof scanStateSchema>;
export type LeaseRow = z.infer<typeof leaseRowSchema>;
export type LaneRow = z.infer<typeof laneRowSchema>;

/** Key of a customer's place in the priority lane. */
export function laneKey(customer: string): string {
  return `${LANE_PREFIX}${customer}`;
}

/** A scan before its first pass. */
export const NEW_SCAN: ScanState = { cursor: "", startedAt: 0, done: true };

/** The lease before the first run: nobody holds it and nothing has been read. */
export function newLeaseRow(): LeaseRow {
  return {
    schema: 1,
    owner: "",
    until: 0,
    sweep: NEW_SCAN,
    onboarding: NEW_SCAN,
    worse: NEW_SCAN,
    asked: NEW_SCAN,
    expiryCursor: "",
  };
}
