import { clearMarkers, loadCustomer } from "../customers/customer.ts";
import type { CustomerRow, PendingEvent } from "../schemas/customer-row.ts";
import { isCritical } from "../schemas/outbox-rows.ts";
import type { Stored } from "../store/rows.ts";
import type { Row, Store } from "../store/store.ts";
import { markDelivered } from "./pending.ts";

/** So many acknowledgements of one customer, or so long, are joined in one write. */
const MAX_JOINED = 20;
const MAX_JOINED_MS = 2_000;
/** Rows held at once, which may have half a megabyte each. */
const MAX_HELD = 40;

/** Events that are still to be delivered, the oldest first. */
export type Left = {
  readonly first: PendingEvent | undefined;
  readonly count: number;
  readonly isCritical: boolean;
};

type Held = {
  readonly stored: Stored<CustomerRow>;
  /** So many of its first pending events are acknowledged here. */
  accepted: number;
  /** Where the last critical one is among the pending events; -1 for none. */
  readonly lastCritical: number;
  /** On the monotonic clock, ms. */
  readonly since: number;
};

const NOTHING: Left = { first: undefined, count: 0, isCritical: false };

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

  const leftOf = ({ stored, accepted, lastCritical }: Held): Left => ({
    first: stored.value.pending[accepted],
    count: stored.value.pending.length - accepted,
    isCritical: lastCritical >= accepted,
  });

  function hold(customer: string, stored: Stored<CustomerRow>): Held {
    const lastCritical = stored.value.pending.findLastIndex(isCritical);
    const found = { stored, accepted: 0, lastCritical, since: deps.monotonic() };
    held.set(customer, found);
    return found;
  }

  async function clear(customer: string, row?: CustomerRow): Promise<void> {
    const markers = knownMarkers.get(customer);
    knownMarkers.delete(customer);
    await clearMarkers(deps.store, customer, deps.now(), row && { row, markers });
  }

  /** Stores what is held of a customer. Resolves to what is then left. */
  async function flush(customer: string): Promise<Left> {
    const found = held.get(customer);
    held.delete(customer);
    if (!found) return NOTHING;
    const { stored, accepted } = found;
    const events = stored.value.pending.slice(0, accepted);
    const row = await markDelivered(deps.store, customer, events, deps.now(), stored);
    if (row && row.pending.length === 0) await clear(customer, row);
    const [first] = row?.pending ?? [];
    const count = row?.pending.length ?? 0;
    return { first, count, isCritical: row?.pending.some(isCritical) ?? false };
  }

  return {
    flush,
    clear,
    /** Markers of a customer that were listed, all of them: they need not be listed again. */
    noteMarkers: (customer: string, markers: readonly Row[]) =>
      void knownMarkers.set(customer, markers),

    /** The customer's oldest event, of those not acknowledged here. */
    async next(customer: string): Promise<PendingEvent | undefined> {
      const known = held.get(customer);
      if (known) return leftOf(known).first;
      const stored = await loadCustomer(deps.store, customer);
      return stored && leftOf(hold(customer, stored)).first;
    },

    /** Acknowledges the event that `next` gave. Resolves to what is then left. */
    async accept(customer: string): Promise<Left> {
      const known = held.get(customer);
      if (!known) return NOTHING;
      known.accepted += 1;
      const left = leftOf(known);
      const isFull = known.accepted === MAX_JOINED || held.size > MAX_HELD;
      const isOld = deps.monotonic() - known.since >= MAX_JOINED_MS;
      return left.count === 0 || isFull || isOld ? flush(customer) : left;
    },

    /** Forgets the row of a customer without acknowledgements: it is read again at its next turn. */
    forget(customer: string): void {
      if (held.get(customer)?.accepted === 0) held.delete(customer);
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
