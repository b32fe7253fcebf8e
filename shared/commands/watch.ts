import { loadCustomer } from "../customers/customer.ts";
import { prioritizeRequested } from "../customers/priority-lane.ts";
import { unwatchCustomer, watchCustomers } from "../customers/watch-list.ts";
import type { CommandOf } from "../schemas/command.ts";
import { CUSTOMER_PREFIX, customerKey, customerRowSchema } from "../schemas/customer-row.ts";
import { scanAll } from "../store/rows.ts";
import type { CommandDeps, Page } from "./command-deps.ts";
import { skipUnreadable, tryDecode } from "./try-decode.ts";

const LIST_PAGE = 100;
const CLOSELY_HOURS = 24;

/** Rows of the account itself, which is no customer, sort behind every customer's. */
export function isAccountRow(key: string): boolean {
  return key.startsWith(`${CUSTOMER_PREFIX}~`);
}

/**
 * Puts customers on the watch list. `processed` says how many of the given ids were dealt with,
 * from the first on; with `more`, the caller gives the others again. `unreadable` names those whose
 * row a newer version wrote: they stay as they are.
 */
export async function watch(command: CommandOf<"watch">, deps: CommandDeps) {
  const customers = [...new Set(command.custSpaceIds)];
  const added: string[] = [];
  const revived: string[] = [];
  const unreadable: string[] = [];
  let alreadyWatched = 0;
  let done = 0;
  for (const customer of customers) {
    if (deps.budget.isOver()) break;
    const outcome = await skipUnreadable(() => watchCustomers(deps.store, [customer], deps.now));
    done += 1;
    if (outcome === "unreadable") unreadable.push(customer);
    else {
      added.push(...outcome.added);
      revived.push(...outcome.revived);
      alreadyWatched += outcome.already;
    }
  }
  return {
    command: command.command,
    added,
    revived,
    alreadyWatched,
    unreadable,
    ...processedOf(command.custSpaceIds, customers, done),
  };
}

/** Takes customers off the watch list; one with pending events is refused unless they are dropped. */
export async function unwatch(command: CommandOf<"unwatch">, deps: CommandDeps) {
  const customers = [...new Set(command.custSpaceIds)];
  const listed = new Set(deps.listed);
  const removed: string[] = [];
  const refused: { custSpaceId: string; pending: number }[] = [];
  const notWatched: string[] = [];
  const unreadable: string[] = [];
  let droppedEvents = 0;
  let processed = 0;
  for (const customer of customers) {
    if (deps.budget.isOver()) break;
    const outcome = await skipUnreadable(() =>
      unwatchCustomer(deps.store, customer, {
        drop: command.drop === true,
        listed: listed.has(customer),
        now: deps.now,
      }),
    );
    processed += 1;
    if (outcome === "unreadable") {
      unreadable.push(customer);
    } else if (outcome.kind === "pending") {
      refused.push({ custSpaceId: customer, pending: outcome.pending });
    } else if (outcome.kind === "not-watched") {
      notWatched.push(customer);
    } else {
      removed.push(customer);
      droppedEvents += outcome.dropped;
    }
  }
  return {
    command: command.command,
    removed,
    refused,
    notWatched,
    unreadable,
    droppedEvents,
    ...processedOf(command.custSpaceIds, customers, processed),
  };
}

/** Puts customers into the priority lane for a while; only those that are watched can be read at all. */
export async function readClosely(command: CommandOf<"watch-closely">, deps: CommandDeps) {
  const customers = [...new Set(command.custSpaceIds)];
  const until = deps.now() + (command.hours ?? CLOSELY_HOURS) * 3_600_000;
  const notWatched: string[] = [];
  const unreadable: string[] = [];
  let inLane = 0;
  let processed = 0;
  for (const customer of customers) {
    if (deps.budget.isOver()) break;
    const outcome = await skipUnreadable(async () => {
      const row = (await loadCustomer(deps.store, customer))?.value;
      if (!row || row.removedAt) return "not-watched";
      await prioritizeRequested(deps.store, customer, until);
      return "in-lane";
    });
    if (outcome === "in-lane") inLane += 1;
    else (outcome === "unreadable" ? unreadable : notWatched).push(customer);
    processed += 1;
  }
  return {
    command: command.command,
    until: new Date(until).toISOString(),
    inLane,
    notWatched,
    unreadable,
    ...processedOf(command.custSpaceIds, customers, processed),
  };
}

/** `processed` counts the ids as they were given, repeated ones too. */
function processedOf(given: readonly string[], unique: readonly string[], done: number) {
  const next = unique[done];
  const processed = next === undefined ? given.length : given.indexOf(next);
  return { processed, more: next !== undefined };
}

/** One page of the watch list in key order; customers that were taken off show `removedAt`. */
export async function watchList(command: CommandOf<"watch-list">, deps: CommandDeps) {
  const limit = command.limit ?? LIST_PAGE;
  const after = command.after === undefined ? "" : customerKey(command.after);
  const customers: Record<string, unknown>[] = [];
  let page: Page = { more: false };
  for await (const row of scanAll(deps.store, CUSTOMER_PREFIX, after)) {
    if (isAccountRow(row.key)) continue;
    const last = customers.at(-1)?.custSpaceId;
    if (typeof last === "string" && (customers.length === limit || deps.budget.isOver())) {
      page = { more: true, after: last };
      break;
    }
    const custSpaceId = row.key.slice(CUSTOMER_PREFIX.length);
    const value = tryDecode(row, customerRowSchema);
    if (!value) {
      customers.push({ custSpaceId, unreadable: true });
      continue;
    }
    customers.push({
      custSpaceId,
      numbers: Object.keys(value.numbers).length,
      pending: value.pending.length,
      firstReadAt: value.baselineAt,
      changedAt: value.observedAt,
      removedAt: value.removedAt,
    });
  }
  return { command: command.command, customers, ...page };
}
