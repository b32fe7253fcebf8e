import { decide } from "../../shared/changes/decide.ts";
import {
  CUSTOMER_PREFIX,
  type CustomerRow,
  newCustomerRow,
  type PendingEvent,
} from "../../shared/schemas/customer-row.ts";
import { dueKey } from "../../shared/schemas/outbox-rows.ts";
import type { Store } from "../../shared/store/store.ts";
import type { UpstreamModel } from "./upstream-model.ts";

/**
 * Stores a customer as the first edition left it: a row of schema 1 whose sequence is a counter from
 * its creation on, with delivered events in the row and pending ones, and their marker.
 *
 * @param accept gives the delivered events to the receiver
 */
export async function storeFirstEdition(
  store: Store,
  customer: string,
  { upstream, source, createdAt }: FirstEdition,
  accept: (event: PendingEvent) => void,
): Promise<void> {
  const key = `${CUSTOMER_PREFIX}${customer}`;
  let row = newCustomerRow(createdAt);
  // No time passes in these reads, so sequences count up by one.
  const read = () => {
    const reply = { requestId: "REQ", items: upstream.snapshot(customer), malformed: 0 };
    row = asFirstEdition(decide({ customer, source, row, reply, readAt: createdAt }).row ?? row);
  };
  const put = async () => {
    const version = (await store.get(key))?.version ?? "absent";
    if (row.pending.length > 0) await store.put(dueKey(customer, row.seq), MARKER, "absent");
    await store.put(key, JSON.stringify(row), version);
  };

  read();
  await put();
  upstream.changeAll(customer);
  read();
  await put();
  for (const event of row.pending) accept(event);
  const deliveredAt = new Date(createdAt).toISOString();
  const delivered = row.pending.map(({ id, seq, type, body }) => ({
    ...{ id, seq, type, body, deliveredAt },
  }));
  row = { ...row, pending: [], delivered };
  upstream.changeAll(customer);
  read();
  await put();
}

/** What the first edition wrote into every marker. */
const MARKER = '{"schema":1}';

export type FirstEdition = {
  readonly upstream: UpstreamModel;
  readonly source: string;
  readonly createdAt: number;
};

function asFirstEdition(row: CustomerRow): CustomerRow {
  const numbers = Object.entries(row.numbers).map(([number, { watch: _, ...state }]) => [
    number,
    state,
  ]);
  return { ...row, schema: 1, numbers: Object.fromEntries(numbers) };
}
