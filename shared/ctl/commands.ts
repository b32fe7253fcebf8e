import type { ParseArgsConfig } from "node:util";

type Payload = { readonly command: string } & Readonly<Record<string, unknown>>;

/** What a command line asks for. */
export type Plan =
  /** Sent again with each answer's cursor until there is no more. */
  | { readonly kind: "pages"; readonly payload: Payload }
  /** Customers sent in batches; those of a file are read from it first. */
  | {
      readonly kind: "customers";
      readonly payload: {
        readonly command: "watch" | "unwatch" | "watch-closely";
        readonly drop?: boolean;
        readonly hours?: number;
      };
      readonly ids: readonly string[];
      readonly file?: string;
    };

export type Values = Readonly<Record<string, string | boolean | undefined>>;

export type CommandSpec = {
  readonly name: string;
  readonly usage: string;
  readonly about: string;
  readonly options?: NonNullable<ParseArgsConfig["options"]>;
  readonly operands: { readonly min: number; readonly max: number; readonly words: string };
  /** The plan, or what is wrong with the command line. */
  readonly plan: (values: Values, operands: readonly string[], now: number) => Plan | string;
};

const NONE = { min: 0, max: 0, words: "no further words" };
const CUSTOMERS = { min: 1, max: 10_000, words: "at least one CustSpaceId (or self)" };

const pages = (payload: Payload): Plan => ({ kind: "pages", payload });
const simple = (command: string) => () => pages({ command });

const CHOICE = {
  customer: { type: "string" },
  seq: { type: "string" },
  all: { type: "boolean" },
} as const;

function chooseDead(command: string) {
  return ({ customer, seq, all }: Values): Plan | string => {
    if ((customer === undefined) === (all !== true)) return "give either --customer or --all";
    if (seq !== undefined && customer === undefined) return "--seq needs --customer";
    if (seq !== undefined && !/^\d{1,15}$/.test(String(seq))) return "--seq must be a number";
    return pages({
      command,
      ...(customer === undefined ? { all: true } : { customer }),
      ...(seq === undefined ? {} : { seq: Number(seq) }),
    });
  };
}

const UNIT_MS: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000 };

/** A time, or how long ago: 30m, 2h, 3d. */
function readTime(text: string, now: number): string | undefined {
  const [, count, unit = ""] = /^(\d{1,6})([mhd])$/.exec(text) ?? [];
  const at = count === undefined ? Date.parse(text) : now - Number(count) * (UNIT_MS[unit] ?? 0);
  return Number.isNaN(at) ? undefined : new Date(at).toISOString();
}

