import { clearMarkers, loadCustomer } from "../customers/customer.ts";
import type { CustomerRow, PendingEvent } from "../schemas/customer-row.ts";
import type { Stored } from "../store/rows.ts";
import type { Row, Store } from "../store/store.ts";
import { markDelivered } from "./pending.ts";

/** So many acknowledgements of one customer, or so long, are joined in one write. */
const MAX_JOINED = 20;
const MAX_JOINED_MS = 2_000;
/** Rows held at once, which may have half a megabyte each. */
const MAX_HELD = 40;

type Held = {
  readonly stored: Stored<CustomerRow>;
  readonly accepted: PendingEvent[];
  /** On the monotonic clock, ms. */
  readonly since: number;
};

export type AcknowledgementsDeps = {
  readonly store: Store;
  readonly now: () => number;
  readonly monotonic: () => number;
};

/**
 * Joins the acknowledgements of a customer, whose row carries all of its pending bodies. A process
 * that dies with some of them sends those events again, with the same ids and bytes.
 */
export type Acknowledgements = ReturnType<typeof createAcknowledgements>;

export function createAcknowledgements(deps: AcknowledgementsDeps) {
  const held = new Map<string, Held>();
  const knownMarkers = new Map<string, readonly Row[]>();

  const without = ({ stored, accepted }: Held): readonly PendingEvent[] =>
    stored.value.pending.slice(accepted.length);

  async function clear(customer: string, row?: CustomerRow): Promise<void> {
    const markers = knownMarkers.get(customer);
    knownMarkers.delete(customer);
    await clearMarkers(deps.store, customer, deps.now(), row && { row, markers });
  }

  /** Stores what is held of a customer. Resolves to the events that are then pending. */
  async function flush(customer: string): Promise<readonly PendingEvent[]> {
    const found = held.get(customer);
    held.delete(customer);
    if (!found) return [];
    const { stored, accepted } = found;
    const row = await markDelivered(deps.store, customer, accepted, deps.now(), stored);
    if (row && row.pending.length === 0) await clear(customer, row);
    return row?.pending ?? [];
  }

  return {
    flush,
    clear,
    /** Markers of a customer that were listed, all of them: they need not be listed again. */
    noteMarkers: (customer: string, markers: readonly Row[]) =>
      void knownMarkers.set(customer, markers),

    /** The customer's pending events, without those acknowledged here. */
    async pending(customer: string): Promise<readonly PendingEvent[]> {
      const known = held.get(customer);
      if (known) return without(known);
      const stored = await loadCustomer(deps.store, customer);
      if (!stored) return [];
      held.set(customer, { stored, accepted: [], since: deps.monotonic() });
      return stored.value.pending;
    },

    /** Acknowledges the first pending event. Resolves to the events that are then pending. */
    async accept(customer: string): Promise<readonly PendingEvent[]> {
      const known = held.get(customer);
      const event = known && without(known)[0];
      if (!event) return [];
      known.accepted.push(event);
      const left = without(known);
      const isFull = known.accepted.length === MAX_JOINED || held.size > MAX_HELD;
      const isOld = deps.monotonic() - known.since >= MAX_JOINED_MS;
      return left.length === 0 || isFull || isOld ? flush(customer) : left;
    },

    /** Forgets the row of a customer without acknowledgements: it is read again at its next turn. */
    forget(customer: string): void {
      if (held.get(customer)?.accepted.length === 0) held.delete(customer);
    },

    /** Stores what was held for long enough, or all, but for customers in flight. */
    async flushOld(isInFlight: (customer: string) => boolean, all = false): Promise<void> {
      for (const [customer, { since }] of [...held]) {
        if (isInFlight(customer)) continue;
        if (all || deps.monotonic() - since >= MAX_JOINED_MS) await flush(customer);
      }
    },

    /** How long until something was held for long enough, in ms; Infinity for nothing. */
    nextFlushMs(): number {
      const first = Math.min(...[...held.values()].map(({ since }) => since));
      return Math.max(1, first + MAX_JOINED_MS - deps.monotonic());
    },
  };
}
