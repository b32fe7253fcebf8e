import type { AnyAppError } from "../errors.ts";
import { describeError, type Log } from "../log.ts";
import { commitRow, readCustomer } from "../outbox/pending.ts";
import type { Pump } from "../outbox/pump.ts";
import { ACCOUNT, type CustomerRow, customerKey, newCustomerRow } from "../schemas/customer-row.ts";
import { encodeRow, type Stored } from "../store/rows.ts";
import type { Store } from "../store/store.ts";
import { afterFailedRead, afterGoodRead, type FailureStep } from "./failure.ts";

export type FailedRead = {
  readonly customer: string;
  readonly error: AnyAppError;
  readonly lastSeenAt: number | undefined;
};

export type FailureKeeperOptions = {
  readonly source: string;
  /** How long the last whole sweep took, in ms. */
  readonly sweepMs: number;
  /** When the last one began that was over before this tick, in ms. */
  readonly sweptAt: number | undefined;
  readonly pump: Pick<Pump, "offer">;
};

export type FailureKeeperDeps = {
  readonly store: Store;
  readonly now: () => number;
  readonly log: Pick<Log, "warn">;
};

/** Keeps failed reads in the customers' rows; the account has one of its own. */
export function createFailureKeeper(options: FailureKeeperOptions, deps: FailureKeeperDeps) {
  const { source, sweepMs, sweptAt, pump } = options;
  const { store, now, log } = deps;

  /** A row that another has changed meanwhile is left: the next failure comes soon enough. */
  async function write(
    customer: string,
    before: Stored<CustomerRow>,
    step: FailureStep | undefined,
  ): Promise<void> {
    if (!step) return;
    const outcome = await commitRow(store, customer, before, step.row);
    if (outcome === "stored" && step.events.length > 0) pump.offer(customer);
  }

  async function accountRow(): Promise<Stored<CustomerRow> | undefined> {
    const stored = await readCustomer(store, ACCOUNT);
    if (stored) return stored;
    await store.put(customerKey(ACCOUNT), encodeRow(newCustomerRow(now())), "absent");
    return readCustomer(store, ACCOUNT);
  }

  return {
    async noteCustomer({ customer, error, lastSeenAt }: FailedRead): Promise<void> {
      // What makes a row unreadable keeps it from holding a failure as well.
      if (error.code === "ERR_STORE_ROW" || error.code === "ERR_CUSTOMER_TOO_LARGE") return;
      const before = await readCustomer(store, customer);
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

    async accountIsWell(): Promise<void> {
      const before = await readCustomer(store, ACCOUNT);
      if (!before) return;
      const input = { customer: ACCOUNT, source, row: before.value, now: now() };
      await write(ACCOUNT, before, afterGoodRead(input));
    },
  };
}
