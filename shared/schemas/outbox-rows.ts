import * as z from "zod/mini";
import { listOf } from "./collections.ts";
import { deliveredEventSchema, pendingEventSchema } from "./customer-row.ts";
import { formatSequence } from "./sequence.ts";
import { optionalTimeSchema, storedTimeSchema } from "./stored-time.ts";

/** Markers: a customer has events to deliver. */
export const DUE_PREFIX = "due/";
/** Events that the receiver would not take. */
export const DEAD_PREFIX = "dead/";
/** Events that the receiver has accepted. */
export const HISTORY_PREFIX = "sent/";

/** What is known of the receiver. */
export const receiverRowSchema = z.looseObject({
  schema: z.number(),
  /** `disabled`: it answered 410. `paused`: an operator said so. */
  state: z.enum(["closed", "open", "disabled", "paused"]),
  /** Probes made since it opened, less one: the step of the probe schedule. */
  step: z.number(),
  /** Wall clock, ms. */
  nextProbeAt: z.number(),
  since: storedTimeSchema,
  /** Failures in a row while closed, as the last run left them. */
  failures: z.optional(z.number()),
  reason: z.optional(z.string()),
  /** The customer with whose turn the next run begins; "" or absent for the first. */
  place: z.optional(z.string()),
});

/** An event that was given up, with all that is needed to send it again. */
export const deadRowSchema = z.looseObject({
  schema: z.number(),
  event: pendingEventSchema,
  /** The answer to the last attempt. */
  status: z.number(),
  diedAt: storedTimeSchema,
});

/** Events that were acknowledged together. */
export const historyRowSchema = z.looseObject({
  schema: z.number(),
  /** The customer's earlier history rows. The oldest of them are replaced. */
  number: z.number(),
  /** The oldest first. */
  events: /* @__PURE__ */ listOf(deliveredEventSchema),
  /** When the newest event was accepted that this row replaced, or had no room for. */
  cutAt: optionalTimeSchema,
});

export type HistoryRow = z.infer<typeof historyRowSchema>;
export type ReceiverRow = z.infer<typeof receiverRowSchema>;
export type DeadRow = z.infer<typeof deadRowSchema>;

/** Key of a marker; in key order the customer's oldest event comes first. */
export function dueKey(customer: string, seq: number): string {
  return `${DUE_PREFIX}${customer}/${formatSequence(seq)}`;
}

/** Key of a dead letter; in key order the customer's oldest comes first. */
export function deadKey(customer: string, seq: number): string {
  return `${DEAD_PREFIX}${customer}/${formatSequence(seq)}`;
}

/** Key of one of the customer's history rows. */
export function historyKey(customer: string, slot: number): string {
  return `${HISTORY_PREFIX}${customer}/${String(slot).padStart(2, "0")}`;
}

/** The customer and sequence of a `due/` or `dead/` key. */
export function parseEventKey(key: string): { readonly customer: string; readonly seq: number } {
  const [, customer = "", seq = ""] = key.split("/");
  return { customer, seq: Number(seq) };
}

/** Whether a frozen event reports something critical. Quotes inside of values are escaped. */
export function isCritical({ body }: { readonly body: string }): boolean {
  return body.includes('"severity":"critical"');
}
