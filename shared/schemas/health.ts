import * as z from "zod/mini";

const placeSchema = z.looseObject({
  /** The last key that is done; "" at the start of a turn. */
  key: z.string(),
  /** The key behind it, and how many of its numbers are done. A number here would outlive its customer. */
  within: z.optional(z.string()),
  numbers: z.optional(z.number()),
  /** When the turn began; wall clock, ms. */
  startedAt: z.number(),
  done: z.boolean(),
  /** Whether it has found a number to ask about, and when the last call ended; wall clock, ms. */
  asked: z.optional(z.boolean()),
  askedAt: z.optional(z.number()),
});

/** Where the health reads stand, from run to run. */
export const healthProgressSchema = z.looseObject({ lane: placeSchema, all: placeSchema });

export type HealthProgress = z.infer<typeof healthProgressSchema>;

/** Before the first turns: both are due at once. */
export function newHealthProgress(): HealthProgress {
  const place = { key: "", startedAt: 0, done: true };
  return { lane: place, all: place };
}
