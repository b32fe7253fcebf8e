import * as z from "zod/mini";
import { customerIdSchema, SELF } from "./customer-row.ts";

/** At most 15 digits (E.164), with room for a sign and separators. */
const MAX_NUMBER_LENGTH = 40;

/** One number as the upstream sent it. The upstream keeps adding fields: unknown ones are data. */
export type PhoneNumberItem = { readonly PhoneNumber: string; readonly [field: string]: unknown };

/** Written by hand: a schema copies each field of each number, at five times the cost. */
export function isPhoneNumberItem(row: unknown): row is PhoneNumberItem {
  if (typeof row !== "object" || row === null || Array.isArray(row)) return false;
  const { PhoneNumber } = row as { PhoneNumber?: unknown };
  return (
    typeof PhoneNumber === "string" &&
    PhoneNumber.length <= MAX_NUMBER_LENGTH &&
    /\d/.test(PhoneNumber)
  );
}

/** Text, a JSON number or null: an odd id must not make a good reply useless. */
const anyId = z.optional(z.unknown());
const ok = z.string().check(z.refine((code) => code === "OK"));
const listOrNull = z.optional(
  z.unknown().check(z.refine((value) => value === null || Array.isArray(value))),
);

/** The reply to an Add that was accepted. */
export const addReplySchema = z.looseObject({
  Code: ok,
  RequestId: anyId,
  Success: z.optional(z.unknown()),
});

/**
 * `PhoneNumbers` is left open: a missing list or a malformed item must not make the rest of the
 * reply useless, and must not look like an empty list.
 */
export const queryReplySchema = z.looseObject({
  Code: ok,
  RequestId: anyId,
  PhoneNumbers: listOrNull,
});

/**
 * One channel instance. Its CustSpaceId becomes a customer, so the row is malformed if it cannot be
 * a customer's id, or is this project's own word for the account itself.
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

/** `Data` is left open: what it does not say is not known, and the rest is read all the same. */
export const healthReplySchema = z.looseObject({
  Code: ok,
  RequestId: anyId,
  Data: z.optional(z.unknown()),
});

/** The list and the total are left open for the same reason as the numbers. */
export const listInstanceReplySchema = z.looseObject({
  Code: ok,
  RequestId: anyId,
  Data: listOrNull,
  TotalCount: z.optional(z.unknown()),
});
