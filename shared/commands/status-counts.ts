import { reasonOf } from "../changes/failure.ts";
import { loadCustomer } from "../customers/customer.ts";
import { modernLaneRow } from "../customers/priority-lane.ts";
import type { ReadFailure } from "../schemas/customer-row.ts";
import { DEAD_PREFIX, DUE_PREFIX, deadRowSchema, parseEventKey } from "../schemas/outbox-rows.ts";
import { isAhead } from "../schemas/stored-time.ts";
import { LANE_PREFIX, laneRowSchema } from "../schemas/watch-rows.ts";
import { scanAll } from "../store/rows.ts";
import type { Store } from "../store/store.ts";
import type { CommandDeps } from "./command-deps.ts";
import { customersOnly, findCustomers } from "./customer-rows.ts";
import { skipUnreadable, tryDecode } from "./try-decode.ts";

/** A count beyond these bounds is a lower bound. */
const MAX_DUE_CUSTOMERS = 1_000;
const MAX_ROWS = 10_000;
const MAX_CUSTOMERS = 200_000;
/** Customers that status names, of those that fail, and of those that are ahead. */
const MAX_NAMED = 10;

export type Tally = Pick<CommandDeps, "store" | "budget"> & {
  /** The names of counts that are lower bounds. */
  readonly atLeast: Set<string>;
  /** Customers whose rows this version cannot read. */
  readonly unreadable: Set<string>;
};

/** Pending events, by the rows of the customers that have a marker. */
export async function countPending(tally: Tally) {
  const counts = { pending: 0, pendingCustomers: 0 };
  const names = Object.keys(counts);
  const customers = findDueCustomers(tally.store);
  await countEach(customers, MAX_DUE_CUSTOMERS, names, tally, async (customer) => {
    const found = await skipUnreadable(() => loadCustomer(tally.store, customer));
    if (found === "unreadable") {
      tally.unreadable.add(customer);
      addAll(tally.atLeast, names);
      return;
    }
    const events = found?.value.pending.length ?? 0;
    counts.pending += events;
    counts.pendingCustomers += events > 0 ? 1 : 0;
  });
  return counts;
}

/** Each customer that has markers, once. */
async function* findDueCustomers(store: Store): AsyncGenerator<string> {
  let last: string | undefined;
  for await (const { key } of scanAll(store, DUE_PREFIX)) {
    const { customer } = parseEventKey(key);
    if (customer !== last) yield customer;
    last = customer;
  }
}

/** The dead letters, and when the oldest of them died. */
export async function countDead(tally: Tally) {
  let dead = 0;
  let oldestAt: string | undefined;
  await countEach(scanAll(tally.store, DEAD_PREFIX), MAX_ROWS, ["dead"], tally, (row) => {
    dead += 1;
    const { diedAt } = tryDecode(row, deadRowSchema) ?? {};
    if (diedAt !== undefined && !(oldestAt !== undefined && oldestAt < diedAt)) oldestAt = diedAt;
  });
  return { dead, oldestAt };
}

/** The priority lane's customers, by the reason for which they are in it. */
export async function countLane(tally: Tally) {
  const lane = { onboarding: 0, worse: 0, asked: 0 };
  await countEach(scanAll(tally.store, LANE_PREFIX), MAX_ROWS, ["lane"], tally, (row) => {
    const laneRow = tryDecode(row, laneRowSchema);
    if (!laneRow) {
      tally.atLeast.add("lane");
      return;
    }
    lane.onboarding += modernLaneRow(laneRow).addedAt === undefined ? 0 : 1;
    lane.worse += laneRow.worseUntil === undefined ? 0 : 1;
    lane.asked += laneRow.askedUntil === undefined ? 0 : 1;
  });
  return lane;
}

/**
 * Customers and their numbers. The account's own row is no customer. A sequence is ahead of `now`
 * (wall clock, ms) where a clock was wrong, and never goes back.
 */
export async function countCustomers(tally: Tally, now: number) {
  const counts = {
    watched: 0,
    unwatched: 0,
    neverRead: 0,
    /** The last read failed. */
    failing: 0,
    /** A stale event was sent. */
    stale: 0,
    numbers: 0,
    /** Numbers that cannot send, as far as WATCH_HEALTH has shown. */
    blocked: 0,
    limited: 0,
  };
  const names = Object.keys(counts);
  const watchedIds: string[] = [];
  const failures = new Map<string, ReadFailure>();
  const aheadBy = new Map<string, number>();
  let customers = 0;
  const found = customersOnly(findCustomers(tally.store, {}));
  const bounded = ["customers", ...names, "unreadable"];
  await countEach(found, MAX_CUSTOMERS, bounded, tally, ({ customer, stored, notes }) => {
    if (notes !== undefined) {
      const failure = stored?.value.failure;
      if (failure && !failures.has(notes)) failures.set(notes, failure);
      return;
    }
    customers += 1;
    if (!stored) {
      tally.unreadable.add(customer);
      addAll(tally.atLeast, names);
      return;
    }
    const row = stored.value;
    if (isAhead(row.seq, now)) aheadBy.set(customer, row.seq);
    if (row.removedAt) {
      counts.unwatched += 1;
      return;
    }
    watchedIds.push(customer);
    counts.watched += 1;
    for (const { health } of Object.values(row.numbers)) {
      counts.numbers += 1;
      counts.blocked += health?.canSend === "blocked" ? 1 : 0;
      counts.limited += health?.canSend === "limited" ? 1 : 0;
    }
    if (row.failure) failures.set(customer, row.failure);
    counts.neverRead += row.baselineAt || row.emptyAtFirst ? 0 : 1;
  });
  const all = [...failures];
  counts.failing = all.length;
  counts.stale = all.filter(([, { staleAt }]) => staleAt).length;
  const oldest = all.sort(([, a], [, b]) => a.since.localeCompare(b.since)).slice(0, MAX_NAMED);
  const named = oldest.map(([customer, failure]) => nameFailure(customer, failure));
  const ahead = [...aheadBy].sort(([, a], [, b]) => b - a).slice(0, MAX_NAMED);
  return {
    counts: { customers, ...counts, sequencesAhead: aheadBy.size },
    failures: named,
    ahead: ahead.map(([custSpaceId, seq]) => ({ custSpaceId, until: toTime(seq) })),
    watchedIds,
  };
}

/** A sequence as a time, or as far as times go. */
function toTime(seq: number): string {
  return new Date(Math.min(seq, 8.64e15)).toISOString();
}

/** A customer whose reads fail: since when, and why. */
export type NamedFailure = ReturnType<typeof nameFailure>;

function nameFailure(custSpaceId: string, failure: ReadFailure) {
  return { custSpaceId, since: failure.since, ...reasonOf(failure) };
}

/** Counts items up to a bound and within the budget. Beyond them, `names` are lower bounds. */
async function countEach<T>(
  items: AsyncIterable<T>,
  bound: number,
  names: readonly string[],
  { budget, atLeast }: Tally,
  count: (item: T) => void | Promise<void>,
): Promise<void> {
  let done = 0;
  for await (const item of items) {
    if (done === bound || budget.isOver()) {
      addAll(atLeast, names);
      return;
    }
    await count(item);
    done += 1;
  }
}

function addAll(set: Set<string>, names: readonly string[]): void {
  for (const name of names) set.add(name);
}
