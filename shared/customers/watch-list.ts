import { type CustomerRow, newCustomerRow } from "../schemas/customer-row.ts";
import type { Store } from "../store/store.ts";
import type { RowChange } from "../store/update-row.ts";
import { clearMarkers, updateCustomer } from "./customer.ts";
import { eraseHistory } from "./history.ts";
import { dropFromLane } from "./priority-lane.ts";
import { dropWatchRow, isRowUnusable } from "./unusable-rows.ts";

export type WatchOutcome = {
  readonly added: readonly string[];
  /** They had been removed. */
  readonly revived: readonly string[];
  readonly already: number;
};

/**
 * Puts customers on the watch list because an operator says so. A removed customer comes back with
 * its old sequence. One that only an add in progress has put there stays if the add is refused.
 */
export async function watchCustomers(
  store: Store,
  customers: readonly string[],
  now: () => number,
): Promise<WatchOutcome> {
  const found = { added: [] as string[], revived: [] as string[], already: 0 };
  for (const customer of customers) {
    const outcome = await watchCustomer(store, customer, now);
    if (outcome === "already") found.already += 1;
    else found[outcome].push(customer);
  }
  return found;
}

async function watchCustomer(
  store: Store,
  customer: string,
  now: () => number,
): Promise<"added" | "revived" | "already"> {
  const decide = (row: CustomerRow | undefined) => asWatched(row, now(), true);
  const { before } = await updateCustomer(store, customer, decide, "absent");
  if (!before) return "added";
  return wasRemoved(before) ? "revived" : "already";
}

/** A row that no add can remove. A removed customer stays removed unless `revives` is set. */
function asWatched(
  row: CustomerRow | undefined,
  now: number,
  revives: boolean,
): RowChange<CustomerRow> {
  if (!row) return { put: newCustomerRow(now) };
  if (wasRemoved(row) ? !revives : !row.addIntents) return "keep";
  const revived = { removedAt: undefined, revivedFrom: undefined, addIntents: undefined };
  return { put: { ...row, ...revived, erasedAt: undefined, tombstoneUntil: undefined } };
}

/** Also while only an add in progress has brought it back. */
function wasRemoved({ removedAt, revivedFrom }: CustomerRow): boolean {
  return removedAt !== undefined || revivedFrom !== undefined;
}

export type UnwatchOptions = {
  /** Drops the events that are still pending. */
  readonly drop: boolean;
  /** Whether the environment lists the customer, which then needs a tombstone in any case. */
  readonly listed: boolean;
  readonly now: () => number;
};

export type Unwatched =
  | { readonly kind: "removed"; readonly dropped: number }
  /** Events are pending and `drop` is not set: nothing was changed. */
  | { readonly kind: "pending"; readonly pending: number }
  | { readonly kind: "not-watched" };

/**
 * Removes a customer from the watch list. A tombstone stays: it keeps the sequence, which must not
 * go back if the customer is watched again, and it overrides the environment's list.
 */
export async function unwatchCustomer(
  store: Store,
  customer: string,
  options: UnwatchOptions,
): Promise<Unwatched> {
  const { outcome, before } = await updateCustomer(store, customer, (row) => {
    if (row ? row.removedAt : !options.listed) return "keep";
    if (row && row.pending.length > 0 && !options.drop) return "keep";
    return { put: tombstone(row, options.now()) };
  });
  const pending = before?.pending.length ?? 0;
  if (outcome === "kept" && before && !before.removedAt) return { kind: "pending", pending };
  // An earlier removal may have died before this step.
  if (before || outcome === "stored") await forget(store, customer);
  return outcome === "stored" ? { kind: "removed", dropped: pending } : { kind: "not-watched" };
}

function tombstone(row: CustomerRow | undefined, now: number): CustomerRow {
  const removedAt = new Date(now).toISOString();
  return { schema: 1, seq: row?.seq ?? now, numbers: {}, pending: [], removedAt };
}

async function forget(store: Store, customer: string): Promise<void> {
  await dropFromLane(store, customer);
  await eraseHistory(store, customer);
  await clearMarkers(store, customer, undefined);
  await dropWatchRow(store, customer);
}

/** So that a list of hundreds is soon done. Nearly all of them are known, and cost one call each. */
const STORE_CALLS_AT_ONCE = 10;

/**
 * Puts the environment's customers on the watch list, once in an instance. A customer that an
 * operator removed stays removed. One that an add in progress has put there stays in any case.
 */
export async function ensureWatched(
  store: Store,
  customers: readonly string[],
  ensured: Set<string>,
  now: () => number,
  onNew: (customer: string) => void = () => undefined,
): Promise<void> {
  const left = customers.filter((customer) => !ensured.has(customer));
  const decide = (row: CustomerRow | undefined) => asWatched(row, now(), false);
  async function ensureOne(customer: string): Promise<void> {
    try {
      const { before } = await updateCustomer(store, customer, decide);
      if (!before) onNew(customer);
    } catch (error) {
      // The customer has a row. That it is damaged is found when it is read.
      if (!isRowUnusable(error)) throw error;
    }
    ensured.add(customer);
  }
  async function ensure(): Promise<void> {
    for (let next = left.shift(); next !== undefined; next = left.shift()) await ensureOne(next);
  }
  await Promise.all(Array.from({ length: STORE_CALLS_AT_ONCE }, ensure));
}
