import * as z from "zod/mini";
import { customerIdSchema, SELF } from "./customer-row.ts";

const MAX_DIGITS = 15;
/** Unicode characters, as a person and JSON Schema count: not UTF-16 units. */
const MAX_NAME_LENGTH = 512;
const NAME_LENGTH = new RegExp(`^[\\s\\S]{0,${MAX_NAME_LENGTH}}$`, "u");

const CONTROL_CHARACTERS = /\p{Cc}/u;
const LONE_SURROGATE = /\p{Cs}/u;

/** What people put between digits: spaces of any kind, dashes, brackets, dots, slashes. */
const SEPARATORS = /[\s\p{Pd}().[\]/]/gu;

function digitsOf(text: string): string {
  return text.replace(SEPARATORS, "").replace(/^\+/, "");
}

/** The form as sent; `normaliseAdd` then reduces the numbers to digits. */
export const addRequestSchema = z.strictObject({
  custSpaceId: customerIdSchema.check(
    z.refine((id) => id !== SELF, "must be a CustSpaceId: the upstream adds to no account itself"),
  ),
  cc: z
    .string()
    .check(
      z.refine(
        (text) => /^[1-9]\d{0,2}$/.test(digitsOf(text)),
        "must be a country code of 1 to 3 digits, such as 49",
      ),
    ),
  phoneNumber: z
    .string()
    .check(
      z.refine(
        (text) => /^\d{4,14}$/.test(digitsOf(text)),
        "must be 4 to 14 digits without the country code",
      ),
    ),
  verifiedName: z.string().check(
    z.refine((text) => text.trim().length > 0, "must not be empty"),
    z.regex(NAME_LENGTH, `must be at most ${MAX_NAME_LENGTH} characters`),
    z.refine((text) => !CONTROL_CHARACTERS.test(text), "must not hold control characters"),
    z.refine(
      (text) => !LONE_SURROGATE.test(text),
      "must be well-formed Unicode (it holds half a character)",
    ),
  ),
  preValidateId: z.optional(
    z
      .string()
      .check(z.regex(/^[A-Za-z0-9._-]{1,128}$/, "must be 1 to 128 letters, digits, . _ or -")),
  ),
});

export type AddRequest = z.infer<typeof addRequestSchema>;

/** The answer to an add, 201. */
export const addResponseSchema = z.object({
  /** Country code and digits: how the upstream's list names the number. */
  phoneNumber: z.string(),
  custSpaceId: z.string(),
  requestId: z.optional(z.string()),
  /** The upstream's own flag, passed on; the documented sample of a success says false. */
  success: z.optional(z.boolean()),
  /** `confirmed`: the answer was lost, and the number stands in the customer's list. */
  outcome: z.enum(["accepted", "confirmed"]),
});

export type AddResponse = z.infer<typeof addResponseSchema>;

/** Numbers reduced to digits, with the one check that needs both fields. */
export function normaliseAdd(
  request: AddRequest,
): { readonly request: AddRequest } | { readonly issue: { path: string; message: string } } {
  const cc = digitsOf(request.cc);
  const phoneNumber = digitsOf(request.phoneNumber);
  const repeats = phoneNumber.startsWith(cc);
  // A leading + says that what follows is a country code; after cc it would name another number.
  const isInternational = /^[^\d]*\+/.test(request.phoneNumber);
  const isTooLong = cc.length + phoneNumber.length > MAX_DIGITS;
  if (!isInternational && !isTooLong) return { request: { ...request, cc, phoneNumber } };
  let message = `must have at most ${MAX_DIGITS} digits together with the country code`;
  if (isInternational) message = "is an international number of another country than cc";
  if (repeats) message = "begins with the country code; send it without";
  return { issue: { path: "phoneNumber", message } };
}
