import { toFreshness } from "../customers/freshness.ts";
import { loadBreaker } from "../outbox/receiver-state.ts";
import { ACCOUNT, CUSTOMER_PREFIX, customerRowSchema } from "../schemas/customer-row.ts";
import { DEAD_PREFIX, DUE_PREFIX, parseEventKey } from "../schemas/outbox-rows.ts";
import {
  LANE_PREFIX,
  LEASE_KEY,
  type LeaseRow,
  laneRowSchema,
  leaseRowSchema,
} from "../schemas/watch-rows.ts";
import { readRow, scanAll } from "../store/rows.ts";
import type { CommandDeps } from "./command-deps.ts";
import { readCustomerIfReadable, skipUnreadable, tryDecode } from "./try-decode.ts";
import { isAccountRow } from "./watch.ts";

/** Bounds of what is counted exactly; beyond them, or beyond the time, the answer says so. */
const MAX_DUE_CUSTOMERS = 1_000;
const MAX_ROWS = 10_000;
/** The customers' rows are the many and the large ones, so they come last and have a larger bound. */
const MAX_CUSTOMERS = 200_000;

const CUSTOMER_COUNTS = ["watched", "unwatched", "neverRead", "failing", "stale", "numbers"];

/** What an answer says of a single row that this version cannot read. */
const UNREADABLE = { unreadable: true };

/**
 * How things stand, from reads alone. Each count is exact unless `atLeast` names it: scans stop at
 * a bound and when the command's time is used up, and a row that this version cannot read counts
 * under `unreadable` only.
 */
export async function status(deps: CommandDeps) {
  const { store, now } = deps;
  const atLeast = new Set<string>();
  const unreadable = new Set<string>();
  const receiver = await skipUnreadable(() => describeReceiver(deps));
  const found = await skipUnreadable(() => readRow(store, LEASE_KEY, leaseRowSchema));
  const lease = found === "unreadable" ? undefined : found?.value;
  const pending = await countPending(deps, unreadable, atLeast);
  const dead = await countDead(deps, atLeast);
  const lane = await countLane(deps, atLeast);
  const { counts, watchedIds } = await countCustomers(deps, unreadable, atLeast);
  return {
    command: "status",
    ...counts,
    unreadable: unreadable.size,
    ...pending,
    dead,
    receiver: receiver === "unreadable" ? UNREADABLE : receiver,
    sweep: describeSweep(lease, now()),
    lane,
    freshness: lease ? toFreshness(lease, now()) : null,
    account: await describeAccount(deps),
    ...oldestRead(lease, watchedIds, deps),
    lease: found === "unreadable" ? UNREADABLE : describeLease(lease, now()),
    atLeast: [...atLeast],
  };
}

async function describeReceiver({ store, receiverId, now }: CommandDeps) {
  const { row } = await loadBreaker(store, receiverId, now());
  return {
    state: row.state,
    since: row.since,
    ...(row.state === "open" ? { nextProbeAt: new Date(row.nextProbeAt).toISOString() } : {}),
    reason: row.reason,
  };
}

function describeLease(lease: LeaseRow | undefined, now: number) {
  return {
    held: lease !== undefined && lease.owner !== "" && lease.until > now,
    until: lease && lease.until > 0 ? new Date(lease.until).toISOString() : null,
  };
}

async function countPending(
  { store, budget }: CommandDeps,
  unreadable: Set<string>,
  atLeast: Set<string>,
) {
  const seen = new Set<string>();
  const counts = { pending: 0, pendingCustomers: 0 };
  for await (const { key } of scanAll(store, DUE_PREFIX)) {
    const { customer } = parseEventKey(key);
    if (seen.has(customer)) continue;
    if (seen.size === MAX_DUE_CUSTOMERS || budget.isOver()) {
      addAll(atLeast, Object.keys(counts));
      break;
    }
    seen.add(customer);
    const found = await readCustomerIfReadable(store, customer);
    if (found === "unreadable") {
      unreadable.add(customer);
      addAll(atLeast, Object.keys(counts));
      continue;
    }
    const events = found?.value.pending.length ?? 0;
    counts.pending += events;
    counts.pendingCustomers += events > 0 ? 1 : 0;
  }
  return counts;
}

function addAll(set: Set<string>, names: readonly string[]): void {
  for (const name of names) set.add(name);
}

async function countDead({ store, budget }: CommandDeps, atLeast: Set<string>): Promise<number> {
  let dead = 0;
  for await (const _row of scanAll(store, DEAD_PREFIX)) {
    if (dead === MAX_ROWS || budget.isOver()) {
      atLeast.add("dead");
      break;
    }
    dead += 1;
  }
  return dead;
}

