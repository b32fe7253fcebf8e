import { type ParseArgsConfig, parseArgs } from "node:util";
import type * as z from "zod/mini";
import { readDuration } from "../commands/duration.ts";
import { suggest } from "../commands/suggest.ts";
import {
  COMMANDS,
  type CommandEntry,
  type CtlFlag,
  type OptionKind,
  wordsOf,
} from "../commands/table.ts";
import { SELF } from "../schemas/customer-row.ts";
import type { Where } from "./connect.ts";
import { generalHelp, helpOf, usageOf } from "./help.ts";
import { CtlError } from "./io.ts";

/** What a command line asks for. */
export type Plan = {
  readonly payload: { readonly command: string; readonly since?: string };
  /** Sent with the payload in batches, for a command that names its customers. */
  readonly customers: Customers | undefined;
  readonly flags: readonly CtlFlag[];
};

type Customers = { readonly ids: readonly string[] } | { readonly file: string };

export type Parsed =
  | { readonly kind: "key"; readonly words: readonly string[] }
  | { readonly kind: "help"; readonly text: string }
  | { readonly kind: "plan"; readonly plan: Plan; readonly where: Where; readonly json: boolean };

/** Short forms of a command's second word. */
const SHORT_WORDS: Readonly<Record<string, string>> = { ls: "list", rm: "remove" };

/** As the command's schema has it. */
const MAX_HOURS = 168;

type Values = Readonly<Record<string, string | boolean | undefined>>;

const COMMON_OPTIONS: NonNullable<ParseArgsConfig["options"]> = {
  stage: { type: "string" },
  url: { type: "string" },
  key: { type: "string" },
  json: { type: "boolean" },
  help: { type: "boolean", short: "h" },
};

/** @throws CtlError with exit code 2 */
export function parseCommandLine(argv: readonly string[], now: number): Parsed {
  if (argv[0] === "key") return { kind: "key", words: argv.slice(1) };
  const firstOption = argv.findIndex((word) => word.startsWith("-"));
  const [first, second] = argv.slice(0, firstOption < 0 ? 2 : Math.min(2, firstOption));
  const words = [first, SHORT_WORDS[second ?? ""] ?? second].filter((word) => word !== undefined);
  const entry = COMMANDS.find((one) => [words.join(" "), words[0]].includes(wordsOf(one)));
  if (!entry) return { kind: "help", text: helpFor(argv, words) };
  const { values, operands } = parseOptions(argv.slice(wordsOf(entry).split(" ").length), entry);
  if (values.help === true) return { kind: "help", text: helpOf(entry) };
  return {
    kind: "plan",
    plan: createPlan(entry, values, operands, now),
    where: readWhere(values, entry),
    json: values.json === true,
  };
}

/** The help for a line without a command: of all commands, or of a group such as `dead`. */
function helpFor(argv: readonly string[], words: readonly string[]): string {
  if (argv.length === 0) throw new CtlError(generalHelp(), 2);
  const group = COMMANDS.filter((entry) => wordsOf(entry).startsWith(`${words[0]} `));
  const asksForHelp = argv.includes("--help") || argv.includes("-h");
  if (asksForHelp && words.length === 0) return generalHelp();
  if (asksForHelp && group.length > 0) return group.map(helpOf).join("\n");
  if (words.length === 0) throw new CtlError("The command comes first, then its options.", 2);
  if (words.length === 1 && group.length > 0) {
    throw new CtlError(`Choose one:\n${group.map((entry) => `  ${usageOf(entry)}`).join("\n")}`, 2);
  }
  const near = suggest(words.join(" "), COMMANDS.map(wordsOf));
  const hint = near === undefined ? "" : ` Did you mean ${near}?`;
  throw new CtlError(
    `There is no such command.${hint} To list them, run: npm run ctl -- --help`,
    2,
  );
}

function parseOptions(args: string[], entry: CommandEntry) {
  const flags = (entry.flags ?? []).map((name) => [name, "flag"] as const);
  const own = [...Object.entries(entry.options ?? {}), ...flags].map(
    ([name, kind]) => [flagOf(name), { type: kind === "flag" ? "boolean" : "string" }] as const,
  );
  try {
    const options = { ...COMMON_OPTIONS, ...Object.fromEntries(own) };
    const { values, positionals } = parseArgs({ args, options, allowPositionals: true });
    return { values: values as Values, operands: positionals };
  } catch (error) {
    throw usageError(error instanceof Error ? error.message : "the options are invalid", entry);
  }
}

