import * as z from "zod/mini";

/** Key of the one row that says whose store it is. */
export const IDENTITY_KEY = "meta/identity";

/** `identity` is `<account>:<stage>`. */
export const identityRowSchema = z.looseObject({ schema: z.number(), identity: z.string() });
