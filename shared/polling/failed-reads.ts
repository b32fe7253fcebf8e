import { afterFailedRead, afterGoodRead, type FailureUpdate } from "../changes/failure.ts";
import { commitRow, loadCustomer } from "../customers/customer.ts";
import type { AnyAppError } from "../errors.ts";
import { describeError } from "../log.ts";
import { ACCOUNT, type CustomerRow, customerKey, newCustomerRow } from "../schemas/customer-row.ts";
import { encodeRow, type Stored } from "../store/rows.ts";
import type { FailedRead, Findings } from "./findings.ts";
import type { CommitDeps } from "./settings.ts";

export type FailedReadsOptions = {
  readonly source: string;
  /** How long the last whole sweep took, in ms. */
  readonly sweepMs: number;
  /** When the last whole sweep before this run began, in ms; undefined for none. */
  readonly sweptAt: number | undefined;
  /** When the last good read of any customer began, in ms. */
  readonly lastGoodAt: number | undefined;
};

/**
 * Stores what failed: for each customer, or for the account alone when the run stopped. Reports a
 * failure that lasted to the receiver, and its end.
 */
export async function recordFailures(
  { judge, failures, accountError, counts }: Findings,
  options: FailedReadsOptions,
  deps: CommitDeps,
): Promise<void> {
  const failedReads = createFailedReads(options, deps);
  const stoppedBy = judge.stopped() && judge.lastError();
  if (stoppedBy) return failedReads.noteAccount(stoppedBy);
  for (const failure of failures) await failedReads.noteCustomer(failure);
  if (accountError) await failedReads.noteAccount(accountError);
  else if (counts.read > 0) await failedReads.clearAccountFailure();
}

/** Keeps failed reads in the customers' rows. The account has a row of its own. */
function createFailedReads(options: FailedReadsOptions, deps: CommitDeps) {
  const { source, sweepMs, sweptAt, lastGoodAt } = options;
  const { store, now, log, dispatcher } = deps;

  /** A row that another run has changed meanwhile stays: the next failure comes soon enough. */
  async function write(
    customer: string,
    before: Stored<CustomerRow>,
    update: FailureUpdate | undefined,
  ): Promise<void> {
    if (!update) return;
    const outcome = await commitRow(store, customer, before, update.row);
    if (outcome === "stored" && update.events.length > 0) dispatcher.enqueue(customer);
  }

  async function loadAccount(): Promise<Stored<CustomerRow> | undefined> {
    const stored = await loadCustomer(store, ACCOUNT);
    if (stored) return stored;
    await store.put(customerKey(ACCOUNT), encodeRow(newCustomerRow(now())), "absent");
    return loadCustomer(store, ACCOUNT);
  }

  return {
    async noteCustomer({ customer, error, lastSeenAt }: FailedRead): Promise<void> {
      // What makes a row unreadable keeps it from holding a failure as well.
      if (error.code === "ERR_STORE_ROW" || error.code === "ERR_CUSTOMER_TOO_LARGE") return;
      const before = await loadCustomer(store, customer);
      if (!before || before.value.removedAt) return;
      const input = { customer, source, row: before.value, now: now(), lastSeenAt, sweptAt };
      await write(customer, before, afterFailedRead(input, error, sweepMs));
    },

    async noteAccount(error: AnyAppError): Promise<void> {
      const before = await loadAccount();
      if (!before) return;
      const lastSeenAt = Math.max(lastGoodAt ?? 0, sweptAt ?? 0);
      const input = { customer: ACCOUNT, source, row: before.value, now: now(), lastSeenAt };
      const update = afterFailedRead(input, error, sweepMs);
      if (update?.events.length) log.warn("the watch is stale", describeError(error));
      await write(ACCOUNT, before, update);
    },

    async clearAccountFailure(): Promise<void> {
      const before = await loadCustomer(store, ACCOUNT);
      if (!before) return;
      const input = { customer: ACCOUNT, source, row: before.value, now: now() };
      await write(ACCOUNT, before, afterGoodRead(input));
    },
  };
}
