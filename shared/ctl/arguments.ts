import { type ParseArgsConfig, parseArgs } from "node:util";
import type * as z from "zod/mini";
import { COMMANDS, type CommandLine, type OptionKind } from "../commands/table.ts";
import { SELF } from "../schemas/customer-row.ts";
import type { Where } from "./connect.ts";
import { generalHelp, helpOf } from "./help.ts";
import { CtlError } from "./io.ts";

/** What a command line asks for. */
export type Plan = {
  readonly payload: { readonly command: string };
  /** Sent with the payload in batches, for a command that names its customers. */
  readonly customers: Customers | undefined;
};

type Customers = { readonly ids: readonly string[] } | { readonly file: string };

export type Parsed =
  | { readonly kind: "help"; readonly text: string }
  | { readonly kind: "plan"; readonly plan: Plan; readonly where: Where; readonly json: boolean };

type Values = Readonly<Record<string, string | boolean | undefined>>;

/** A line of the table of commands, with its command. */
type Form = { readonly command: (typeof COMMANDS)[number]; readonly line: CommandLine };

const FORMS: readonly Form[] = COMMANDS.flatMap((command) =>
  command.lines.map((line) => ({ command, line })),
);

const COMMON_OPTIONS: NonNullable<ParseArgsConfig["options"]> = {
  stage: { type: "string" },
  url: { type: "string" },
  key: { type: "string" },
  json: { type: "boolean" },
  help: { type: "boolean", short: "h" },
};

/** @throws CtlError with exit code 2 */
export function parseCommandLine(argv: readonly string[], now: number): Parsed {
  const firstOption = argv.findIndex((word) => word.startsWith("-"));
  const words = argv.slice(0, firstOption < 0 ? 2 : Math.min(2, firstOption));
  const form = FORMS.find(({ line }) => [words.join(" "), words[0]].includes(line.words));
  if (!form) return { kind: "help", text: helpFor(argv, words) };
  const { line } = form;
  const { values, operands } = parseOptions(argv.slice(line.words.split(" ").length), line);
  if (values.help === true) return { kind: "help", text: helpOf(line) };
  return {
    kind: "plan",
    plan: createPlan(form, values, operands, now),
    where: readWhere(values, line),
    json: values.json === true,
  };
}

/** The help that a line without a command asks for: of all commands, or of a group such as `dead`. */
function helpFor(argv: readonly string[], words: readonly string[]): string {
  if (argv.length === 0) throw new CtlError(generalHelp(), 2);
  const group = FORMS.filter(({ line }) => line.words.startsWith(`${words[0]} `));
  const asksForHelp = argv.includes("--help") || argv.includes("-h");
  if (asksForHelp && words.length === 0) return generalHelp();
  if (asksForHelp && group.length > 0) return group.map(({ line }) => helpOf(line)).join("\n");
  throw new CtlError("There is no such command. To list them, run: npm run ctl -- --help", 2);
}

function parseOptions(args: string[], line: CommandLine) {
  const own = Object.entries(line.options ?? {}).map(
    ([name, kind]) => [flagOf(name), { type: kind === "flag" ? "boolean" : "string" }] as const,
  );
  try {
    const options = { ...COMMON_OPTIONS, ...Object.fromEntries(own) };
    const { values, positionals } = parseArgs({ args, options, allowPositionals: true });
    return { values: values as Values, operands: positionals };
  } catch (error) {
    throw usageError(error instanceof Error ? error.message : "the options are invalid", line);
  }
}

function createPlan(
  { command, line }: Form,
  values: Values,
  operands: readonly string[],
  now: number,
): Plan {
  const customers = readCustomers(line, operands);
  const fields = Object.entries(line.options ?? {}).map(
    ([name, kind]) => [name, readField(kind, values[flagOf(name)], now)] as const,
  );
  const payload = { command: command.name, ...line.payload, ...Object.fromEntries(fields) };
  // Ids are checked when the file is read, so one that is valid stands for them.
  const checked = customers ? { ...payload, custSpaceIds: [SELF] } : payload;
  const { error } = command.schema.safeParse(checked);
  if (error) throw usageError(error.issues.map((one) => describeIssue(one, line)).join("\n"), line);
  return { payload, customers };
}

function readCustomers(line: CommandLine, operands: readonly string[]): Customers | undefined {
  const [first] = operands;
  switch (line.customers) {
    case "words":
      if (first === undefined) throw takes("at least one CustSpaceId (or self)", line);
      return { ids: operands };
    case "file":
      if (first === undefined || operands.length > 1) throw takes("one FILE", line);
      return { file: first };
    default:
      if (first !== undefined) throw takes("no further words", line);
      return undefined;
  }
}

function readWhere({ stage, url, key }: Values, line: CommandLine): Where {
  if (stage !== undefined && (url ?? key) !== undefined) {
    throw usageError("--stage asks the deployed function, --url and --key ask npm start", line);
  }
  const text = (value: Values[string]) => (typeof value === "string" ? value : undefined);
  return { stage: text(stage), url: text(url), key: text(key) };
}

/** A value as the payload holds it. What cannot be converted is left to the schema to refuse. */
function readField(kind: OptionKind, value: Values[string], now: number): unknown {
  if (typeof value !== "string") return value;
  if (kind === "number") return /^\d{1,15}$/.test(value) ? Number(value) : Number.NaN;
  return kind === "time" ? (readTime(value, now) ?? value) : value;
}

const UNIT_MS: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000 };

/** A time, or how long ago: 30m, 2h, 3d. */
function readTime(text: string, now: number): string | undefined {
  const [, count, unit = ""] = /^(\d{1,6})([mhd])$/.exec(text) ?? [];
  const at = count === undefined ? Date.parse(text) : now - Number(count) * (UNIT_MS[unit] ?? 0);
  return Number.isNaN(at) ? undefined : new Date(at).toISOString();
}

/** A schema's issue in the words of the command line: its fields are options here. */
function describeIssue({ code, path, message }: z.core.$ZodIssue, line: CommandLine): string {
  const field = path.map((name) => `--${flagOf(String(name))}`);
  // Only a check over several fields names fields in its text.
  return [...field, code === "custom" ? withFlags(message, line) : message].join(" ");
}

/** `give either customer or all: true` becomes `give either --customer or --all`. */
function withFlags(text: string, line: CommandLine): string {
  const fields = new RegExp(`\\b(${Object.keys(line.options ?? {}).join("|")})\\b(: true)?`, "g");
  return text.replaceAll(fields, (_match, name: string) => `--${flagOf(name)}`);
}

/** `afterRestore` is the option `--after-restore`. */
function flagOf(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

function takes(words: string, line: CommandLine): CtlError {
  return usageError(`${line.words} takes ${words}`, line);
}

function usageError(problem: string, line: CommandLine): CtlError {
  return new CtlError(`${problem}\nSee: npm run ctl -- ${line.words} --help`, 2);
}
