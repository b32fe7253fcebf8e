import { InvalidRequestError } from "../errors.ts";
import type { LogFields } from "../log.ts";
import { toIssues } from "../schemas/issues.ts";
import type { CommandDeps } from "./command-deps.ts";
import { COMMANDS } from "./table.ts";

/** A valid command, ready to run. */
export type Command = {
  readonly name: string;
  run(deps: CommandDeps): Promise<object>;
};

/** @throws InvalidRequestError */
export function parseCommand(payload: unknown): Command {
  const { command } = Object(payload) as { readonly command?: unknown };
  const entry = COMMANDS.find(({ name }) => name === command);
  if (!entry) {
    const names = [...new Set(COMMANDS.map(({ name }) => name))].join(", ");
    throw new InvalidRequestError([{ path: "command", message: `must be one of ${names}` }]);
  }
  const parsed = entry.schema.safeParse(payload);
  if (!parsed.success) throw new InvalidRequestError(toIssues(parsed.error, payload));
  return { name: entry.name, run: (deps) => entry.run(parsed.data, deps) };
}

/**
 * Runs one operator's command beside a run that may be under way: it takes no lease, and every
 * write is conditional. Ends within 40 s. If the answer has `more: true`, the same command continues
 * with the answer's `after`.
 *
 * @throws StoreUnavailableError and other store errors. Every command may be repeated after one.
 */
export async function runCommand(command: Command, deps: CommandDeps): Promise<object> {
  const answer = { command: command.name, ...(await command.run(deps)) };
  deps.log.info("command", countsOf(answer));
  return answer;
}

/** Lists in an answer may name numbers, so the log gets their lengths. */
function countsOf(answer: object): LogFields {
  return Object.fromEntries(
    Object.entries(answer)
      .filter(([name]) => name !== "after")
      .map(([name, value]) => [name, Array.isArray(value) ? value.length : value]),
  );
}
