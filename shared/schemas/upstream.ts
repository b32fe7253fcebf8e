import * as z from "zod/mini";
import { customerIdSchema, SELF } from "./customer-row.ts";

/** A number has at most 15 digits (E.164); room for a sign and separators. */
const MAX_NUMBER_LENGTH = 40;

/** One number as the upstream sent it. Fields keep being added upstream: unknown ones are data. */
export type PhoneNumberItem = { readonly PhoneNumber: string; readonly [field: string]: unknown };

/** By hand, as a schema would copy each field of each of a hundred numbers, at five times the cost. */
export function isPhoneNumberItem(row: unknown): row is PhoneNumberItem {
  if (typeof row !== "object" || row === null || Array.isArray(row)) return false;
  const { PhoneNumber } = row as { PhoneNumber?: unknown };
  return (
    typeof PhoneNumber === "string" &&
    PhoneNumber.length <= MAX_NUMBER_LENGTH &&
    /\d/.test(PhoneNumber)
  );
}

/** What an Add that was accepted is answered with. */
export const addReplySchema = z.looseObject({
  Code: z.literal("OK"),
  RequestId: z.optional(z.string()),
  Success: z.optional(z.nullable(z.boolean())),
});

/**
 * `PhoneNumbers` is left open here: a list that is missing or holds a malformed item must not make
 * the whole answer useless, and must not be taken for an empty list either.
 */
export const queryReplySchema = z.looseObject({
  Code: z.literal("OK"),
  RequestId: z.optional(z.string()),
  PhoneNumbers: z.optional(z.nullable(z.array(z.unknown()))),
});

/**
 * One channel instance. Its CustSpaceId becomes a customer here, so one that cannot be a customer's
 * name, or that is this project's own word for the account itself, makes the row malformed.
 */
const instanceItemSchema = z.looseObject({
  CustSpaceId: customerIdSchema.check(z.refine((id) => id !== SELF)),
  ChannelType: z.optional(z.unknown()),
  State: z.optional(z.unknown()),
});

/** Whether a row of the list can be a customer. */
export function isInstanceItem(row: unknown): row is z.output<typeof instanceItemSchema> {
  return instanceItemSchema.safeParse(row).success;
}

/** As with numbers, the list and the total are judged by the reader, not by the whole answer. */
export const listInstanceReplySchema = z.looseObject({
  Code: z.literal("OK"),
  RequestId: z.optional(z.string()),
  Data: z.optional(z.nullable(z.array(z.unknown()))),
  TotalCount: z.optional(z.unknown()),
});