async function countLane({ store, budget }: CommandDeps, atLeast: Set<string>) {
  const lane = { onboarding: 0, worse: 0, asked: 0 };
  let rows = 0;
  for await (const row of scanAll(store, LANE_PREFIX)) {
    if (rows === MAX_ROWS || budget.isOver()) {
      atLeast.add("lane");
      break;
    }
    rows += 1;
    const laneRow = tryDecode(row, laneRowSchema);
    if (!laneRow) {
      atLeast.add("lane");
      continue;
    }
    lane.onboarding += Object.keys(laneRow.onboarding).length;
    lane.worse += laneRow.worseUntil === undefined ? 0 : 1;
    lane.asked += laneRow.askedUntil === undefined ? 0 : 1;
  }
  return lane;
}

async function countCustomers(
  { store, budget }: CommandDeps,
  unreadable: Set<string>,
  atLeast: Set<string>,
) {
  const counts = {
    customers: 0,
    watched: 0,
    unwatched: 0,
    neverRead: 0,
    /** The last read failed… */
    failing: 0,
    /** …and has for so long that the receiver was told. */
    stale: 0,
    numbers: 0,
  };
  const watchedIds = new Set<string>();
  for await (const row of scanAll(store, CUSTOMER_PREFIX)) {
    if (isAccountRow(row.key)) continue;
    if (counts.customers === MAX_CUSTOMERS || budget.isOver()) {
      addAll(atLeast, ["customers", ...CUSTOMER_COUNTS, "unreadable"]);
      break;
    }
    counts.customers += 1;
    const customer = row.key.slice(CUSTOMER_PREFIX.length);
    const value = tryDecode(row, customerRowSchema);
    if (!value) {
      unreadable.add(customer);
      addAll(atLeast, CUSTOMER_COUNTS);
    } else if (value.removedAt) counts.unwatched += 1;
    else {
      counts.watched += 1;
      counts.numbers += Object.keys(value.numbers).length;
      counts.failing += value.failure ? 1 : 0;
      counts.stale += value.failure?.staleAt ? 1 : 0;
      if (!value.baselineAt && !value.emptyAtFirst) counts.neverRead += 1;
      watchedIds.add(customer);
    }
  }
  return { counts, watchedIds };
}

/** The account's own trouble, which no customer's row tells of; null while all is well. */
async function describeAccount({ store }: CommandDeps) {
  const found = await readCustomerIfReadable(store, ACCOUNT);
  if (found === "unreadable") return UNREADABLE;
  const failure = found?.value.failure;
  return failure
    ? {
        failingSince: failure.since,
        code: failure.code,
        upstreamCode: failure.upstreamCode,
        staleAt: failure.staleAt,
      }
    : null;
}

function describeSweep(lease: LeaseRow | undefined, now: number) {
  if (!lease || lease.sweep.startedAt === 0) return null;
  const { startedAt, done, cursor } = lease.sweep;
  return {
    startedAt: new Date(startedAt).toISOString(),
    ageSeconds: Math.max(0, Math.round((now - startedAt) / 1000)),
    done,
    ...(done || cursor === "" ? {} : { cursor: cursor.slice(CUSTOMER_PREFIX.length) }),
  };
}

/**
 * Unchanged customers leave no trace in the store, so the age comes from this instance's memory if
 * it has read every watched customer itself (`exact`), and otherwise from the sweep: one that is
 * done has read them all since it began (`at-most`, but for customers that could not be read), and
 * one under way says only that some were not read since (`at-least`).
 */
function oldestRead(
  lease: LeaseRow | undefined,
  watched: ReadonlySet<string>,
  { lastReads, now }: CommandDeps,
) {
  const seconds = (at: number) => Math.max(0, Math.round((now() - at) / 1000));
  const reads = [...watched].map((customer) => lastReads.get(customer)?.seenAt);
  const known = reads.filter((at) => at !== undefined);
  if (known.length > 0 && known.length === reads.length) {
    const oldest = known.reduce((a, b) => Math.min(a, b));
    return { oldestReadAgeSeconds: seconds(oldest), oldestReadIs: "exact" };
  }
  if (!lease || lease.sweep.startedAt === 0 || watched.size === 0) {
    return { oldestReadAgeSeconds: null };
  }
  const { startedAt, done } = lease.sweep;
  return { oldestReadAgeSeconds: seconds(startedAt), oldestReadIs: done ? "at-most" : "at-least" };
}
