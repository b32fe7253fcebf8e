import { CUSTOMER_PREFIX, type CustomerRow } from "../../shared/schemas/customer-row.ts";
import {
  DEAD_PREFIX,
  type DeadRow,
  DUE_PREFIX,
  parseEventKey,
} from "../../shared/schemas/outbox-rows.ts";
import type { Store } from "../../shared/store/store.ts";
import type { ReceiverModel } from "./receiver-model.ts";

/** Every event that was ever stored as pending, by id. */
export type Committed = Map<string, { readonly customer: string; readonly seq: number }>;

export type WatchedBy = {
  readonly receiver: ReceiverModel;
  readonly committed: Committed;
  readonly problems: string[];
  /** Sees every row of a customer as it is stored. */
  readonly noteRow: (customer: string, row: CustomerRow, before: CustomerRow | undefined) => void;
};

/**
 * Checks every write. A pending event must have a marker at all times. What
 * a baseline stores without an event is what the receiver's changes must start from.
 */
export function watchStore(
  store: Store,
  { receiver, committed, problems, noteRow }: WatchedBy,
): Store & { forgetWrites(customer: string, writes: number): Promise<void> } {
  const rows = new Map<string, CustomerRow>();
  const written = new Map<string, string[]>();
  const forgetful = new Set<string>();

  async function checkMarkers(customer: string): Promise<void> {
    const newest = rows.get(customer)?.pending.at(-1);
    // Rows and markers may be forgotten by themselves. Then the next read delivers.
    if (!newest || forgetful.has(customer)) return;
    const markers = await store.scan(`${DUE_PREFIX}${customer}/`, "", 1_000);
    if (markers.some(({ key }) => parseEventKey(key).seq >= newest.seq)) return;
    problems.push(`${newest.id} of ${customer} is pending without a marker`);
  }

  function note(customer: string, row: CustomerRow): void {
    const before = rows.get(customer);
    rows.set(customer, row);
    noteRow(customer, row, before);
    for (const { id, seq } of row.pending) committed.set(id, { customer, seq });
    // A number that appears later must have an event.
    if (before?.baselineAt && !before.partialBaseline) return;
    for (const [phoneNumber, { fields }] of Object.entries(row.numbers)) {
      if (!before?.numbers[phoneNumber]) receiver.begin(phoneNumber, fields);
    }
  }

  return {
    ...store,
    /** Takes the row of a customer back by some writes, as a replica that lags may do. */
    async forgetWrites(customer, writes) {
      const earlier = written.get(customer)?.at(-1 - writes);
      const stored = await store.get(`${CUSTOMER_PREFIX}${customer}`);
      if (!earlier || !stored) return;
      await store.put(`${CUSTOMER_PREFIX}${customer}`, earlier, stored.version);
      const row = JSON.parse(earlier) as CustomerRow;
      rows.set(customer, row);
      forgetful.add(customer);
      const kept = new Set(row.pending.map(({ id }) => id));
      for (const [id, event] of committed) {
        if (event.customer !== customer || kept.has(id)) continue;
        committed.delete(id);
        receiver.forgetEvent(id);
      }
      receiver.forgive(customer);
    },
    async put(key, value, expected, version) {
      const outcome = await store.put(key, value, expected, version);
      if (outcome === "conflict") return outcome;
      if (key.startsWith(DEAD_PREFIX))
        receiver.noteDeadLetter((JSON.parse(value) as DeadRow).event);
      if (key.startsWith(CUSTOMER_PREFIX)) {
        const customer = key.slice(CUSTOMER_PREFIX.length);
        written.set(customer, [...(written.get(customer) ?? []), value]);
        note(customer, JSON.parse(value) as CustomerRow);
        await checkMarkers(customer);
      }
      return outcome;
    },
    async delete(key, expected) {
      const outcome = await store.delete(key, expected);
      if (key.startsWith(DUE_PREFIX)) await checkMarkers(parseEventKey(key).customer);
      return outcome;
    },
  };
}
