import { afterFailedRead, afterGoodRead, type FailureUpdate } from "../changes/failure.ts";
import { updateCustomer } from "../customers/customer.ts";
import type { AnyAppError } from "../errors.ts";
import { describeError } from "../log.ts";
import { ACCOUNT, type CustomerRow, newCustomerRow } from "../schemas/customer-row.ts";
import type { FailedRead, Findings } from "./findings.ts";
import type { CommitDeps } from "./settings.ts";

export type FailedReadsOptions = {
  readonly source: string;
  /** How long the last whole sweep took, in ms. */
  readonly sweepMs: number;
  /** When the last whole sweep before this run began, in ms, or undefined for none. */
  readonly sweptAt: number | undefined;
  /** When the last good read of any customer began, in ms. */
  readonly lastGoodAt: number | undefined;
  /** Whether the time for storing them is over. */
  readonly isOver: () => boolean;
};

/** Rows written at once. */
const WRITERS = 8;

/**
 * Stores what failed: for each customer, or for the account alone when the run stopped. Reports a
 * failure that lasted to the receiver, and its end.
 *
 * @returns whether all are stored. The next reads note the rest.
 */
export async function recordFailures(
  { judge, failures, accountError, counts }: Findings,
  options: FailedReadsOptions,
  deps: CommitDeps,
): Promise<boolean> {
  const failedReads = createFailedReads(options, deps);
  const stoppedBy = judge.stopped() && judge.lastError();
  if (stoppedBy) {
    await failedReads.noteAccount(stoppedBy);
    return true;
  }
  const areAllStored = await noteCustomers(failures, options, failedReads.noteCustomer, deps);
  if (accountError) await failedReads.noteAccount(accountError);
  else if (counts.read > 0) await failedReads.clearAccountFailure();
  return areAllStored;
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
  const { source, sweepMs, sweptAt, lastGoodAt } = options;
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

  return {
    async noteCustomer({ customer, error, lastSeenAt }: FailedRead): Promise<void> {
      // What makes a row unreadable keeps it from holding a failure as well.
      if (error.code === "ERR_STORE_ROW" || error.code === "ERR_CUSTOMER_TOO_LARGE") return;
      const input = { customer, source, now: now(), lastSeenAt, sweptAt };
      await update(customer, (row) =>
        row && !row.removedAt ? afterFailedRead({ ...input, row }, error, sweepMs) : undefined,
      );
    },

    async noteAccount(error: AnyAppError): Promise<void> {
      const lastSeenAt = Math.max(lastGoodAt ?? 0, sweptAt ?? 0);
      const input = { customer: ACCOUNT, source, now: now(), lastSeenAt };
      const isStale = await update(ACCOUNT, (row = newCustomerRow(input.now)) =>
        afterFailedRead({ ...input, row }, error, sweepMs),
      );
      if (isStale) log.warn("the watch is stale", describeError(error));
    },

    async clearAccountFailure(): Promise<void> {
      const input = { customer: ACCOUNT, source, now: now() };
      await update(ACCOUNT, (row) => row && afterGoodRead({ ...input, row }));
    },
  };
}
