import { reasonOf } from "../changes/failure.ts";
import { loadCustomer } from "../customers/customer.ts";
import { toFreshness } from "../customers/freshness.ts";
import { loadBreaker } from "../outbox/receiver-state.ts";
import { ACCOUNT, CUSTOMER_PREFIX } from "../schemas/customer-row.ts";
import { LEASE_KEY, type LeaseRow, leaseRowSchema } from "../schemas/watch-rows.ts";
import { readRow } from "../store/rows.ts";
import type { CommandDeps } from "./command-deps.ts";
import { countCustomers, countDead, countLane, countPending, type Tally } from "./status-counts.ts";
import { skipUnreadable } from "./try-decode.ts";
import { judge } from "./verdict.ts";

/** Stands for a single row that this version cannot read. */
const UNREADABLE = { unreadable: true };

/**
 * The state of the watch, from reads alone. Each count is exact unless `atLeast` names it: counting
 * ends at a bound and with the budget. A row that this version cannot read counts only as
 * `unreadable`.
 */
export async function status(deps: CommandDeps) {
  const { store, budget, now } = deps;
  const tally: Tally = { store, budget, atLeast: new Set(), unreadable: new Set() };
  const receiver = await skipUnreadable(() => describeReceiver(deps));
  const found = await skipUnreadable(() => readRow(store, LEASE_KEY, leaseRowSchema));
  const lease = found === "unreadable" ? undefined : found?.value;
  const pending = await countPending(tally);
  const { dead, oldestAt } = await countDead(tally);
  const lane = await countLane(tally);
  const { counts, failures, ahead, watchedIds } = await countCustomers(tally, now());
  const facts = {
    ...describeLastRun(lease, now()),
    ...counts,
    failures,
    ahead,
    unreadable: tally.unreadable.size,
    ...pending,
    dead,
    deadUntil: oldestAt && new Date(Date.parse(oldestAt) + deps.retentionMs).toISOString(),
    receiver: receiver === "unreadable" ? UNREADABLE : receiver,
    sweep: describeSweep(lease, now()),
    lane,
    freshness: lease ? toFreshness(lease, now()) : null,
    account: await describeAccount(deps),
    ...oldestRead(lease, watchedIds, deps),
    lease: found === "unreadable" ? UNREADABLE : describeLease(lease, now()),
    atLeast: [...tally.atLeast],
  };
  return { verdict: judge(facts, now()), ...facts };
}

/** When a run last saved its progress. A row of an earlier version knows only its last pass. */
function describeLastRun(lease: LeaseRow | undefined, now: number) {
  const at = lease?.ranAt ?? lease?.sweep.full?.endedAt ?? lease?.sweep.startedAt ?? 0;
  if (at === 0) return { lastRunAt: null, lastRunAgeSeconds: null };
  return { lastRunAt: new Date(at).toISOString(), lastRunAgeSeconds: secondsSince(at, now) };
}

async function describeReceiver({ store, receiverId, now }: CommandDeps) {
  const { row } = await loadBreaker(store, receiverId, now());
  return {
    state: row.state,
    since: row.since,
    nextProbeAt: row.state === "open" ? new Date(row.nextProbeAt).toISOString() : undefined,
    reason: row.reason,
  };
}

function describeLease(lease: LeaseRow | undefined, now: number) {
  return {
    held: lease !== undefined && lease.owner !== "" && lease.until > now,
    until: lease && lease.until > 0 ? new Date(lease.until).toISOString() : null,
  };
}

/** The account's failure, which no customer's row holds, or null. */
async function describeAccount({ store }: CommandDeps) {
  const found = await skipUnreadable(() => loadCustomer(store, ACCOUNT));
  if (found === "unreadable") return UNREADABLE;
  const failure = found?.value.failure;
  if (!failure) return null;
  const { since, staleAt } = failure;
  return { failingSince: since, staleAt, ...reasonOf(failure) };
}

function describeSweep(lease: LeaseRow | undefined, now: number) {
  if (!lease || lease.sweep.startedAt === 0) return null;
  const { startedAt, done, cursor } = lease.sweep;
  return {
    startedAt: new Date(startedAt).toISOString(),
    ageSeconds: secondsSince(startedAt, now),
    done,
    cursor: done || cursor === "" ? undefined : cursor.slice(CUSTOMER_PREFIX.length),
  };
}

/**
 * The age of the oldest last read. An unchanged customer leaves no trace in the store, so only this
 * instance's memory knows it, if it holds every watched customer (`exact`). A finished sweep has
 * read them all since it began, but for failed reads (`at-most`). A sweep under way proves only
 * that some were not read since (`at-least`).
 */
function oldestRead(
  lease: LeaseRow | undefined,
  watched: readonly string[],
  { lastReads, now }: CommandDeps,
) {
  const reads = watched.map((customer) => {
    const last = lastReads.get(customer);
    return last?.sighting?.at ?? last?.seenAt;
  });
  const known = reads.filter((at) => at !== undefined);
  if (known.length > 0 && known.length === reads.length) {
    const oldest = known.reduce((a, b) => Math.min(a, b));
    return { oldestReadAgeSeconds: secondsSince(oldest, now()), oldestReadIs: "exact" };
  }
  if (!lease || lease.sweep.startedAt === 0 || watched.length === 0) {
    return { oldestReadAgeSeconds: null };
  }
  const { startedAt, done } = lease.sweep;
  const oldestReadIs = done ? "at-most" : "at-least";
  return { oldestReadAgeSeconds: secondsSince(startedAt, now()), oldestReadIs };
}

function secondsSince(at: number, now: number): number {
  return Math.max(0, Math.round((now - at) / 1000));
}
