import * as z from "zod/mini";
import { customerIdSchema } from "./customer-row.ts";

/** Keys of the marks of customers that should be read soon. The customer follows. */
export const HINT_PREFIX = "hint/";

/** Key of a customer's mark. */
export function hintKey(customer: string): string {
  return `${HINT_PREFIX}${customer}`;
}

/** A hint came, and no read for it has begun. */
export const hintRowSchema = z.looseObject({
  schema: z.number(),
  /** When the hint came; wall clock, ms. */
  at: z.number(),
});

/** A read that saw no change, and that a hint asks for again. */
export const hintRepeatSchema = z.looseObject({
  customer: z.string(),
  /** When the hint came, and when it was first read for it; wall clock, ms. */
  at: z.number(),
  readAt: z.number(),
  /** How often it has been read for it. */
  reads: z.number(),
});

export type HintRepeat = z.infer<typeof hintRepeatSchema>;

/** The body at the door for API keys. */
export const hintRequestSchema = z.strictObject({
  custSpaceIds: z
    .array(customerIdSchema)
    .check(z.minLength(1, "must hold at least one"), z.maxLength(100, "must hold at most 100")),
});

/** What a sender of message receipts wants to see: a code that is a number. */
export const hintResponseSchema = z.object({ code: z.literal(0) });
