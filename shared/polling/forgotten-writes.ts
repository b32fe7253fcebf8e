import { createStateEvent } from "../changes/event.ts";
import { MAX_PENDING_EVENTS } from "../changes/limits.ts";
import { normaliseRow } from "../changes/values.ts";
import { updateCustomer } from "../customers/customer.ts";
import type { CustomerRow, PendingEvent } from "../schemas/customer-row.ts";
import { nextSequence } from "../schemas/sequence.ts";
import type { CommitDeps } from "./settings.ts";

/**
 * Sends the full state of a customer's numbers. Call it when the store has forgotten its last
 * writes of this row, as after a fail-over. The receiver may know a change that was forgotten, and
 * that is no change any more.
 *
 * @param known the last sequence that this instance has seen, which the events must pass
 */
export async function sendStates(
  customer: string,
  known: number,
  deps: CommitDeps & { readonly source: string },
): Promise<void> {
  const { store, source, now, log, dispatcher } = deps;
  const { row } = await updateCustomer(store, customer, (stored) => {
    if (!stored || stored.removedAt) return "keep";
    const events = statesOf(customer, stored, known, source, now());
    const seq = events.at(-1)?.seq ?? stored.seq;
    return { put: { ...stored, seq, pending: [...stored.pending, ...events] } };
  });
  log.warn("store forgot its last writes of a customer", { customer });
  if (row) dispatcher.enqueue(customer);
}

function statesOf(
  customer: string,
  row: CustomerRow,
  known: number,
  source: string,
  now: number,
): readonly PendingEvent[] {
  const room = MAX_PENDING_EVENTS - row.pending.length;
  const present = Object.entries(normaliseRow(row).numbers).filter(
    ([, state]) => !state.missingSince,
  );
  let last = Math.max(row.seq, known);
  return present.slice(0, room).map(([phoneNumber, state]) => {
    last = nextSequence(last, now);
    const { observedAt } = state;
    const origin = { source, customer, observedAt, upstreamRequestId: undefined };
    return createStateEvent(origin, phoneNumber, state, last);
  });
}
