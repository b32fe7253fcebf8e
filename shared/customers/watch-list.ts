import { type CustomerRow, customerKey, newCustomerRow } from "../schemas/customer-row.ts";
import { encodeRow } from "../store/rows.ts";
import type { Store } from "../store/store.ts";
import { clearMarkers, loadCustomer } from "./customer.ts";
import { dropFromLane } from "./priority-lane.ts";

export type WatchOutcome = {
  readonly added: readonly string[];
  /** They had been taken off. */
  readonly revived: readonly string[];
  readonly already: number;
};

/**
 * Puts customers on the watch list because an operator says so. A customer that was taken off
 * comes back with its old sequence; one that only an add in progress has put there stays, whatever
 * becomes of the add.
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
  for (;;) {
    const fresh = encodeRow(newCustomerRow(now()));
    if ((await store.put(customerKey(customer), fresh, "absent")) === "stored") return "added";
    const stored = await loadCustomer(store, customer);
    if (!stored) continue;
    const { removedAt, revivedFrom, addIntents, ...row } = stored.value;
    const wasRemoved = removedAt !== undefined || revivedFrom !== undefined;
    if (!wasRemoved && !addIntents) return "already";
    const outcome = await store.put(customerKey(customer), encodeRow(row), stored.version);
    if (outcome === "stored") return wasRemoved ? "revived" : "already";
  }
}

export type UnwatchOptions = {
  /** Gives up the events that are still pending. */
  readonly drop: boolean;
  /** Whether the environment lists the customer: then a tombstone is left even without a row. */
  readonly listed: boolean;
  readonly now: () => number;
};

export type Unwatched =
  | { readonly kind: "removed"; readonly dropped: number }
  /** Events are pending and were not to be given up: nothing was changed. */
  | { readonly kind: "pending"; readonly pending: number }
  | { readonly kind: "not-watched" };

/**
 * Takes a customer off the watch list. What stays is a tombstone: it keeps the sequence, so that a
 * customer watched again later never goes back, and it masks the environment's list.
 */
export async function unwatchCustomer(
  store: Store,
  customer: string,
  options: UnwatchOptions,
): Promise<Unwatched> {
  for (;;) {
    const stored = await loadCustomer(store, customer);
    if (!stored && !options.listed) return { kind: "not-watched" };
    if (stored?.value.removedAt) {
      // An earlier removal may have died before its last step.
      await forget(store, customer);
      return { kind: "not-watched" };
    }
    const pending = stored?.value.pending.length ?? 0;
    if (pending > 0 && !options.drop) return { kind: "pending", pending };
    const now = options.now();
    const tombstone: CustomerRow = {
      schema: 1,
      seq: stored?.value.seq ?? now,
      numbers: {},
      pending: [],
      removedAt: new Date(now).toISOString(),
    };
    const expected = stored?.version ?? "absent";
    const outcome = await store.put(customerKey(customer), encodeRow(tombstone), expected);
    if (outcome === "conflict") continue;
    await forget(store, customer);
    return { kind: "removed", dropped: pending };
  }
}

async function forget(store: Store, customer: string): Promise<void> {
  await dropFromLane(store, customer);
  await clearMarkers(store, customer);
}

/**
 * The environment's list, looked at once per instance. A customer that an operator took off stays
 * off; one that only an add in progress has put there stays, whatever becomes of the add.
 */
export async function ensureWatched(
  store: Store,
  customers: readonly string[],
  ensured: Set<string>,
  now: () => number,
): Promise<void> {
  for (const customer of customers) {
    if (ensured.has(customer)) continue;
    await ensureCustomer(store, customer, now);
    ensured.add(customer);
  }
}

async function ensureCustomer(store: Store, customer: string, now: () => number): Promise<void> {
  for (;;) {
    const fresh = encodeRow(newCustomerRow(now()));
    if ((await store.put(customerKey(customer), fresh, "absent")) === "stored") return;
    const stored = await loadCustomer(store, customer);
    if (!stored) continue;
    const { addIntents, ...row } = stored.value;
    if (!addIntents || row.revivedFrom) return;
    const outcome = await store.put(customerKey(customer), encodeRow(row), stored.version);
    if (outcome === "stored") return;
  }
}
