import type { CustomerRow, PendingEvent } from "../schemas/customer-row.ts";
import { nextSequence } from "../schemas/sequence.ts";
import { unreadOf, withoutIntents } from "./baseline.ts";
import type { CustomerRead } from "./customer-read.ts";
import { createEvent, type EventOrigin } from "./event.ts";
import { MAX_PENDING_BYTES, MAX_PENDING_EVENTS } from "./limits.ts";
import type { NumberUpdate } from "./number-update.ts";
import { assess } from "./severity.ts";

export type ComposedRow = {
  /** Undefined when there is nothing to write. */
  readonly row: CustomerRow | undefined;
  readonly events: readonly PendingEvent[];
  readonly worse: boolean;
  readonly heldBack: number;
};

/** The row after a read: numbers whose events fit advance with them, the others not at all. */
export function composeRow(read: CustomerRead, updates: readonly NumberUpdate[]): ComposedRow {
  const { row, observedAt, isComplete } = read;
  const { accepted, events } = acceptFitting(read, updates);
  const heldBack = updates.length - accepted.length;
  const sawNumbers = (read.reply.items?.length ?? 0) > 0;
  const independent = withoutIntents(row, sawNumbers);
  const unread = row.partialBaseline && !isComplete ? unreadOf(read) : undefined;
  const isSame = JSON.stringify(unread) === JSON.stringify(row.unread);
  const endsBaseline = isComplete && row.partialBaseline;
  if (accepted.length === 0 && independent === row && isSame && !endsBaseline) {
    return { row: undefined, events, worse: false, heldBack };
  }
  const numbers = { ...row.numbers };
  for (const { phoneNumber, state } of accepted) if (state) numbers[phoneNumber] = state;
  return {
    row: {
      ...independent,
      partialBaseline: isComplete ? undefined : row.partialBaseline,
      unread,
      seq: events.at(-1)?.seq ?? row.seq,
      // A number that this reply lacks, or that is held back, may have changed before it.
      observedAt: isComplete && heldBack === 0 ? observedAt : row.observedAt,
      numbers,
      onboarding: withReported(read, accepted),
      pending: [...row.pending, ...events],
    },
    events,
    worse: accepted.some(({ drafts }) =>
      drafts.some((draft) => assess(draft).direction === "worse"),
    ),
    heldBack,
  };
}

/** The updates whose events have room beside the pending ones, and those events. */
function acceptFitting(read: CustomerRead, updates: readonly NumberUpdate[]) {
  const { source, customer, observedAt, row, readAt } = read;
  const origin: EventOrigin = {
    source,
    customer,
    observedAt,
    upstreamRequestId: read.reply.requestId,
  };
  const events: PendingEvent[] = [];
  let bytes = row.pending.reduce((sum, { body }) => sum + Buffer.byteLength(body), 0);
  const accepted = updates.filter(({ drafts }) => {
    const added: PendingEvent[] = [];
    for (const draft of drafts) {
      const last = added.at(-1) ?? events.at(-1);
      added.push(createEvent(draft, nextSequence(last?.seq ?? row.seq, readAt), origin));
    }
    const size = added.reduce((sum, { body }) => sum + Buffer.byteLength(body), 0);
    const count = row.pending.length + events.length + added.length;
    const isTooMuch = count > MAX_PENDING_EVENTS || bytes + size > MAX_PENDING_BYTES;
    // All events of a number or none, so that a receiver never learns half of what one read showed.
    if (added.length > 0 && isTooMuch) return false;
    bytes += size;
    events.push(...added);
    return true;
  });
  return { accepted, events };
}

/** What has been reported of the added numbers, once these updates are stored. */
function withReported(
  { row, observedAt }: CustomerRead,
  updates: readonly NumberUpdate[],
): CustomerRow["onboarding"] {
  const onboarding = { ...row.onboarding };
  for (const { milestone } of updates) {
    if (!milestone) continue;
    for (const [key, addedAt] of Object.entries(milestone.line.times)) {
      const reported = { ...onboarding[key], addedAt, [`${milestone.kind}At`]: observedAt };
      // A number in service is not looked for again.
      const { cc: _cc, adds: _adds, ...completed } = reported;
      onboarding[key] = milestone.kind === "completed" ? completed : reported;
    }
  }
  return Object.keys(onboarding).length > 0 ? onboarding : undefined;
}
