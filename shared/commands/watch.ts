import { reasonOf } from "../changes/failure.ts";
import { loadCustomer } from "../customers/customer.ts";
import { prioritizeRequested } from "../customers/priority-lane.ts";
import { unwatchCustomer, watchCustomers } from "../customers/watch-list.ts";
import type {
  UnwatchCommand,
  WatchCloselyCommand,
  WatchCommand,
  WatchListCommand,
} from "../schemas/command.ts";
import type { ReadFailure } from "../schemas/customer-row.ts";
import { DEAD_PREFIX } from "../schemas/outbox-rows.ts";
import type { CommandDeps } from "./command-deps.ts";
import { customersOnly, type FoundCustomer, findCustomers } from "./customer-rows.ts";
import { takePage } from "./page.ts";
import { skipUnreadable } from "./try-decode.ts";

const LIST_PAGE = 100;
const CLOSELY_HOURS = 24;
const COUNTED_DEAD = 1_000;

/** Puts customers on the watch list. */
export async function watch({ custSpaceIds }: WatchCommand, deps: CommandDeps) {
  const added: string[] = [];
  const revived: string[] = [];
  let alreadyWatched = 0;
  const progress = await forEachCustomer(custSpaceIds, deps, async (customer) => {
    const outcome = await watchCustomers(deps.store, [customer], deps.now);
    added.push(...outcome.added);
    revived.push(...outcome.revived);
    alreadyWatched += outcome.already;
  });
  return { added, revived, alreadyWatched, ...progress };
}

/** Removes customers from the watch list. One with pending events is refused without `drop`. */
export async function unwatch({ custSpaceIds, drop = false }: UnwatchCommand, deps: CommandDeps) {
  const listed = new Set(deps.listed);
  const removed: string[] = [];
  const refused: { custSpaceId: string; pending: number }[] = [];
  const notWatched: string[] = [];
  let droppedEvents = 0;
  const left: { custSpaceId: string; deadLetters: number }[] = [];
  const progress = await forEachCustomer(custSpaceIds, deps, async (customer) => {
    const options = { drop, listed: listed.has(customer), now: deps.now };
    const outcome = await unwatchCustomer(deps.store, customer, options);
    if (outcome.kind === "pending") {
      refused.push({ custSpaceId: customer, pending: outcome.pending });
      return;
    }
    (outcome.kind === "not-watched" ? notWatched : removed).push(customer);
    droppedEvents += outcome.kind === "not-watched" ? 0 : outcome.dropped;
    const dead = await deps.store.scan(`${DEAD_PREFIX}${customer}/`, "", COUNTED_DEAD);
    if (dead.length > 0) left.push({ custSpaceId: customer, deadLetters: dead.length });
  });
  const leftOver = left.length > 0 ? left : undefined;
  return { removed, refused, notWatched, droppedEvents, left: leftOver, ...progress };
}

/** Puts watched customers into the priority lane for some hours. */
export async function watchClosely(
  { custSpaceIds, hours = CLOSELY_HOURS }: WatchCloselyCommand,
  deps: CommandDeps,
) {
  const until = deps.now() + hours * 3_600_000;
  const notWatched: string[] = [];
  let inLane = 0;
  const progress = await forEachCustomer(custSpaceIds, deps, async (customer) => {
    const row = (await loadCustomer(deps.store, customer))?.value;
    if (!row || row.removedAt) notWatched.push(customer);
    else {
      await prioritizeRequested(deps.store, customer, until, deps.now());
      inLane += 1;
    }
  });
  return { until: new Date(until).toISOString(), inLane, notWatched, ...progress };
}

type Progress = {
  /** Customers whose rows this version cannot read. They stay as they are. */
  readonly unreadable: readonly string[];
  /** How many of the given ids are done, from the first on, repeated ones included. */
  readonly processed: number;
  /** The caller sends the other ids again. */
  readonly more: boolean;
};

/** Runs a step for each id, once, until the budget is over. */
export async function forEachCustomer(
  custSpaceIds: readonly string[],
  { budget }: CommandDeps,
  step: (customer: string) => Promise<void>,
): Promise<Progress> {
  const unreadable: string[] = [];
  for (const customer of new Set(custSpaceIds)) {
    if (budget.isOver()) {
      return { unreadable, processed: custSpaceIds.indexOf(customer), more: true };
    }
    const outcome = await skipUnreadable(() => step(customer));
    if (outcome === "unreadable") unreadable.push(customer);
  }
  return { unreadable, processed: custSpaceIds.length, more: false };
}

/** One page of the watch list in key order. Removed customers have `removedAt`. */
export async function watchList(
  { after, limit = LIST_PAGE, failing = false }: WatchListCommand,
  { store, budget }: CommandDeps,
) {
  const customers: object[] = [];
  const isFull = () => customers.length > 0 && (customers.length === limit || budget.isOver());
  const found = customersOnly(findCustomers(store, { after }));
  const page = await takePage(found, after, isFull, async (one) => {
    const failure = one.stored?.value.removedAt ? undefined : one.stored?.value.failure;
    if (one.notes !== undefined) {
      if (!failing || !failure) return undefined;
      const own = await skipUnreadable(() => loadCustomer(store, one.notes ?? ""));
      const isListed = own !== "unreadable" && own?.value.failure;
      if (!isListed) customers.push(describeFailing(one.notes, failure));
    } else if (!failing || failure) customers.push(describeCustomer(one));
    return undefined;
  });
  return { customers, ...page };
}

function describeCustomer({ customer, stored }: FoundCustomer): object {
  if (!stored) return { custSpaceId: customer, unreadable: true };
  const row = stored.value;
  return {
    custSpaceId: customer,
    numbers: Object.keys(row.numbers).length,
    pending: row.pending.length,
    firstReadAt: row.baselineAt,
    changedAt: row.observedAt,
    removedAt: row.removedAt,
    ...(row.failure && describeFailing(customer, row.failure)),
  };
}

function describeFailing(custSpaceId: string, failure: ReadFailure) {
  return { custSpaceId, failingSince: failure.since, ...reasonOf(failure) };
}