export const COMMANDS: readonly CommandSpec[] = [
  {
    name: "status",
    usage: "status",
    about: "How fresh the reads are, what is pending or dead, and how the receiver is.",
    operands: NONE,
    plan: simple("status"),
  },
  {
    name: "watch add",
    usage: "watch add ID…",
    about: "Watches customers; one that was taken off goes on with its old sequence.",
    operands: CUSTOMERS,
    plan: (_values, ids) => ({ kind: "customers", payload: { command: "watch" }, ids }),
  },
  {
    name: "watch remove",
    usage: "watch remove ID… [--drop]",
    about: `Stops watching customers, also those of WATCH_CUST_SPACES. A customer with pending events is
refused; --drop gives the events up.`,
    options: { drop: { type: "boolean" } },
    operands: CUSTOMERS,
    plan: ({ drop }, ids) => ({
      kind: "customers",
      payload: { command: "unwatch", drop: drop === true },
      ids,
    }),
  },
  {
    name: "watch closely",
    usage: "watch closely ID… [--hours N]",
    about: "Reads customers about once a minute for a while (24 hours, or N of 1 to 168).",
    options: { hours: { type: "string" } },
    operands: CUSTOMERS,
    plan: ({ hours = "24" }, ids) => {
      const count = Number(hours);
      if (!Number.isInteger(count) || count < 1 || count > 168) return "--hours must be 1 to 168";
      return { kind: "customers", payload: { command: "watch-closely", hours: count }, ids };
    },
  },
  {
    name: "watch list",
    usage: "watch list",
    about: "Every customer, with those that were taken off.",
    operands: NONE,
    plan: () => pages({ command: "watch-list", limit: 1000 }),
  },
  {
    name: "watch import",
    usage: "watch import FILE",
    about: `Watches the customers of a file: ids separated by line ends, spaces or commas; # begins a remark.
The file - is the standard input. Importing a file twice does no harm.`,
    operands: { min: 1, max: 1, words: "one FILE" },
    plan: (_values, [file = ""]) => ({
      kind: "customers",
      payload: { command: "watch" },
      ids: [],
      file,
    }),
  },
  {
    name: "dead list",
    usage: "dead list",
    about: "The events that the receiver would not take.",
    operands: NONE,
    plan: () => pages({ command: "dead-list", limit: 1000 }),
  },
  {
    name: "dead redeliver",
    usage: "dead redeliver (--customer ID [--seq N] | --all)",
    about: `Sends dead letters again, the same id and body with the header webhook-redelivery: true, and
removes those that the receiver takes.`,
    options: CHOICE,
    operands: NONE,
    plan: chooseDead("dead-redeliver"),
  },
  {
    name: "dead drop",
    usage: "dead drop (--customer ID [--seq N] | --all)",
    about: "Deletes dead letters for good.",
    options: CHOICE,
    operands: NONE,
    plan: chooseDead("dead-drop"),
  },
  {
    name: "redeliver",
    usage: "redeliver [--customer ID] [--number N] [--since TIME]",
    about: `Sends delivered events again, the same id and body with the header webhook-redelivery: true.
Kept are the last 20 events of a customer, at most 64 KB. TIME is when they were delivered, such as
2026-01-02T03:04:05Z, or how long ago: 30m, 2h, 3d. At least one of the three must be given.`,
    options: {
      customer: { type: "string" },
      number: { type: "string" },
      since: { type: "string" },
    },
    operands: NONE,
    plan({ customer, number, since }, _operands, now) {
      if ((customer ?? number ?? since) === undefined) {
        return "give at least one of --customer, --number and --since";
      }
      const time = since === undefined ? undefined : readTime(String(since), now);
      if (since !== undefined && time === undefined) return "--since is not a time";
      return pages({
        command: "redeliver",
        customer,
        number,
        since: time,
      });
    },
  },
  {
    name: "resync",
    usage: "resync [--customer ID] [--after CURSOR] [--after-restore]",
    about: `Sends one event with the full known state per number, for a receiver that has lost some. After the
store was restored from a backup, --after-restore first lifts every sequence to the present. --after
goes on with a customer of whom numbers were left out because too many events were pending.`,
    options: {
      customer: { type: "string" },
      after: { type: "string" },
      "after-restore": { type: "boolean" },
    },
    operands: NONE,
    plan: ({ customer, after, "after-restore": afterRestore }) =>
      pages({
        command: "resync",
        customer,
        after,
        ...(afterRestore === true ? { afterRestore } : {}),
      }),
  },
  {
    name: "webhook test",
    usage: "webhook test",
    about: "Sends one signed webhook.test event and shows the receiver's answer.",
    operands: NONE,
    plan: simple("webhook-test"),
  },
  {
    name: "webhook pause",
    usage: "webhook pause",
    about: "Stops deliveries, within a minute; events are kept until webhook enable.",
    operands: NONE,
    plan: simple("webhook-pause"),
  },
  {
    name: "webhook enable",
    usage: "webhook enable",
    about:
      "Starts deliveries again after a pause, a 410 or an outage, if the receiver accepts a test.",
    operands: NONE,
    plan: simple("webhook-enable"),
  },
];

const COMMON_HELP = `  --json         the whole answer as JSON
  --stage NAME   the deployed function of that stage, by serverless invoke
  --url URL      npm start, and nothing else, at that address; without it http://127.0.0.1:8787
                 or WABA_CTL_URL is tried first
  --key KEY      npm start's API key; better in the environment: WABA_CTL_KEY
  --help         this text
`;

export function helpOf(spec: CommandSpec): string {
  return `npm run ctl -- ${spec.usage}\n\n${spec.about}\n\n${COMMON_HELP}`;
}

export const GENERAL_HELP = `npm run ctl -- COMMAND [options]

Operator's commands. They go to the running npm start; where none runs, to the store that the
environment names; with --stage, to the deployed function.

${COMMANDS.map(({ usage }) => `  ${usage}`).join("\n")}

${COMMON_HELP}
Exit codes: 0 done, 1 refused or failed, 2 wrong command line.
`;
