import { loadCustomer } from "../customers/customer.ts";
import { InvalidRequestError } from "../errors.ts";
import { type LogFields, maskCustomer } from "../log.ts";
import { toIssues } from "../schemas/issues.ts";
import type { CommandDeps } from "./command-deps.ts";
import { noEventIs } from "./redeliver.ts";
import { COMMANDS } from "./table.ts";
import { skipUnreadable } from "./try-decode.ts";

/** A valid command, ready to run. */
export type Command = {
  readonly name: string;
  /** What it names, if anything. */
  readonly named: Named;
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
  const named: Named = parsed.data;
  return { name: entry.name, named, run: (deps) => entry.run(parsed.data, deps) };
}

/**
 * Runs one operator's command beside a run that may be under way: it takes no lease, and every
 * write is conditional. Ends within 40 s. If the answer has `more: true`, the same command continues
 * with the answer's `after`.
 *
 * @throws StoreUnavailableError and other store errors. Every command may be repeated after one.
 */
export async function runCommand(command: Command, deps: CommandDeps): Promise<object> {
  const what = { command: command.name, customers: customersOf(command.named) };
  try {
    const done = await command.run(deps);
    const answer = { command: command.name, ...done, ...(await findNothing(command, done, deps)) };
    deps.log.audit("command", { ...what, ...countsOf(answer), outcome: "done" });
    return answer;
  } catch (error) {
    deps.log.audit("command", { ...what, outcome: "failed" });
    throw error;
  }
}

const NAMED_CUSTOMERS = 10;

/** Masked as everywhere in the log. Of many customers, the first few. */
function customersOf({ customer, custSpaceIds }: Named): readonly string[] | undefined {
  const named = custSpaceIds ?? (customer === undefined ? undefined : [customer]);
  return named?.slice(0, NAMED_CUSTOMERS).map(maskCustomer);
}

type Named = {
  readonly command: string;
  readonly customer?: string;
  readonly custSpaceIds?: readonly string[];
  readonly number?: string;
  readonly seq?: number;
  readonly after?: string;
};

/** Names what the command was about, if that does not exist and so nothing was done. */
async function findNothing({ named }: Command, done: object, { store }: CommandDeps) {
  const { customer, number, seq, after } = named;
  const isDone = Object.values(done).some((value) => value === true || value > 0 || value?.length);
  if (isDone || after !== undefined || "stopped" in done) return {};
  if (customer !== undefined) {
    const found = await skipUnreadable(() => loadCustomer(store, customer));
    if (!found) return { notWatched: [customer] };
  }
  if (number !== undefined) return { notFound: noEventIs(number) };
  return seq === undefined ? {} : { notFound: `${customer} has no dead letter ${seq}.` };
}

/** Lists in an answer may name numbers, so the log gets their lengths. Sentences name customers. */
function countsOf(answer: object): LogFields {
  return Object.fromEntries(
    Object.entries(answer)
      .filter(([name]) => name !== "after" && name !== "notFound")
      .map(([name, value]) => [name, Array.isArray(value) ? value.length : value]),
  );
}
