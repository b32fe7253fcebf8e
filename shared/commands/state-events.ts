import { createStateEvent, type EventOrigin } from "../changes/event.ts";
import { MAX_PENDING_BYTES, MAX_PENDING_EVENTS } from "../changes/limits.ts";
import { normaliseRow } from "../changes/values.ts";
import type { CustomerRow, NumberState, PendingEvent } from "../schemas/customer-row.ts";
import { nextSequence } from "../schemas/sequence.ts";
import { cursorAfter, resumeIndex } from "./resync-cursor.ts";

export type Origin = {
  readonly source: string;
  readonly customer: string;
  /** When this instance last saw all stored values, on the wall clock in ms, or undefined. */
  readonly seenAt: number | undefined;
};

export type ResyncResult = {
  readonly events: readonly PendingEvent[];
  /** Numbers that are missing upstream, which get no event. */
  readonly missing: number;
  /** Numbers whose events do not fit among the pending ones. */
  readonly leftOut: number;
  /** Where to continue if numbers are left out. */
  readonly cursor: string;
};

/** Pure: one full-state event for each number behind the cursor, as many as fit. */
export function planStateEvents(
  origin: Origin,
  row: CustomerRow,
  from: string,
  now: number,
): ResyncResult {
  const { numbers } = normaliseRow(row);
  const all = Object.keys(numbers).sort();
  const first = resumeIndex(origin.customer, all, from);
  const hasRoom = createRoom(row.pending);
  const events: PendingEvent[] = [];
  let missing = 0;
  for (const [index, phoneNumber] of all.entries()) {
    const state = numbers[phoneNumber];
    if (index < first || !state) continue;
    if (state.missingSince) {
      missing += 1;
      continue;
    }
    const seq = nextSequence(events.at(-1)?.seq ?? row.seq, now);
    const event = createStateEvent(originOf(origin, state), phoneNumber, state, seq);
    if (!hasRoom(event)) {
      const rest = all.slice(index).filter((number) => !numbers[number]?.missingSince);
      const cursor = cursorAfter(origin.customer, all, index);
      return { events, missing, leftOut: rest.length, cursor };
    }
    events.push(event);
  }
  return { events, missing, leftOut: 0, cursor: "" };
}

/** Counts an event. False if it does not fit among the pending ones. */
function createRoom(pending: readonly PendingEvent[]): (event: PendingEvent) => boolean {
  let count = pending.length;
  let bytes = pending.reduce((sum, event) => sum + Buffer.byteLength(event.body), 0);
  return ({ body }) => {
    count += 1;
    bytes += Buffer.byteLength(body);
    return count <= MAX_PENDING_EVENTS && bytes <= MAX_PENDING_BYTES;
  };
}

/** `observedAt` is the newest proof of the values: a read by this instance, or the stored one. */
function originOf({ source, customer, seenAt = 0 }: Origin, state: NumberState): EventOrigin {
  const observedAt = new Date(Math.max(seenAt, Date.parse(state.observedAt))).toISOString();
  return { source, customer, observedAt, upstreamRequestId: undefined };
}
