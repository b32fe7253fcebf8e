import * as z from "zod/mini";

/** The body of every HTTP error (RFC 9457), as `toProblem` writes it. */
export const problemSchema = z.strictObject({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  code: z.string(),
  detail: z.string(),
  requestId: z.string(),
  issues: z.optional(z.array(z.strictObject({ path: z.string(), message: z.string() }))),
  upstreamCode: z.optional(z.string()),
  upstreamRequestId: z.optional(z.string()),
  upstreamMessage: z.optional(z.string()),
  accessDeniedDetail: z.optional(z.string()),
  outcome: z.optional(z.literal("unknown")),
});
