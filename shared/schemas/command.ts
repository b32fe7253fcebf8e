import * as z from "zod/mini";
import { customerIdSchema } from "./customer-row.ts";

const watchCommand = z.strictObject({
  command: z.literal("watch"),
  custSpaceIds: z.array(customerIdSchema).check(z.minLength(1), z.maxLength(10_000)),
});

/** What poll does instead of a tick when its payload says so. */
export const commandSchema = z.discriminatedUnion("command", [watchCommand]);

export type Command = z.infer<typeof commandSchema>;
