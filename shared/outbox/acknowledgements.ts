import { clearMarkers, loadCustomer } from "../customers/customer.ts";
import type { CustomerRow, PendingEvent } from "../schemas/customer-row.ts";
import { isCritical } from "../schemas/outbox-rows.ts";
import type { Stored } from "../store/rows.ts";
import type { Row, Store } from "../store/store.ts";
import { markDelivered } from "./pending.ts";

/** So many acknowledgements of one customer, or so long, are joined in one write. */
const JOINED = 20;
const JOINED_MS = 2_000;
/**
 * Of a customer with more pending events it is half of them, and longer in proportion: each write
 * carries the bodies of all that are left, which for 400 events would be 20 writes of 170 KB.
 */
const JOINED_SHARE = 0.5;
const MAX_JOINED_MS = 10_000;
/** Bodies in the rows held at once. */
const MAX_HELD_BYTES = 16_000_000;

/** Events that are still to be delivered, the oldest first. */
export type Left = {
  readonly first: PendingEvent | undefined;
  readonly count: number;
  readonly isCritical: boolean;
};

/** The row as it was read, with what follows from it. */
type HeldRow = {
  readonly stored: Stored<CustomerRow>;
  readonly bytes: number;
  /** Where the last critical one is among the pending events; -1 for none. */
  readonly lastCritical: number;
  /** Where the first one is that is not acknowledged here. */
  next: number;
};

type Held = {
  /** Undefined while too much is held: the row is read again at the next turn. */
  row: HeldRow | undefined;
  /** Acknowledged here and not in the row. */
  readonly accepted: { readonly id: string }[];
  /** How many are joined, and until when, on the monotonic clock in ms. */
  readonly most: number;
  readonly until: number;
};

const NOTHING: Left = { first: undefined, count: 0, isCritical: false };

export type AcknowledgementsDeps = {
  readonly store: Store;
  readonly now: () => number;
  readonly monotonic: () => number;
  /** False while nothing shows that this clock is right: then nothing is deleted by age. */
  readonly isClockConfirmed: () => boolean;
};

/**
 * Joins the acknowledgements of a customer, whose row carries all of its pending bodies. A process
 * that dies with some of them sends those events again, with the same ids and bytes.
 */
export type Acknowledgements = ReturnType<typeof createAcknowledgements>;

export function createAcknowledgements(deps: AcknowledgementsDeps) {
  const held = new Map<string, Held>();
  const knownMarkers = new Map<string, readonly Row[]>();
  /** Customers with markers whose age this clock cannot tell yet. */
  const withOrphans = new Set<string>();
  let heldBytes = 0;

  function hold(customer: string, stored: Stored<CustomerRow>): Held {
    const row = toHeldRow(stored, held.get(customer)?.accepted ?? []);
    const found = held.get(customer) ?? newHeld(stored.value.pending.length, deps.monotonic());
    found.row = row;
    heldBytes += row.bytes;
    held.set(customer, found);
    return found;
  }

  function dropRow(found: Held): void {
    heldBytes -= found.row?.bytes ?? 0;
    found.row = undefined;
  }

  async function clear(customer: string, row?: CustomerRow): Promise<void> {
    const markers = knownMarkers.get(customer);
    knownMarkers.delete(customer);
    const now = deps.isClockConfirmed() ? deps.now() : undefined;
    const hasOrphans = await clearMarkers(deps.store, customer, now, row && { row, markers });
    if (hasOrphans && now === undefined) withOrphans.add(customer);
  }

  /** Stores what is held of a customer. Resolves to what is then left. */
  async function flush(customer: string): Promise<Left> {
    const found = held.get(customer);
    held.delete(customer);
    if (!found) return NOTHING;
    const { accepted } = found;
    const known = found.row?.stored;
    dropRow(found);
    const row = await markDelivered(deps.store, customer, accepted, deps.now(), known);
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
      const known = held.get(customer)?.row;
      if (known) return leftOf(known).first;
      const stored = await loadCustomer(deps.store, customer);
      return stored && leftOf(hold(customer, stored).row).first;
    },

    /** Acknowledges the event that `next` gave. Resolves to what is then left. */
    async accept(customer: string): Promise<Left> {
      const known = held.get(customer);
      const event = leftOf(known?.row).first;
      if (!known?.row || !event) return NOTHING;
      known.row.next += 1;
      known.accepted.push({ id: event.id });
      const left = leftOf(known.row);
      const isDue = known.accepted.length >= known.most || deps.monotonic() >= known.until;
      const isTooMuch = heldBytes > MAX_HELD_BYTES;
      if (left.count === 0 || isDue || (isTooMuch && left.count <= JOINED)) return flush(customer);
      if (isTooMuch) dropRow(known);
      return left;
    },

    /** Forgets the row of a customer without acknowledgements: it is read again at its next turn. */
    forget(customer: string): void {
      const found = held.get(customer);
      if (found?.accepted.length !== 0) return;
      dropRow(found);
      held.delete(customer);
    },

    /** Stores what was held for long enough, or all, but for customers in flight. */
    async flushOld(isInFlight: (customer: string) => boolean, all = false): Promise<void> {
      for (const [customer, { until }] of [...held]) {
        if (isInFlight(customer)) continue;
        if (all || deps.monotonic() >= until) await flush(customer);
      }
      if (!deps.isClockConfirmed()) return;
      for (const customer of withOrphans) await clear(customer);
      withOrphans.clear();
    },

    /** How long until something was held for long enough, in ms; Infinity for nothing. */
    nextFlushMs(): number {
      const first = Math.min(...[...held.values()].map(({ until }) => until));
      return Math.max(1, first - deps.monotonic());
    },
  };
}

function newHeld(pending: number, now: number): Held {
  const most = Math.max(JOINED, Math.ceil(pending * JOINED_SHARE));
  const joinedMs = Math.min(MAX_JOINED_MS, (JOINED_MS * most) / JOINED);
  return { row: undefined, accepted: [], most, until: now + joinedMs };
}

function toHeldRow(stored: Stored<CustomerRow>, accepted: readonly { id: string }[]): HeldRow {
  const { pending } = stored.value;
  const ids = new Set(accepted.map(({ id }) => id));
  const next = pending.findIndex(({ id }) => !ids.has(id));
  return {
    stored,
    bytes: pending.reduce((sum, { body }) => sum + body.length, 0),
    lastCritical: pending.findLastIndex(isCritical),
    next: next === -1 ? pending.length : next,
  };
}

function leftOf(row: HeldRow | undefined): Left {
  if (!row) return NOTHING;
  const { pending } = row.stored.value;
  const count = pending.length - row.next;
  return { first: pending[row.next], count, isCritical: row.lastCritical >= row.next };
}
