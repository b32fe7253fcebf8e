import { loadCustomer } from "../customers/customer.ts";
import { isAppError } from "../errors.ts";
import { type CustomerRow, customerKey, type PendingEvent } from "../schemas/customer-row.ts";
import {
  type DeadRow,
  DUE_PREFIX,
  deadKey,
  deadRowSchema,
  parseEventKey,
} from "../schemas/outbox-rows.ts";
import { encodeRow, readRow, scanAll } from "../store/rows.ts";
import type { Store } from "../store/store.ts";
import { keepDelivered } from "./delivered.ts";

/**
 * Changes one pending event, or takes it out (`undefined`), by its id: whatever else happens to the
 * row meanwhile stays as it is. Returns the number of events then pending.
 */
export function updatePending(
  store: Store,
  customer: string,
  id: string,
  change: (event: PendingEvent) => PendingEvent | undefined,
): Promise<number> {
  return changePending(store, customer, id, (row, event) => {
    const pending = row.pending.flatMap((one) => (one === event ? (change(event) ?? []) : one));
    return { text: encodeRow({ ...row, pending }), left: pending.length };
  });
}

/**
 * Takes out an event that the receiver has taken, and keeps it among the delivered ones for a later
 * redelivery. A row that has no room for its history loses the history, never the acknowledgement.
 *
 * @returns the number of events then pending
 */
export function markDelivered(
  store: Store,
  customer: string,
  id: string,
  now: number,
): Promise<number> {
  return changePending(store, customer, id, (row, event) => {
    const pending = row.pending.filter((one) => one !== event);
    const left = pending.length;
    try {
      return { text: encodeRow({ ...row, pending, ...keepDelivered(row, event, now) }), left };
    } catch (error) {
      if (!isAppError(error) || error.code !== "ERR_CUSTOMER_TOO_LARGE") throw error;
      const { delivered: _delivered, ...rest } = row;
      const deliveredCutAt = new Date(now).toISOString();
      return { text: encodeRow({ ...rest, pending, deliveredCutAt }), left };
    }
  });
}

async function changePending(
  store: Store,
  customer: string,
  id: string,
  change: (row: CustomerRow, event: PendingEvent) => { text: string; left: number },
): Promise<number> {
  for (;;) {
    const stored = await loadCustomer(store, customer);
    if (!stored) return 0;
    const { pending } = stored.value;
    const event = pending.find((one) => one.id === id);
    if (!event) return pending.length;
    const { text, left } = change(stored.value, event);
    const outcome = await store.put(customerKey(customer), text, stored.version);
    if (outcome === "stored") return left;
  }
}

/** Moves an event that the receiver will not take to the dead letters: written there first. */
export async function moveToDeadLetters(
  store: Store,
  customer: string,
  event: PendingEvent,
  status: number,
  now: number,
): Promise<number> {
  const dead: DeadRow = { schema: 1, event, status, diedAt: new Date(now).toISOString() };
  const key = deadKey(customer, event.seq);
  if ((await store.put(key, encodeRow(dead), "absent")) === "conflict") {
    // After a store was restored from a backup, another event may lie there: neither may be lost.
    const there = await readRow(store, key, deadRowSchema);
    if (there?.value.event.id !== event.id)
      return updatePending(store, customer, "", () => undefined);
  }
  return updatePending(store, customer, event.id, () => undefined);
}

/**
 * Events waiting for delivery, counted over at most `customerLimit` customers that have some. A row
 * that cannot be read has an unknown number of them: it must not cost the run its report.
 */
export async function countPending(
  store: Store,
  customerLimit: number,
): Promise<{ readonly events: number; readonly atLeast: boolean }> {
  const customers = new Set<string>();
  let events = 0;
  let atLeast = false;
  for await (const { key } of scanAll(store, DUE_PREFIX)) {
    const { customer } = parseEventKey(key);
    if (customers.has(customer)) continue;
    if (customers.size === customerLimit) return { events, atLeast: true };
    customers.add(customer);
    try {
      events += (await loadCustomer(store, customer))?.value.pending.length ?? 0;
    } catch (error) {
      if (!isAppError(error) || error.code !== "ERR_STORE_ROW") throw error;
      atLeast = true;
    }
  }
  return { events, atLeast };
}
