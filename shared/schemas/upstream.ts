import * as z from "zod/mini";
import { customerIdSchema, SELF } from "./customer-row.ts";

/** What a watched field is called here, and the upstream's name for it. Order is the events' order. */
export const WATCHED_FIELDS = {
  status: "Status",
  qualityRating: "QualityRating",
  codeVerificationStatus: "CodeVerificationStatus",
  nameStatus: "NameStatus",
  newNameStatus: "NewNameStatus",
  messagingLimitTier: "MessagingLimitTier",
  verifiedName: "VerifiedName",
} as const;

export type WatchedField = keyof typeof WATCHED_FIELDS;

export const WATCHED_FIELD_NAMES = Object.keys(WATCHED_FIELDS) as WatchedField[];

/** A number has at most 15 digits (E.164); room for a sign and separators. */
const MAX_NUMBER_LENGTH = 40;

/** One number as the upstream sent it. Fields keep being added upstream: unknown ones are data. */
export const phoneNumberItemSchema = z.looseObject({
  PhoneNumber: z.string().check(z.regex(/\d/), z.maxLength(MAX_NUMBER_LENGTH)),
});

export type PhoneNumberItem = z.infer<typeof phoneNumberItemSchema>;

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
export const instanceItemSchema = z.looseObject({
  CustSpaceId: customerIdSchema.check(z.refine((id) => id !== SELF)),
  ChannelType: z.optional(z.unknown()),
  State: z.optional(z.unknown()),
});

/** As with numbers, the list and the total are judged by the reader, not by the whole answer. */
export const listInstanceReplySchema = z.looseObject({
  Code: z.literal("OK"),
  RequestId: z.optional(z.string()),
  Data: z.optional(z.nullable(z.array(z.unknown()))),
  TotalCount: z.optional(z.unknown()),
});
