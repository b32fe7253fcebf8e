import * as z from "zod/mini";
import { customerIdSchema, SELF } from "./customer-row.ts";

const MAX_DIGITS = 15;
/** Unicode characters, as a person and JSON Schema count: not UTF-16 units. */
const MAX_NAME_LENGTH = 512;
export const NAME_LENGTH = new RegExp(`^[\\s\\S]{0,${MAX_NAME_LENGTH}}$`, "u");

export const PLAIN_ID = /^[A-Za-z0-9._-]{1,128}$/;
const CONTROL_CHARACTERS = /\p{Cc}/u;
const LONE_SURROGATE = /\p{Cs}/u;

/** What people put between digits: spaces of any kind, dashes, brackets, dots, slashes. */
const SEPARATORS = /[\s\p{Pd}().[\]/]/gu;

/**
 * Characters without a width that come along when a number is copied from a phone book or a PDF:
 * directional marks, zero-width characters, the soft hyphen and variation selectors.
 */
const INVISIBLE =
  /\u00ad|\u061c|[\u200b-\u200f]|[\u202a-\u202e]|[\u2060-\u2064]|[\u2066-\u2069]|[\ufe00-\ufe0f]|\ufeff/gu;

/** Digits of what a person wrote: without invisible characters, separators and a leading +. */
function digitsOf(text: string): string {
  return text.replace(INVISIBLE, "").replace(SEPARATORS, "").replace(/^\+/, "");
}

/** A message that names the first character that is no digit, as it may look like one. */
function digitsProblem(text: string, sentence: string): string {
  const foreign = /[^0-9]/u.exec(digitsOf(text))?.[0];
  if (foreign === undefined) return sentence;
  return `${sentence}, and holds ${codePointOf(foreign)}`;
}

/** `U+0661` */
function codePointOf(character: string): string {
  return `U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}`;
}

const digits = (pattern: RegExp, sentence: string) =>
  z.string().check(
    z.refine((text) => pattern.test(digitsOf(text)), {
      error: ({ input }) => digitsProblem(String(input), sentence),
    }),
  );

/** The form as sent; `normaliseAdd` then reduces the numbers to digits. */
export const addRequestSchema = z.strictObject({
  custSpaceId: customerIdSchema.check(
    z.refine((id) => id !== SELF, "must be a CustSpaceId: the upstream adds to no account itself"),
  ),
  cc: digits(/^[1-9]\d{0,2}$/, "must be a country code of 1 to 3 digits, such as 49"),
  phoneNumber: digits(/^\d{4,14}$/, "must be 4 to 14 digits without the country code"),
  verifiedName: z.string().check(
    z.refine((text) => text.trim().length > 0, "must not be empty"),
    z.refine((text) => NAME_LENGTH.test(text), `must be at most ${MAX_NAME_LENGTH} characters`),
    z.refine((text) => !CONTROL_CHARACTERS.test(text), "must not hold control characters"),
    z.refine(
      (text) => !LONE_SURROGATE.test(text),
      "must be well-formed Unicode (it holds half a character)",
    ),
  ),
  preValidateId: z.optional(
    z
      .string()
      .check(z.refine((id) => PLAIN_ID.test(id), "must be 1 to 128 letters, digits, . _ or -")),
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
  /** What looks doubtful about the number; absent for nothing. */
  warnings: z.optional(z.array(z.object({ path: z.string(), message: z.string() }))),
});

export type AddResponse = z.infer<typeof addResponseSchema>;

type Note = { readonly path: string; readonly message: string };

/**
 * The numbers reduced to digits, with the checks that need both fields. `warnings` name invisible
 * characters that were removed.
 */
export function normaliseAdd(
  request: AddRequest,
): { readonly request: AddRequest; readonly warnings: readonly Note[] } | { readonly issue: Note } {
  const cc = digitsOf(request.cc);
  const phoneNumber = digitsOf(request.phoneNumber);
  const repeats = phoneNumber.startsWith(cc);
  // A leading + says that what follows is a country code; after cc it would name another number.
  const isInternational = /^[^\d]*\+/.test(request.phoneNumber);
  const isTooLong = cc.length + phoneNumber.length > MAX_DIGITS;
  if (!isInternational && !isTooLong) {
    const warnings = [
      ...invisibleIn("cc", request.cc),
      ...invisibleIn("phoneNumber", request.phoneNumber),
    ];
    return { request: { ...request, cc, phoneNumber }, warnings };
  }
  let message = `must have at most ${MAX_DIGITS} digits together with the country code`;
  if (isInternational) message = "is an international number of another country than cc";
  if (repeats) message = "begins with the country code; send it without";
  return { issue: { path: "phoneNumber", message } };
}

function invisibleIn(path: string, text: string): Note[] {
  const found = text.match(INVISIBLE);
  if (!found) return [];
  const names = [...new Set(found.map(codePointOf))].join(", ");
  return [{ path, message: `held invisible characters (removed): ${names}` }];
}
