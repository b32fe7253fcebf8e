import { type ParseArgsConfig, parseArgs } from "node:util";
import {
  COMMANDS,
  type CommandSpec,
  GENERAL_HELP,
  helpOf,
  type Plan,
  type Values,
} from "./commands.ts";
import type { Where } from "./connect.ts";
import { CtlError } from "./io.ts";

export type Parsed =
  | { readonly kind: "help"; readonly text: string }
  | { readonly kind: "plan"; readonly plan: Plan; readonly where: Where; readonly json: boolean };

const COMMON: NonNullable<ParseArgsConfig["options"]> = {
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
  const spec = findSpec(words);
  if (!spec) return parseWithoutCommand(argv, words);
  const rest = argv.slice(spec.name.split(" ").length);
  const { values, positionals } = parseOptions(rest, spec);
  if (values.help === true) return { kind: "help", text: helpOf(spec) };
  if (positionals.length < spec.operands.min || positionals.length > spec.operands.max) {
    throw usage(`${spec.name} takes ${spec.operands.words}`, spec);
  }
  const plan = spec.plan(values, positionals, now);
  if (typeof plan === "string") throw usage(plan, spec);
  const { stage, url, key } = values;
  if (stage !== undefined && (url ?? key) !== undefined) {
    throw usage("--stage asks the deployed function, --url and --key the running npm start", spec);
  }
  return {
    kind: "plan",
    plan,
    where: { stage: text(stage), url: text(url), key: text(key) },
    json: values.json === true,
  };
}

function findSpec(words: readonly string[]): CommandSpec | undefined {
  const name = words.join(" ");
  return COMMANDS.find((spec) => spec.name === name || spec.name === words[0]);
}

function parseWithoutCommand(argv: readonly string[], words: readonly string[]): Parsed {
  const group = COMMANDS.filter((spec) => spec.name.startsWith(`${words[0]} `));
  if (argv.includes("--help") || argv.includes("-h")) {
    const isKnown = words.length === 0 || group.length > 0;
    if (isKnown) {
      return { kind: "help", text: group.length > 0 ? group.map(helpOf).join("\n") : GENERAL_HELP };
    }
  }
  if (argv.length === 0) throw new CtlError(GENERAL_HELP, 2);
  throw new CtlError("There is no such command; npm run ctl -- --help lists them.", 2);
}

function parseOptions(args: readonly string[], spec: CommandSpec) {
  try {
    const options = { ...COMMON, ...spec.options };
    const parsed = parseArgs({ args: [...args], options, allowPositionals: true });
    return { values: parsed.values as Values, positionals: parsed.positionals };
  } catch (error) {
    throw usage(error instanceof Error ? error.message : "the options cannot be read", spec);
  }
}

function usage(problem: string, spec: CommandSpec): CtlError {
  return new CtlError(`${problem}\nSee: npm run ctl -- ${spec.name} --help`, 2);
}

function text(value: Values[string]): string | undefined {
  return typeof value === "string" ? value : undefined;
}
