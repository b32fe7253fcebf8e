import {
  afterFailedRead,
  afterGoodRead,
  type FailureUpdate,
  staleAfterMs,
} from "../changes/failure.ts";
import { updateCustomer } from "../customers/customer.ts";
import { eraseHistory } from "../customers/history.ts";
import { sweptSince } from "../customers/sweeps.ts";
import {
  isRowUnusable,
  listWatchRows,
  removeDamaged,
  watchRowOf,
} from "../customers/unusable-rows.ts";
import type { AnyAppError } from "../errors.ts";
import { describeError } from "../log.ts";
import { ACCOUNT, type CustomerRow, customerKey, newCustomerRow } from "../schemas/customer-row.ts";
import type { Sweep } from "../schemas/watch-rows.ts";
import type { Stored } from "../store/rows.ts";
import type { ClockCheck } from "./clock-check.ts";
import { concernsEveryone, sharedFailures } from "./failure-judge.ts";
import type { FailedRead, Findings } from "./findings.ts";
import type { CommitDeps } from "./settings.ts";
import type { WarmState } from "./warm-state.ts";

export type FailedReadsOptions = {
  readonly source: string;
  readonly pollIntervalMs: number;
  /** How long the last whole sweep took, in ms. */
  readonly sweepMs: number;
  /** The whole sweeps before this run. */
  readonly sweeps: readonly Sweep[];
  /** When the last good read of any customer began, in ms. */
  readonly lastGoodAt: number | undefined;
  /** When the first read began that has failed since then, in ms. */
  readonly blindSince: number | undefined;
  readonly clock: Pick<ClockCheck, "isConfirmed" | "hasAnswer">;
  /** Whether the time for storing them is over. */
  readonly isOver: () => boolean;
};

/** Rows written at once. */
const WRITERS = 8;

/**
 * Stores what failed: each customer's own failures in its row, and what is everyone's in the
 * account's. Reports a failure that lasted to the receiver, and its end.
 *
 * @returns whether all are stored. The next reads note the rest.
 */
export async function recordFailures(
  findings: Findings,
  warm: Pick<WarmState, "unusable">,
  options: FailedReadsOptions,
  deps: CommitDeps,
): Promise<boolean> {
  const { failures, counts } = findings;
  const failedReads = createFailedReads(options, deps);
  const isShared = sharedOf(findings);
  const own = failures.filter(({ error }) => !isShared(error));
  const areAllStored = await noteCustomers(own, options, failedReads.noteCustomer, deps);
  const watchRows = await listWatchRows(deps.store);
  warm.unusable = await failedReads.settleWatchRows(watchRows.customers, findings.usedAgain);
  // A refusal that follows good reads is a new one, as somebody was read.
  const { account } = watchRows;
  const isNoted = account === "unreadable" || account?.value.failure;
  if (counts.read > 0 && !findings.accountError && isNoted) {
    await failedReads.clearAccountFailure();
  }
  const failure = accountFailureOf(findings, options, deps.now());
  if (failure) await failedReads.noteAccount(failure);
  return areAllStored;
}

/** Notes, while a run still reads, that its first calls have ended without a good read. */
export async function noteBlindness(
  findings: Findings,
  options: FailedReadsOptions,
  deps: CommitDeps,
): Promise<void> {
  const failure = accountFailureOf(findings, options, deps.now());
  if (failure) await createFailedReads(options, deps).noteAccount(failure);
}

/** Whether some customer's row does not show that it could not be read. */
export function hasUnstored(findings: Findings): boolean {
  const isShared = sharedOf(findings);
  if (findings.counts.throttled > 0 || findings.accountError) return true;
  return findings.failures.some(({ error }) => isShared(error));
}

function sharedOf({ failures, counts, judge }: Findings) {
  return sharedFailures(
    failures.map(({ error }) => error),
    { isRefused: judge.stopped() !== undefined, isBlind: counts.read === 0 },
  );
}

type AccountFailure = { readonly error: AnyAppError; readonly since?: number | undefined };

/**
 * What the account's row notes: a proven refusal, or what fails for everyone while nobody is read.
 * Other refusals say nothing of customers that were not due. They become the account's once nobody
 * has been read for so long that everyone was.
 */
function accountFailureOf(
  findings: Findings,
  { blindSince = Infinity, pollIntervalMs }: FailedReadsOptions,
  now: number,
): AccountFailure | undefined {
  const { judge, failures, counts, throttledBy } = findings;
  const proven = judge.accountError() ?? (counts.read > 0 ? findings.accountError : undefined);
  if (proven) return { error: proven };
  if (counts.read > 0) return undefined;
  const isShared = sharedOf(findings);
  const shared = failures.findLast(({ error }) => isShared(error) || concernsEveryone(error));
  const error = shared?.error ?? throttledBy;
  if (error) return { error };
  const last = failures.at(-1);
  const isLong = now - blindSince >= staleAfterMs(pollIntervalMs);
  return last && isLong ? { error: last.error, since: blindSince } : undefined;
}

