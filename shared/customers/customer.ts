import { type CustomerRow, customerKey, customerRowSchema } from "../schemas/customer-row.ts";
import { DUE_PREFIX, dueKey, parseEventKey } from "../schemas/outbox-rows.ts";
import { encodeRow, readRow, type Stored } from "../store/rows.ts";
import type { Store } from "../store/store.ts";

/** The customer's row and whether the event is still the first of its pending ones. */
export function loadCustomer(
  store: Store,
  customer: string,
): Promise<Stored<CustomerRow> | undefined> {
  return readRow(store, customerKey(customer), customerRowSchema);
}

/**
 * Writes a customer's next row with its new events. The marker goes first: a process that dies
 * between the two leaves a marker without an event, which costs a look; the other way round would
 * leave an event that only the next sweep finds.
 *
 * @throws CustomerTooLargeError, before anything is written
 */
export async function commitRow(
  store: Store,
  customer: string,
  before: Stored<CustomerRow>,
  next: CustomerRow,
): Promise<"stored" | "conflict"> {
  const text = encodeRow(next);
  if (next.seq > before.value.seq) {
    await store.put(dueKey(customer, next.seq), encodeRow({ schema: 1 }), "absent");
  }
  return store.put(customerKey(customer), text, before.version);
}

/**
 * Deletes the customer's markers that have become meaningless: the row has got past the marker's
 * sequence and nothing up to it is pending. Markers are listed before the row is read, so that a
 * missing row proves that none of them can still come true.
 */
export async function clearMarkers(store: Store, customer: string): Promise<void> {
  const prefix = `${DUE_PREFIX}${customer}/`;
  for (;;) {
    const markers = await store.scan(prefix, "", 100);
    if (markers.length === 0) return;
    const row = (await loadCustomer(store, customer))?.value;
    const oldest = row?.pending[0]?.seq ?? Number.POSITIVE_INFINITY;
    const past = markers.filter(({ key }) => {
      const { seq } = parseEventKey(key);
      return !row || (row.seq >= seq && seq < oldest);
    });
    for (const marker of past) await store.delete(marker.key, marker.version);
    if (past.length < markers.length || markers.length < 100) return;
  }
}
