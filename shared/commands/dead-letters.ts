import { maskNumber } from "../log.ts";
import type { CommandOf } from "../schemas/command.ts";
import { DEAD_PREFIX, deadKey, deadRowSchema, parseEventKey } from "../schemas/outbox-rows.ts";
import { scanAll } from "../store/rows.ts";
import type { Row, Store } from "../store/store.ts";
import type { CommandDeps, Page } from "./command-deps.ts";
import { tryDecode } from "./try-decode.ts";
import { resend, type Stop, whyNotSend } from "./webhook.ts";

const LIST_PAGE = 100;
/** A receiver that refuses everything is told by these, not by all of them. */
const MAX_REFUSED = 100;

type Choice = Omit<CommandOf<"dead-redeliver"> | CommandOf<"dead-drop">, "command">;

/** One page of the events that the receiver would not take, by customer and sequence. */
export async function listDead(command: CommandOf<"dead-list">, deps: CommandDeps) {
  const limit = command.limit ?? LIST_PAGE;
  const deadLetters: Record<string, unknown>[] = [];
  let last: Row | undefined;
  let page: Page = { more: false };
  for await (const row of chosen(deps.store, { all: true, after: command.after })) {
    if (last && (deadLetters.length === limit || deps.budget.isOver())) {
      page = { more: true, after: cursorOf(last) };
      break;
    }
    last = row;
    deadLetters.push({ ...nameOf(row.key), ...describeDead(row) });
  }
  return { command: command.command, deadLetters, ...page };
}

function describeDead(row: Row): Record<string, unknown> {
  const dead = tryDecode(row, deadRowSchema);
  if (!dead) return { unreadable: true };
  const subject = subjectOf(dead.event.body);
  return {
    id: dead.event.id,
    type: dead.event.type,
    ...(subject === undefined ? {} : { phoneNumber: maskNumber(subject) }),
    status: dead.status,
    diedAt: dead.diedAt,
  };
}

/** The number that one of our event bodies is about. */
export function subjectOf(body: string): string | undefined {
  const { subject } = JSON.parse(body) as { readonly subject?: unknown };
  return typeof subject === "string" ? subject : undefined;
}

/**
 * Sends dead letters again and removes each one that the receiver takes; the others stay as they
 * are. A process that dies in between has sent an event whose row is still there: the next try
 * sends it once more, under the same id. Pending events are not touched.
 */
export async function redeliverDead(command: CommandOf<"dead-redeliver">, deps: CommandDeps) {
  const refused: { custSpaceId: string; seq: number; status: number }[] = [];
  let delivered = 0;
  let unreadable = 0;
  const answer = (page: Page, stopped?: Stop) => ({
    command: command.command,
    delivered,
    refused,
    unreadable,
    ...(stopped ? { stopped } : {}),
    ...page,
  });
  const closed = await whyNotSend(deps);
  if (closed) return answer({ more: false }, closed);

  let after = command.after ?? "";
  for await (const row of chosen(deps.store, command)) {
    if (deps.budget.isOver() || refused.length === MAX_REFUSED) {
      return answer({ more: true, after });
    }
    const dead = tryDecode(row, deadRowSchema);
    if (dead) {
      const sent = await resend(dead.event, deps);
      if (sent.kind === "stop") return answer({ more: true, after }, sent.stop);
      if (sent.kind === "refused") refused.push({ ...nameOf(row.key), status: sent.status });
      else {
        await deps.store.delete(row.key, row.version);
        delivered += 1;
      }
    } else {
      unreadable += 1;
    }
    after = cursorOf(row);
  }
  return answer({ more: false });
}

/** Deletes dead letters for good. */
export async function dropDead(command: CommandOf<"dead-drop">, deps: CommandDeps) {
  let dropped = 0;
  let after = command.after;
  let page: Page = { more: false };
  for await (const row of chosen(deps.store, command)) {
    if (deps.budget.isOver()) {
      page = { more: true, after: after ?? "" };
      break;
    }
    if ((await deps.store.delete(row.key, row.version)) === "deleted") dropped += 1;
    after = cursorOf(row);
  }
  return { command: command.command, dropped, ...page };
}

async function* chosen(store: Store, { customer, seq, after }: Choice): AsyncGenerator<Row> {
  if (customer !== undefined && seq !== undefined) {
    const key = deadKey(customer, seq);
    const found = await store.get(key);
    if (found) yield { key, ...found };
    return;
  }
  const prefix = customer === undefined ? DEAD_PREFIX : `${DEAD_PREFIX}${customer}/`;
  yield* scanAll(store, prefix, after ? `${DEAD_PREFIX}${after}` : "");
}

function cursorOf(row: Row): string {
  return row.key.slice(DEAD_PREFIX.length);
}

function nameOf(key: string): { custSpaceId: string; seq: number } {
  const { customer, seq } = parseEventKey(key);
  return { custSpaceId: customer, seq };
}
