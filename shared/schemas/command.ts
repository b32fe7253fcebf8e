import * as z from "zod/mini";
import { customerIdSchema } from "./customer-row.ts";

const MAX_PAGE = 1_000;

const customerIds = z
  .array(customerIdSchema)
  .check(z.minLength(1, "must hold at least one"), z.maxLength(10_000, "must hold at most 10000"));

/** Where an earlier answer that said `more` left off; its form is the answer's own business. */
const after = z.optional(z.string().check(z.maxLength(300, "is not a cursor of an answer")));

const limit = z.optional(
  z
    .int("must be a whole number")
    .check(z.gte(1, "must be at least 1"), z.lte(MAX_PAGE, "must be at most 1000")),
);

const seq = z.int("must be a whole number").check(z.gte(0, "must not be negative"));

const CHOOSE = "give either customer or all: true";
const SEQ_ALONE = { error: "needs customer", path: ["seq"] };

/** Dead letters are chosen outright: a forgotten field must not mean all of them. */
const deadChoice = {
  customer: z.optional(customerIdSchema),
  seq: z.optional(seq),
  all: z.optional(z.literal(true, "must be true or left out")),
  after,
};

const watch = z.strictObject({ command: z.literal("watch"), custSpaceIds: customerIds });

const unwatch = z.strictObject({
  command: z.literal("unwatch"),
  custSpaceIds: customerIds,
  /** Gives up the events that are still pending. */
  drop: z.optional(z.boolean("must be true or false")),
});

const watchClosely = z.strictObject({
  command: z.literal("watch-closely"),
  custSpaceIds: customerIds,
  /** How long they stay in the priority lane. */
  hours: z.optional(
    z
      .int("must be a whole number")
      .check(z.gte(1, "must be at least 1"), z.lte(168, "must be at most 168")),
  ),
});

const watchList = z.strictObject({ command: z.literal("watch-list"), after, limit });
const status = z.strictObject({ command: z.literal("status") });
const deadList = z.strictObject({ command: z.literal("dead-list"), after, limit });

const deadRedeliver = z.strictObject({ command: z.literal("dead-redeliver"), ...deadChoice }).check(
  z.refine(({ customer, all }) => (customer === undefined) === (all === true), CHOOSE),
  z.refine(({ customer, seq }) => seq === undefined || customer !== undefined, SEQ_ALONE),
);

const deadDrop = z.strictObject({ command: z.literal("dead-drop"), ...deadChoice }).check(
  z.refine(({ customer, all }) => (customer === undefined) === (all === true), CHOOSE),
  z.refine(({ customer, seq }) => seq === undefined || customer !== undefined, SEQ_ALONE),
);

const redeliver = z
  .strictObject({
    command: z.literal("redeliver"),
    customer: z.optional(customerIdSchema),
    /** As upstream lists it; anything but digits is passed over. */
    number: z.optional(z.string().check(z.regex(/^[+\d\s().-]{3,40}$/, "must be a phone number"))),
    /** Events that the receiver took at this time or later. */
    since: z.optional(
      z.iso.datetime({ offset: true, error: "must be a time such as 2026-01-02T03:04:05Z" }),
    ),
    after,
  })
  .check(
    z.refine(
      ({ customer, number, since }) => (customer ?? number ?? since) !== undefined,
      "give at least one of customer, number and since",
    ),
  );

const resync = z.strictObject({
  command: z.literal("resync"),
  customer: z.optional(customerIdSchema),
  /** Lifts every sequence to the present first: a restored store must not use any twice. */
  afterRestore: z.optional(z.boolean("must be true or false")),
  after,
});

/** What poll does instead of a run when its payload says so. */
export const commandSchema = z.discriminatedUnion("command", [
  watch,
  unwatch,
  watchClosely,
  watchList,
  status,
  deadList,
  deadRedeliver,
  deadDrop,
  redeliver,
  resync,
  z.strictObject({ command: z.literal("webhook-test") }),
  z.strictObject({ command: z.literal("webhook-pause") }),
  z.strictObject({ command: z.literal("webhook-enable") }),
]);

export type Command = z.infer<typeof commandSchema>;
type CommandName = Command["command"];
export type CommandOf<Name extends CommandName> = Extract<Command, { command: Name }>;
