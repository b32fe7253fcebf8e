import { loadCustomer, updateCustomer } from "../customers/customer.ts";
import { eraseHistory, planHistory, putHistory } from "../customers/history.ts";
import { isAppError } from "../errors.ts";
import {
  type CustomerRow,
  customerKey,
  customerRowSchema,
  type PendingEvent,
} from "../schemas/customer-row.ts";
import {
  type DeadRow,
  DUE_PREFIX,
  deadKey,
  deadRowSchema,
  parseEventKey,
} from "../schemas/outbox-rows.ts";
import { encodeRow, readRow, type Stored, scanAll } from "../store/rows.ts";
import type { Store } from "../store/store.ts";
import { type RowChange, updateRow } from "../store/update-row.ts";

/** Changes one pending event by its id. Returns the number of events then pending. */
export function updateEvent(
  store: Store,
  customer: string,
  id: string,
  change: (event: PendingEvent) => PendingEvent,
): Promise<number> {
  return updatePending(store, customer, id, (row, event) => ({
    ...row,
    pending: row.pending.map((one) => (one === event ? change(event) : one)),
  }));
}

/**
 * Removes events that the receiver accepted, once they are in the customer's history for a later
 * redelivery. A customer that was erased or unwatched meanwhile keeps none.
 *
 * @returns the row that now holds
 */
export async function markDelivered(
  store: Store,
  customer: string,
  events: readonly { readonly id: string }[],
  now: number,
  known?: Stored<CustomerRow>,
): Promise<CustomerRow | undefined> {
  const ids = new Set(events.map(({ id }) => id));
  const deliveredAt = new Date(now).toISOString();
  const planOf = (row: CustomerRow) => {
    const accepted = row.pending.filter(({ id }) => ids.has(id));
    const fresh = accepted.map(({ id, seq, type, body }) => ({ id, seq, type, body, deliveredAt }));
    return fresh.length > 0 ? planHistory(row, fresh) : undefined;
  };
  const decide = (row: CustomerRow | undefined): RowChange<CustomerRow> => {
    const plan = row && planOf(row);
    if (!plan) return "keep";
    const pending = row.pending.filter(({ id }) => !ids.has(id));
    return { put: { ...row, pending, ...plan.fields } };
  };
  const beforePut = (_next: CustomerRow, before: CustomerRow | undefined) =>
    putHistory(store, customer, (before && planOf(before)?.rows) ?? []);
  const options = { known, beforePut };
  const { row } = await updateRow(store, customerKey(customer), customerRowSchema, decide, options);
  if (!row || row.removedAt) await eraseHistory(store, customer);
  return row;
}

/** Moves an event that the receiver refuses to the dead letters, where it is written first. */
export async function moveToDeadLetters(
  store: Store,
  customer: string,
  event: PendingEvent,
  status: number,
  now: number,
): Promise<number> {
  const dead: DeadRow = { schema: 1, event, status, diedAt: new Date(now).toISOString() };
  let key = deadKey(customer, event.seq);
  if ((await store.put(key, encodeRow(dead), "absent")) === "conflict") {
    // After a store was restored from a backup, another event may lie there. Neither may be lost.
    const there = await readRow(store, key, deadRowSchema).catch(toUndefined);
    if (there?.value.event.id !== event.id) {
      key = `${key}/${event.id}`;
      await store.put(key, encodeRow(dead), "absent");
    }
  }
  const left = await updatePending(store, customer, event.id, without);
  const row = (await loadCustomer(store, customer))?.value;
  // Erased meanwhile: the dead letter must not outlive its customer.
  const isErased = !row || row.erasedAt !== undefined;
  const stored = isErased ? await store.get(key) : undefined;
  if (stored) await store.delete(key, stored.version);
  return left;
}

/** An unreadable row may hold anything, so it is as good as another event. */
function toUndefined(error: unknown): undefined {
  if (!isUnreadable(error)) throw error;
}

function isUnreadable(error: unknown): boolean {
  return isAppError(error) && error.code === "ERR_STORE_ROW";
}

function without(row: CustomerRow, event: PendingEvent): CustomerRow {
  return { ...row, pending: row.pending.filter((one) => one !== event) };
}

/** Finds the event by its id in the newest row, so that other changes of the row stay. */
async function updatePending(
  store: Store,
  customer: string,
  id: string,
  change: (row: CustomerRow, event: PendingEvent) => CustomerRow,
): Promise<number> {
  const { row } = await updateCustomer(store, customer, (known) => {
    const event = known?.pending.find((one) => one.id === id);
    return known && event ? { put: change(known, event) } : "keep";
  });
  return row?.pending.length ?? 0;
}

/**
 * The events that wait for delivery, of at most `customerLimit` customers. A row that cannot be read
 * counts as none and makes the number a lower bound, so that the run still has its report.
 */
export async function countPending(
  store: Store,
  customerLimit: number,
  isOver: () => boolean,
): Promise<{ readonly events: number; readonly atLeast: boolean }> {
  const customers = new Set<string>();
  let events = 0;
  let atLeast = false;
  for await (const { key } of scanAll(store, DUE_PREFIX)) {
    const { customer } = parseEventKey(key);
    if (customers.has(customer)) continue;
    if (customers.size === customerLimit || isOver()) return { events, atLeast: true };
    customers.add(customer);
    try {
      events += (await loadCustomer(store, customer))?.value.pending.length ?? 0;
    } catch (error) {
      if (!isUnreadable(error)) throw error;
      atLeast = true;
    }
  }
  return { events, atLeast };
}