/** Several at once, until the time is over. A failure of the store costs one customer's note. */
async function noteCustomers(
  failures: readonly FailedRead[],
  { isOver }: Pick<FailedReadsOptions, "isOver">,
  note: (failure: FailedRead) => Promise<void>,
  { log }: Pick<CommitDeps, "log">,
): Promise<boolean> {
  const left = [...failures];
  let stored = 0;
  async function write(): Promise<void> {
    for (let next = left.shift(); next && !isOver(); next = left.shift()) {
      try {
        await note(next);
        stored += 1;
      } catch (error) {
        log.warn("failed read could not be stored", describeError(error));
      }
    }
  }
  await Promise.all(Array.from({ length: WRITERS }, write));
  return stored === failures.length;
}

/** Keeps failed reads in the customers' rows. The account has a row of its own. */
function createFailedReads(options: FailedReadsOptions, deps: CommitDeps) {
  const { source, sweepMs, sweeps, lastGoodAt, pollIntervalMs, clock } = options;
  const isClockDoubtful = !clock.isConfirmed();
  const { store, now, log, dispatcher } = deps;

  /** Resolves to whether the receiver gets an event of it. */
  async function update(
    customer: string,
    change: (row: CustomerRow | undefined) => FailureUpdate | undefined,
  ): Promise<boolean> {
    const { before, row } = await updateCustomer(store, customer, (stored) => {
      const next = change(stored)?.row;
      return next ? { put: next } : "keep";
    });
    const hasEvent = before !== undefined && row !== undefined && row.seq > before.seq;
    if (hasEvent) dispatcher.enqueue(customer);
    return hasEvent;
  }

  /** As `update`, for a row of the watch itself: a damaged one is replaced. */
  async function updateOwn(name: string, change: Parameters<typeof update>[1]): Promise<boolean> {
    try {
      return await update(name, change);
    } catch (error) {
      if (!isRowUnusable(error)) throw error;
      const key = customerKey(name);
      if (await removeDamaged(store, name)) {
        log.warn("row of the watch unreadable, replaced", { key });
        return update(name, change);
      }
      // A newer version wrote it, and reads it again once it is back.
      log.warn("failed read could not be stored", describeError(error));
      return false;
    }
  }

  return {
    async noteCustomer({ customer, error, lastSeenAt }: FailedRead): Promise<void> {
      const input = { customer, source, now: now(), lastSeenAt, isClockDoubtful };
      try {
        await update(customer, (row) =>
          row && !row.removedAt
            ? afterFailedRead(
                { ...input, row, sweptAt: sweptSince(sweeps, customer, row) },
                error,
                sweepMs,
              )
            : undefined,
        );
      } catch (unusable) {
        if (!isRowUnusable(unusable)) throw unusable;
        const partition = watchRowOf(customer);
        await updateOwn(partition, (row = newCustomerRow(input.now)) =>
          afterFailedRead({ ...input, partition, row }, error, sweepMs),
        );
      }
    },

    /** Ends what a row beside says of customers whose own rows have been used again. */
    async settleWatchRows(
      found: ReadonlyMap<string, Stored<CustomerRow>>,
      usedAgain: ReadonlySet<string>,
    ): Promise<ReadonlySet<string>> {
      for (const [customer, { value, version }] of found) {
        const partition = watchRowOf(customer);
        if (value.failure && usedAgain.has(customer)) {
          const input = { customer, source, partition, now: now() };
          await update(partition, (row) => row && afterGoodRead({ ...input, row }));
        } else if (!value.failure && value.pending.length === 0) {
          const outcome = await store.delete(customerKey(partition), version);
          if (outcome === "deleted") await eraseHistory(store, partition);
        }
      }
      return new Set(found.keys());
    },

    async noteAccount({ error, since }: AccountFailure): Promise<void> {
      const lastSeenAt = Math.max(lastGoodAt ?? 0, sweeps[0]?.startedAt ?? 0);
      const input = {
        ...{ customer: ACCOUNT, source, now: now(), lastSeenAt, since },
        // With no answer there is no other clock, and the silence has to be reported.
        isClockDoubtful: isClockDoubtful && clock.hasAnswer(),
      };
      const isStale = await updateOwn(ACCOUNT, (row = newCustomerRow(input.now)) =>
        // Any customer's good read ends it, so a whole sweep's time does not matter.
        afterFailedRead({ ...input, row }, error, pollIntervalMs),
      );
      if (isStale) log.warn("the watch is stale", describeError(error));
    },

    async clearAccountFailure(): Promise<void> {
      const input = { customer: ACCOUNT, source, now: now() };
      await updateOwn(ACCOUNT, (row) => row && afterGoodRead({ ...input, row }));
    },
  };
}
