import type * as z from "zod/mini";
import {
  deadDropSchema,
  deadListSchema,
  deadRedeliverSchema,
  eraseSchema,
  eventsSchema,
  hintsUrlSchema,
  redeliverSchema,
  resyncSchema,
  statusSchema,
  unwatchSchema,
  watchCloselySchema,
  watchListSchema,
  watchSchema,
  webhookEnableSchema,
  webhookPauseSchema,
  webhookTestSchema,
} from "../schemas/command.ts";
import type { CommandDeps } from "./command-deps.ts";
import { dropDead, listDead, redeliverDead } from "./dead-letters.ts";
import { erase } from "./erase.ts";
import { listEvents } from "./events.ts";
import { hintsUrl } from "./hints.ts";
import { redeliver } from "./redeliver.ts";
import { resync } from "./resync.ts";
import { status } from "./status.ts";
import { unwatch, watch, watchClosely, watchList } from "./watch.ts";
import { enableWebhook, pauseWebhook, testWebhook } from "./webhook.ts";

type CommandSchema = z.ZodMiniType<{ readonly command: string }>;

/** One command: the payload that poll accepts, what it does, and how `npm run ctl` writes it. */
export type CommandEntry<S extends CommandSchema = CommandSchema> = {
  readonly name: z.infer<S>["command"];
  readonly schema: S;
  run(command: z.infer<S>, deps: CommandDeps): Promise<object>;
  /** How its command line begins. Without it, as its name, with blanks. */
  readonly words?: string;
  /** What follows the words, for people. */
  readonly usage?: string;
  /** What it does, for people. */
  readonly help: string;
  /** CustSpaceIds as words, or the name of a file that holds them. */
  readonly customers?: "words" | "file";
  /** Payload fields by name, each given as an option: `afterRestore` by `--after-restore`. */
  readonly options?: Readonly<Record<string, OptionKind>>;
  /** Flags that ctl obeys by itself. poll does not see them. */
  readonly flags?: readonly CtlFlag[];
  /** It changes nothing, in the store or elsewhere. */
  readonly reads?: true;
  /** Payload fields that every such command line has. */
  readonly payload?: Readonly<Record<string, unknown>>;
};

/** `check`: the exit code is the verdict. `dryRun`: nothing is changed. `tail`: always on. */
export type CtlFlag = "check" | "dryRun" | "tail";

/**
 * `time`: a time, or how long ago, such as 30m, 2h or 3d. `hours`: a duration in that form, which
 * becomes the field `hours`.
 */
export type OptionKind = "text" | "number" | "flag" | "time" | "hours";

const DEAD_CHOICE = { customer: "text", seq: "number", all: "flag" } as const;
const DEAD_USAGE = "(--customer ID [--seq N] | --all)";

/**
 * Every operator's command. A new one is its schema, its file, and an entry here. Entries of the
 * same name are two ways to write one command.
 */
