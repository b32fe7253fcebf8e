import * as z from "zod/mini";

/** Keys of keyed adds: `idem/<API key's name>/<SHA-256 of the Idempotency-Key>`. */
export const IDEMPOTENCY_PREFIX = "idem/";
/** Keys by which they expire: `exp/<expiry>/<API key's name>/<SHA-256>`, with nothing in their rows. */
export const EXPIRY_PREFIX = "exp/";

/** A keyed add, and its response once there is one. Kept for a day. */
export const idempotencyRowSchema = z.looseObject({
  schema: z.number(),
  bodyHash: z.string(),
  /** `unknown`: the request ended without learning whether it acted. */
  state: z.string().check(z.refine((state) => /^(started|unknown|done)$/.test(state))),
  /** Wall clock, ms. */
  startedAt: z.number(),
  expiresAt: z.number(),
  /** Whose number it adds. Absent from the rows of earlier versions. */
  customer: z.optional(z.string()),
  /** Its customer was erased: no response may be stored any more. */
  erased: z.optional(z.boolean()),
  answer: z.optional(z.looseObject({ status: z.number(), body: z.string() })),
});

export type IdempotencyRow = z.infer<typeof idempotencyRowSchema>;
