import { afterFailedRead, afterGoodRead, type FailureUpdate } from "../changes/failure.ts";
import { commitRow, loadCustomer } from "../customers/customer.ts";
import type { AnyAppError } from "../errors.ts";
import { describeError, type Log } from "../log.ts";
import type { Dispatcher } from "../outbox/dispatcher.ts";
import { ACCOUNT, type CustomerRow, customerKey, newCustomerRow } from "../schemas/customer-row.ts";
import { encodeRow, type Stored } from "../store/rows.ts";
import type { Store } from "../store/store.ts";

export type FailedRead = {
  readonly customer: string;
  readonly error: AnyAppError;
  readonly lastSeenAt: number | undefined;
};

export type FailedReadsOptions = {
  readonly source: string;
  /** How long the last whole sweep took, in ms. */
  readonly sweepMs: number;
  /** When the last one began that was over before this run, in ms. */
  readonly sweptAt: number | undefined;
  readonly dispatcher: Pick<Dispatcher, "enqueue">;
};

export type FailedReadsDeps = {
  readonly store: Store;
  readonly now: () => number;
  readonly log: Pick<Log, "warn">;
};

/** Keeps failed reads in the customers' rows; the account has one of its own. */
export function createFailedReads(options: FailedReadsOptions, deps: FailedReadsDeps) {
  const { source, sweepMs, sweptAt, dispatcher } = options;
  const { store, now, log } = deps;

  /** A row that another has changed meanwhile is left: the next failure comes soon enough. */
  async function write(
    customer: string,
    before: Stored<CustomerRow>,
    step: FailureUpdate | undefined,
  ): Promise<void> {
    if (!step) return;
    const outcome = await commitRow(store, customer, before, step.row);
    if (outcome === "stored" && step.events.length > 0) dispatcher.enqueue(customer);
  }

  async function accountRow(): Promise<Stored<CustomerRow> | undefined> {
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
      const row = before.value;
      const input = { customer, source, row, now: now(), lastSeenAt, sweptAt };
      await write(customer, before, afterFailedRead(input, error, sweepMs));
    },

    /** @param lastGoodAt when any customer was last read well, in ms */
    async noteAccount(error: AnyAppError, lastGoodAt: number | undefined): Promise<void> {
      const before = await accountRow();
      if (!before) return;
      const lastSeenAt = Math.max(lastGoodAt ?? 0, sweptAt ?? 0);
      const input = { customer: ACCOUNT, source, row: before.value, now: now(), lastSeenAt };
      const step = afterFailedRead(input, error, sweepMs);
      if (step?.events.length) log.warn("the watch is stale", describeError(error));
      await write(ACCOUNT, before, step);
    },

    async clearAccountFailure(): Promise<void> {
      const before = await loadCustomer(store, ACCOUNT);
      if (!before) return;
      const input = { customer: ACCOUNT, source, row: before.value, now: now() };
      await write(ACCOUNT, before, afterGoodRead(input));
    },
  };
}