export const COMMANDS: readonly CommandEntry[] = [
  {
    name: "status",
    reads: true,
    schema: statusSchema,
    run: (_command, deps) => status(deps),
    usage: "[--check]",
    help: `Shows a verdict, its reasons and the facts.
With --check the exit code is the verdict: 0 OK, 1 WARN, 2 CRIT, 3 UNKNOWN.`,
    flags: ["check"],
  } satisfies CommandEntry<typeof statusSchema>,
  {
    name: "watch",
    schema: watchSchema,
    run: watch,
    words: "watch add",
    usage: "ID…",
    help: "Watches customers. A removed one continues with its old sequence.",
    customers: "words",
  } satisfies CommandEntry<typeof watchSchema>,
  {
    name: "watch",
    schema: watchSchema,
    run: watch,
    words: "watch import",
    usage: "FILE [--dry-run]",
    help: `Watches the customers of a file: one id a line, with # before a remark, or a CSV with a column
custSpaceId. The file - is the standard input. A file with a bad line is refused whole. --dry-run
changes nothing and shows what would be added. Importing a file twice does no harm.`,
    customers: "file",
    flags: ["dryRun"],
  } satisfies CommandEntry<typeof watchSchema>,
  {
    name: "unwatch",
    schema: unwatchSchema,
    run: unwatch,
    words: "watch remove",
    usage: "ID… [--drop]",
    help: `Stops watching customers, also those of WATCH_CUST_SPACES. A customer with pending events is
refused. --drop drops its events.`,
    customers: "words",
    options: { drop: "flag" },
  } satisfies CommandEntry<typeof unwatchSchema>,
  {
    name: "erase",
    schema: eraseSchema,
    run: erase,
    usage: "ID…",
    help: `Removes all that the store holds of customers, pending events included, and stops watching them.
A tombstone without personal data stays for a day, or for as long as WATCH_CUST_SPACES or
WATCH_DISCOVER would bring the customer back. Repeating it does no harm.`,
    customers: "words",
  } satisfies CommandEntry<typeof eraseSchema>,
  {
    name: "watch-closely",
    schema: watchCloselySchema,
    run: watchClosely,
    usage: "ID… [--for TIME]",
    help: "Puts customers into the priority lane for 24 hours, or for TIME, such as 6h or 3d (1h to 7d).",
    customers: "words",
    options: { hours: "number", for: "hours" },
  } satisfies CommandEntry<typeof watchCloselySchema>,
  {
    name: "hints-url",
    schema: hintsUrlSchema,
    run: hintsUrl,
    usage: "ID…",
    help: "Prints the address at which hint takes a customer's reports. Whoever knows it can ask for reads.",
    customers: "words",
  } satisfies CommandEntry<typeof hintsUrlSchema>,
  {
    name: "watch-list",
    reads: true,
    schema: watchListSchema,
    run: watchList,
    usage: "[--failing]",
    help: "Lists every customer, removed ones included. --failing lists those that cannot be read, and why.",
    options: { failing: "flag" },
    payload: { limit: 1000 },
  } satisfies CommandEntry<typeof watchListSchema>,
  {
    name: "events",
    reads: true,
    schema: eventsSchema,
    run: listEvents,
    words: "events tail",
    usage: "[--since TIME]",
    help: `Prints events as the receiver accepts them, from now or from TIME on, until you press Ctrl-C. A
customer's last 20 events are kept, often more.`,
    options: { since: "time" },
    flags: ["tail"],
  } satisfies CommandEntry<typeof eventsSchema>,
  {
    name: "dead-list",
    reads: true,
    schema: deadListSchema,
    run: listDead,
    help: "Lists the dead letters: events that the receiver refused ten times.",
    payload: { limit: 1000 },
  } satisfies CommandEntry<typeof deadListSchema>,
  {
    name: "dead-redeliver",
    schema: deadRedeliverSchema,
    run: redeliverDead,
    usage: DEAD_USAGE,
    help: `Sends dead letters again, the same id and body with the header webhook-redelivery: true, and
deletes those that the receiver accepts.`,
    options: DEAD_CHOICE,
  } satisfies CommandEntry<typeof deadRedeliverSchema>,
  {
    name: "dead-drop",
    schema: deadDropSchema,
    run: dropDead,
    usage: DEAD_USAGE,
    help: "Deletes dead letters for good.",
    options: DEAD_CHOICE,
  } satisfies CommandEntry<typeof deadDropSchema>,
  {
    name: "redeliver",
    schema: redeliverSchema,
    run: redeliver,
    usage: "[--customer ID] [--number N] [--since TIME]",
    help: `Sends delivered events again, the same id and body with the header webhook-redelivery: true.
A customer's last 20 events are kept, often more. TIME is when they were delivered, such as
2026-01-02T03:04:05Z, or how long ago: 30m, 2h, 3d. Give at least one of the three options.`,
    options: { customer: "text", number: "text", since: "time" },
  } satisfies CommandEntry<typeof redeliverSchema>,
  {
    name: "resync",
    schema: resyncSchema,
    run: resync,
    usage: "[--customer ID] [--after CURSOR] [--after-restore]",
    help: `Sends one event with the full known state per number, for a receiver that lost some. If the store
was restored from a backup, --after-restore first advances every sequence to now. --after continues
with the numbers that were left out because too many events of the customer were pending.`,
    options: { customer: "text", after: "text", afterRestore: "flag" },
  } satisfies CommandEntry<typeof resyncSchema>,
  {
    name: "webhook-test",
    schema: webhookTestSchema,
    run: (_command, deps) => testWebhook(deps),
    help: "Sends one signed webhook.test event and shows the receiver's response.",
  } satisfies CommandEntry<typeof webhookTestSchema>,
  {
    name: "webhook-pause",
    schema: webhookPauseSchema,
    run: (_command, deps) => pauseWebhook(deps),
    help: "Stops deliveries within a minute. Events wait until webhook enable.",
  } satisfies CommandEntry<typeof webhookPauseSchema>,
  {
    name: "webhook-enable",
    schema: webhookEnableSchema,
    run: (_command, deps) => enableWebhook(deps),
    help: "Starts deliveries again after a pause, a 410 or an outage, if the receiver accepts a test.",
  } satisfies CommandEntry<typeof webhookEnableSchema>,
];

/** The words with which an entry's command line begins. */
export function wordsOf({ words, name }: CommandEntry): string {
  return words ?? name.replaceAll("-", " ");
}
