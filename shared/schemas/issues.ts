import type * as z from "zod/mini";
import type { Issue } from "../errors.ts";

/** A body of 256 KB has room for tens of thousands of unknown fields; nobody reads so many. */
const MAX_ISSUES = 20;
const MAX_NAME_LENGTH = 64;
/** So many digits in a name may be a phone number. */
const PHONE_DIGITS = 7;

/**
 * What a schema found wrong, one entry a field. zod/mini ships no texts, so every check in the
 * schemas has its own and the structural ones are named here. Input is never repeated, but for the
 * names of unknown fields: cut, and masked where they look like a phone number. At most 20 entries.
 *
 * @param input what was parsed: tells a missing field from one of another type, which zod does not
 */
export function toIssues(error: z.core.$ZodError, input?: unknown): Issue[] {
  const issues = error.issues.flatMap((issue): Issue[] => {
    const path = issue.path.join(".");
    if (issue.code === "unrecognized_keys") {
      return issue.keys.slice(0, MAX_ISSUES).map((key) => ({
        path: [...issue.path, printable(key)].join("."),
        message: "is not a field of this request",
      }));
    }
    return [{ path, message: describe(issue, input) }];
  });
  return issues.slice(0, MAX_ISSUES);
}

function printable(key: string): string {
  const name = key.slice(0, MAX_NAME_LENGTH);
  return name.replaceAll(/\D/g, "").length < PHONE_DIGITS ? name : name.replaceAll(/\d/g, "*");
}

function describe(issue: z.core.$ZodIssue, input: unknown): string {
  const given = "Invalid input";
  if (issue.message && issue.message !== given) return issue.message;
  switch (issue.code) {
    case "invalid_type":
      return valueAt(input, issue.path) === undefined
        ? `must be given, as ${issue.expected}`
        : `must be of type ${issue.expected}`;
    case "too_small":
      return `must have at least ${issue.minimum}`;
    case "too_big":
      return `must have at most ${issue.maximum}`;
    default:
      return "is not valid";
  }
}

function valueAt(input: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (value, name) => (value as Record<PropertyKey, unknown> | null | undefined)?.[name],
    input,
  );
}
