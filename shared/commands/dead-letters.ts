import { maskNumber } from "../log.ts";
import type { DeadDropCommand, DeadListCommand, DeadRedeliverCommand } from "../schemas/command.ts";
import {
  DEAD_PREFIX,
  type DeadRow,
  deadKey,
  deadRowSchema,
  parseEventKey,
} from "../schemas/outbox-rows.ts";
import { scanAll } from "../store/rows.ts";
import type { Row, Store } from "../store/store.ts";
import type { CommandDeps } from "./command-deps.ts";
import { takePage } from "./page.ts";
import { MAX_REFUSED, resend, subjectOf, whyNotSend } from "./resend.ts";
import { tryDecode } from "./try-decode.ts";

const LIST_PAGE = 100;

type DeadLetter = {
  readonly row: Row;
  readonly cursor: string;
  readonly name: { readonly custSpaceId: string; readonly seq: number };
  /** Undefined if this version cannot read it. */
  readonly content: DeadRow | undefined;
};

/** One page of the dead letters, by customer and sequence. */
export async function listDead(
  { after, limit = LIST_PAGE }: DeadListCommand,
  { store, budget }: CommandDeps,
) {
  const deadLetters: object[] = [];
  const isFull = () => deadLetters.length > 0 && (deadLetters.length === limit || budget.isOver());
  const page = await takePage(findDead(store, { after }), after, isFull, (found) => {
    deadLetters.push({ ...found.name, ...describeContent(found) });
  });
  return { deadLetters, ...page };
}

function describeContent({ content }: DeadLetter): object {
  if (!content) return { unreadable: true };
  const subject = subjectOf(content.event.body);
  return {
    id: content.event.id,
    type: content.event.type,
    phoneNumber: subject === undefined ? undefined : maskNumber(subject),
    status: content.status,
    diedAt: content.diedAt,
  };
}

/**
 * Sends dead letters again and deletes each one that the receiver accepts. A process that dies
 * between the two leaves a row, and the next try sends it again with the same id.
 */
export async function redeliverDead(command: DeadRedeliverCommand, deps: CommandDeps) {
  const counts = { delivered: 0, unreadable: 0 };
  const refused: object[] = [];
  const isFull = () => refused.length === MAX_REFUSED || deps.budget.isOver();
  const stopped = await whyNotSend(deps);
  if (stopped) return { ...counts, refused, more: false, stopped };

  const found = findDead(deps.store, command);
  const page = await takePage(found, command.after, isFull, async (letter, after) => {
    if (!letter.content) {
      counts.unreadable += 1;
      return undefined;
    }
    const sent = await resend(letter.content.event, deps);
    if (sent.kind === "stop") return { more: true, after, stopped: sent.stop };
    if (sent.kind === "refused") refused.push({ ...letter.name, status: sent.status });
    else {
      await deps.store.delete(letter.row.key, letter.row.version);
      counts.delivered += 1;
    }
    return undefined;
  });
  return { ...counts, refused, ...page };
}

/** Deletes dead letters for good. */
export async function dropDead(command: DeadDropCommand, { store, budget }: CommandDeps) {
  let dropped = 0;
  const found = findDead(store, command);
  const page = await takePage(found, command.after, budget.isOver, async ({ row }) => {
    if ((await store.delete(row.key, row.version)) === "deleted") dropped += 1;
  });
  return { dropped, ...page };
}

type Choice = Omit<DeadRedeliverCommand, "command" | "all">;

async function* findDead(store: Store, choice: Choice): AsyncGenerator<DeadLetter> {
  for await (const row of scanDead(store, choice)) {
    const { customer, seq } = parseEventKey(row.key);
    yield {
      row,
      cursor: row.key.slice(DEAD_PREFIX.length),
      name: { custSpaceId: customer, seq },
      content: tryDecode(row, deadRowSchema),
    };
  }
}

async function* scanDead(store: Store, { customer, seq, after }: Choice): AsyncGenerator<Row> {
  // Two events may share a sequence after a restore, hence a prefix here as well.
  const ofCustomer = customer === undefined ? DEAD_PREFIX : `${DEAD_PREFIX}${customer}/`;
  const prefix = customer === undefined || seq === undefined ? ofCustomer : deadKey(customer, seq);
  yield* scanAll(store, prefix, after ? `${DEAD_PREFIX}${after}` : "");
}
