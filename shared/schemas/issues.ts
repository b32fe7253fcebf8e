import type * as z from "zod/mini";
import type { Issue } from "../errors.ts";

/**
 * What a schema found wrong, one entry a field. zod/mini ships no texts, so every check in the
 * schemas has its own and the structural ones are named here; input is never repeated.
 */
export function toIssues(error: z.core.$ZodError): Issue[] {
  return error.issues.flatMap((issue): Issue[] => {
    const path = issue.path.join(".");
    if (issue.code === "unrecognized_keys") {
      return issue.keys.map((key) => ({
        path: [...issue.path, key.slice(0, 64)].join("."),
        message: "is not a field of this request",
      }));
    }
    return [{ path, message: describe(issue) }];
  });
}

function describe(issue: z.core.$ZodIssue): string {
  const given = "Invalid input";
  if (issue.message && issue.message !== given) return issue.message;
  switch (issue.code) {
    case "invalid_type":
      return issue.input === undefined
        ? `must be given as ${issue.expected}`
        : `must be ${issue.expected}`;
    case "too_small":
      return `must have at least ${issue.minimum}`;
    case "too_big":
      return `must have at most ${issue.maximum}`;
    default:
      return "is not valid";
  }
}
