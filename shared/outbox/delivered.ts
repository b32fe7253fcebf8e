import type { CustomerRow, DeliveredEvent, PendingEvent } from "../schemas/customer-row.ts";

/** What one customer's row keeps of the events that were delivered, so that it stays cheap to read. */
const MAX_EVENTS = 20;
const MAX_BYTES = 64 * 1024;

/**
 * The row's history after one more delivery: the last 20 events, together at most 64 KB of bodies,
 * the oldest dropped first. It is written together with the event's removal and costs no write.
 */
export function keepDelivered(
  row: CustomerRow,
  { id, seq, type, body }: PendingEvent,
  now: number,
): Pick<CustomerRow, "delivered" | "deliveredCutAt"> {
  const deliveredAt = new Date(now).toISOString();
  const all: DeliveredEvent[] = [...(row.delivered ?? []), { id, seq, type, body, deliveredAt }];
  let bytes = 0;
  let first = all.length;
  while (first > 0 && all.length - first < MAX_EVENTS) {
    bytes += Buffer.byteLength(all[first - 1]?.body ?? "");
    if (bytes > MAX_BYTES) break;
    first -= 1;
  }
  const cutAt = all[first - 1]?.deliveredAt;
  return {
    delivered: all.slice(first),
    deliveredCutAt: cutAt,
  };
}
