import type { CustomerRow, DeliveredEvent, PendingEvent } from "../schemas/customer-row.ts";

/** A customer's row keeps this much of its history, so that it stays cheap to read. */
const MAX_EVENTS = 20;
const MAX_BYTES = 65_536;

/**
 * The row's history after further deliveries: the last 20 events, with at most 64 KB of bodies. The
 * oldest go first. It is stored with the events' removal and costs no write of its own.
 */
export function keepDelivered(
  row: CustomerRow,
  accepted: readonly PendingEvent[],
  now: number,
): Pick<CustomerRow, "delivered" | "deliveredCutAt"> {
  const deliveredAt = new Date(now).toISOString();
  const fresh = accepted.map(({ id, seq, type, body }) => ({ id, seq, type, body, deliveredAt }));
  const all: DeliveredEvent[] = [...(row.delivered ?? []), ...fresh];
  let bytes = 0;
  let first = all.length;
  while (first > 0 && all.length - first < MAX_EVENTS) {
    bytes += Buffer.byteLength(all[first - 1]?.body ?? "");
    if (bytes > MAX_BYTES) break;
    first -= 1;
  }
  return {
    delivered: all.slice(first),
    deliveredCutAt: all[first - 1]?.deliveredAt ?? row.deliveredCutAt,
  };
}
