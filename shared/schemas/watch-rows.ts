import * as z from "zod/mini";
import { discoverProgressSchema } from "./discovery.ts";

/** Key of the one row that says who polls, and how far. */
export const LEASE_KEY = "lease/poll";
/** Keys of the fast lane. */
export const HOT_PREFIX = "hot/";

const passSchema = z.looseObject({
  /** The last key that was read; "" at the start of a pass. */
  cursor: z.string(),
  /** Wall clock, ms; 0 before the first pass. */
  startedAt: z.number(),
  /** Whether the pass has come to its end. */
  done: z.boolean(),
  /** Some of its customers failed without a note of it. */
  tainted: z.optional(z.boolean()),
  /** The last pass that did, wall clock in ms: every customer was read in it, or failed. */
  full: z.optional(z.looseObject({ startedAt: z.number(), endedAt: z.number() })),
});

/** The lease and where the reading stands, in one row: to renew the one is to save the other. */
export const leaseRowSchema = z.looseObject({
  schema: z.number(),
  /** "" when nobody holds it. */
  owner: z.string(),
  /** Wall clock, ms. */
  until: z.number(),
  sweep: passSchema,
  onboarding: passSchema,
  worse: passSchema,
  /** Absent from the rows of earlier versions. */
  asked: z.optional(passSchema),
  /** Where the listing of customer spaces stands. */
  discovery: z.optional(discoverProgressSchema),
  /** Where the clearing of old idempotency rows goes on. */
  expiryCursor: z.string(),
});

/** Why a customer is in the fast lane. */
export const hotRowSchema = z.looseObject({
  schema: z.number(),
  /** Numbers that were added and are not usable yet, by country code and national number. */
  onboarding: z.record(
    z.string(),
    z.looseObject({ cc: z.string(), addedAt: z.string(), adds: z.optional(z.array(z.string())) }),
  ),
  /** Something got worse: read often until then (wall clock, ms). */
  worseUntil: z.optional(z.number()),
  /** An operator asked for it: read often until then (wall clock, ms). */
  askedUntil: z.optional(z.number()),
});

export type Pass = z.infer<typeof passSchema>;
export type LeaseRow = z.infer<typeof leaseRowSchema>;
export type HotRow = z.infer<typeof hotRowSchema>;

/** Key of a customer's place in the fast lane. */
export function hotKey(customer: string): string {
  return `${HOT_PREFIX}${customer}`;
}

/** A pass that has never begun. */
export const FRESH_PASS: Pass = { cursor: "", startedAt: 0, done: true };

/** The lease before the first tick: nobody holds it and nothing has been read. */
export function newLeaseRow(): LeaseRow {
  return {
    schema: 1,
    owner: "",
    until: 0,
    sweep: FRESH_PASS,
    onboarding: FRESH_PASS,
    worse: FRESH_PASS,
    asked: FRESH_PASS,
    expiryCursor: "",
  };
}
