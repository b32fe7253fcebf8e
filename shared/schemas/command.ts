import * as z from "zod/mini";
import { customerIdSchema } from "./customer-row.ts";

const MAX_PAGE = 1_000;

const customerIds = z
  .array(customerIdSchema)
  .check(z.minLength(1, "must hold at least one"), z.maxLength(10_000, "must hold at most 10000"));

/** The `after` of an earlier answer with `more: true`. */
const after = z.optional(z.string().check(z.maxLength(300, "is not a cursor of an answer")));

const time = z.iso.datetime({
  offset: true,
  error: "must be a time such as 2026-01-02T03:04:05Z",
});

const limit = z.optional(
  z
    .int("must be a whole number")
    .check(z.gte(1, "must be at least 1"), z.lte(MAX_PAGE, "must be at most 1000")),
);

const seq = z.int("must be a whole number").check(z.gte(0, "must not be negative"));

/** Whose events: a customer, `~account`, or what is noted beside a customer's own row. */
const partition = z
  .string()
  .check(
    z.regex(/^(~account|(~watch\.)?[\w-]{1,128})$/, "must be a customer as dead-list names it"),
  );

/** `all` is explicit, so that a forgotten field cannot mean every dead letter. */
const deadChoice = {
  customer: z.optional(partition),
  seq: z.optional(seq),
  all: z.optional(z.literal(true, "must be true or left out")),
  after,
};

type DeadChoice = { readonly customer?: string; readonly seq?: number; readonly all?: true };

const deadChecks = [
  z.refine<DeadChoice>(
    ({ customer, all }) => (customer === undefined) === (all === true),
    "give either customer or all: true",
  ),
  z.refine<DeadChoice>(({ customer, seq }) => seq === undefined || customer !== undefined, {
    error: "needs customer",
    path: ["seq"],
  }),
] as const;

const page = { after, limit };

export const watchSchema = z.strictObject({
  command: z.literal("watch"),
  custSpaceIds: customerIds,
});

export const unwatchSchema = z.strictObject({
  command: z.literal("unwatch"),
  custSpaceIds: customerIds,
  /** Drops the events that are still pending. */
  drop: z.optional(z.boolean("must be true or false")),
});

export const eraseSchema = z.strictObject({
  command: z.literal("erase"),
  custSpaceIds: customerIds,
});

export const watchCloselySchema = z.strictObject({
  command: z.literal("watch-closely"),
  custSpaceIds: customerIds,
  /** How long they stay in the priority lane. */
  hours: z.optional(
    z
      .int("must be a whole number")
      .check(z.gte(1, "must be at least 1"), z.lte(168, "must be at most 168")),
  ),
});

export const hintsUrlSchema = z.strictObject({
  command: z.literal("hints-url"),
  custSpaceIds: customerIds,
});

export const watchListSchema = z.strictObject({
  command: z.literal("watch-list"),
  /** Only those whose last read failed. */
  failing: z.optional(z.boolean("must be true or false")),
  ...page,
});

export const eventsSchema = z.strictObject({
  command: z.literal("events"),
  /** Events that the receiver accepted at this time or later. */
  since: time,
  after,
});
export const statusSchema = z.strictObject({ command: z.literal("status") });
export const deadListSchema = z.strictObject({ command: z.literal("dead-list"), ...page });

export const deadRedeliverSchema = z
  .strictObject({ command: z.literal("dead-redeliver"), ...deadChoice })
  .check(...deadChecks);

export const deadDropSchema = z
  .strictObject({ command: z.literal("dead-drop"), ...deadChoice })
  .check(...deadChecks);

export const redeliverSchema = z
  .strictObject({
    command: z.literal("redeliver"),
    customer: z.optional(partition),
    /** As the upstream lists it. Other characters than digits are ignored. */
    number: z.optional(z.string().check(z.regex(/^[+\d\s().-]{3,40}$/, "must be a phone number"))),
    /** Events that the receiver accepted at this time or later. */
    since: z.optional(time),
    after,
  })
  .check(
    z.refine(
      ({ customer, number, since }) => (customer ?? number ?? since) !== undefined,
      "give at least one of customer, number and since",
    ),
  );

export const resyncSchema = z.strictObject({
  command: z.literal("resync"),
  customer: z.optional(customerIdSchema),
  /** Advances every sequence to now first: a restored store must not use one twice. */
  afterRestore: z.optional(z.boolean("must be true or false")),
  after,
});

export const webhookTestSchema = z.strictObject({ command: z.literal("webhook-test") });
export const webhookPauseSchema = z.strictObject({ command: z.literal("webhook-pause") });
export const webhookEnableSchema = z.strictObject({ command: z.literal("webhook-enable") });

export type WatchCommand = z.infer<typeof watchSchema>;
export type UnwatchCommand = z.infer<typeof unwatchSchema>;
export type EraseCommand = z.infer<typeof eraseSchema>;
export type WatchCloselyCommand = z.infer<typeof watchCloselySchema>;
export type HintsUrlCommand = z.infer<typeof hintsUrlSchema>;
export type EventsCommand = z.infer<typeof eventsSchema>;
export type WatchListCommand = z.infer<typeof watchListSchema>;
export type DeadListCommand = z.infer<typeof deadListSchema>;
export type DeadRedeliverCommand = z.infer<typeof deadRedeliverSchema>;
export type DeadDropCommand = z.infer<typeof deadDropSchema>;
export type RedeliverCommand = z.infer<typeof redeliverSchema>;
export type ResyncCommand = z.infer<typeof resyncSchema>;