function createPlan(
  entry: CommandEntry,
  values: Values,
  operands: readonly string[],
  now: number,
): Plan {
  const customers = readCustomers(entry, operands);
  const fields = Object.entries(entry.options ?? {}).flatMap(([name, kind]) => {
    const value = values[flagOf(name)];
    if (value === undefined) return [];
    return [[kind === "hours" ? "hours" : name, readField(kind, value, now)] as const];
  });
  const payload = { command: entry.name, ...entry.payload, ...Object.fromEntries(fields) };
  // Ids are checked when the file is read, so one that is valid stands for them.
  const stands = entry.flags?.includes("tail") ? { since: new Date(now).toISOString() } : {};
  const checked = customers ? { ...payload, custSpaceIds: [SELF] } : { ...stands, ...payload };
  const issues = entry.schema.safeParse(checked).error?.issues ?? [];
  const problems = issues.map((issue) => describeIssue(issue, entry));
  if (problems.length > 0) throw usageError(problems.join("\n"), entry);
  const flags = (entry.flags ?? []).filter(
    (name) => name === "tail" || values[flagOf(name)] === true,
  );
  return { payload, customers, flags };
}

function readCustomers(entry: CommandEntry, operands: readonly string[]): Customers | undefined {
  const [first] = operands;
  switch (entry.customers) {
    case "words":
      if (first === undefined) throw takes("at least one CustSpaceId (or self)", entry);
      return { ids: operands };
    case "file":
      if (first === undefined || operands.length > 1) throw takes("one FILE", entry);
      return { file: first };
    default:
      if (first !== undefined) throw takes("no further words", entry);
      return undefined;
  }
}

function readWhere({ stage, url, key }: Values, entry: CommandEntry): Where {
  if (stage !== undefined && (url ?? key) !== undefined) {
    throw usageError("--stage asks the deployed function, --url and --key ask npm start", entry);
  }
  const text = (value: Values[string]) => (typeof value === "string" ? value : undefined);
  return { stage: text(stage), url: text(url), key: text(key) };
}

/** A value as the payload holds it. What cannot be converted is left to the schema to refuse. */
function readField(kind: OptionKind, value: Values[string], now: number): unknown {
  if (typeof value !== "string") return value;
  if (kind === "number") return /^\d{1,15}$/.test(value) ? Number(value) : Number.NaN;
  if (kind === "hours") return readHours(value);
  return kind === "time" ? readTime(value, now) : value;
}

function readHours(text: string): number {
  const hours = (readDuration(text) ?? 0) / 3_600_000;
  if (hours >= 1 && hours <= MAX_HOURS) return Math.ceil(hours);
  throw new CtlError("--for must be a duration from 1h to 7d, such as 6h or 3d", 2);
}

/** A time, or how long ago: 30m, 2h, 3d. */
function readTime(text: string, now: number): string {
  const ago = readDuration(text);
  // Date.parse takes almost any number for a year.
  const isDate = /^\d{4}-\d\d-\d\d/.test(text);
  const at = ago === undefined ? Date.parse(isDate ? text : "") : now - ago;
  if (!Number.isNaN(at)) return new Date(at).toISOString();
  throw new CtlError(
    "--since must be a time such as 2026-01-02T03:04:05Z, or how long ago: 30m, 2h, 3d",
    2,
  );
}

/** A schema's issue in the words of the command line: its fields are options here. */
function describeIssue({ code, path, message }: z.core.$ZodIssue, entry: CommandEntry): string {
  const field = path.map((name) => `--${flagOf(String(name))}`);
  // Only a check over several fields names fields in its text.
  return [...field, code === "custom" ? withFlags(message, entry) : message].join(" ");
}

/** `give either customer or all: true` becomes `give either --customer or --all`. */
function withFlags(text: string, entry: CommandEntry): string {
  const fields = new RegExp(`\\b(${Object.keys(entry.options ?? {}).join("|")})\\b(: true)?`, "g");
  return text.replaceAll(fields, (_match, name: string) => `--${flagOf(name)}`);
}

/** `afterRestore` is the option `--after-restore`. */
function flagOf(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

function takes(words: string, entry: CommandEntry): CtlError {
  return usageError(`${wordsOf(entry)} takes ${words}`, entry);
}

function usageError(problem: string, entry: CommandEntry): CtlError {
  return new CtlError(`${problem}\nSee: npm run ctl -- ${wordsOf(entry)} --help`, 2);
}
