import * as z from "zod/mini";
import { customerIdSchema } from "./customer-row.ts";

/** Keys of the marks of customers that should be read soon. The customer follows. */
const HINT_PREFIX = "hint/";

/** Key of a customer's mark. */
export function hintKey(customer: string): string {
  return `${HINT_PREFIX}${customer}`;
}

/** The body at the door for API keys. */
export const hintRequestSchema = z.strictObject({
  custSpaceIds: z
    .array(customerIdSchema)
    .check(z.minLength(1, "must hold at least one"), z.maxLength(100, "must hold at most 100")),
});

/** What a sender of message receipts wants to see: a code that is a number. */
export const hintResponseSchema = z.object({ code: z.literal(0) });
