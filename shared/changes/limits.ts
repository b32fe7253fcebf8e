/** At this many pending events, a customer's changes wait upstream instead of in its row. */
export const MAX_PENDING_EVENTS = 500;
/** UTF-8 bytes of the pending bodies together: 512 KB. */
export const MAX_PENDING_BYTES = 524_288;

/** The largest body of an event, in UTF-8 bytes. */
export const MAX_BODY_BYTES = 20_000;

/** The most events that one read makes of one number: returned, changed and a milestone. */
const MAX_EVENTS_OF_NUMBER = 3;

/** Whether a customer with these pending events may have no room for another number's changes. */
export function mayBeFull(pending: readonly { readonly body: string }[]): boolean {
  const bytes = pending.reduce((sum, { body }) => sum + Buffer.byteLength(body), 0);
  return (
    pending.length + MAX_EVENTS_OF_NUMBER > MAX_PENDING_EVENTS ||
    bytes + MAX_EVENTS_OF_NUMBER * MAX_BODY_BYTES > MAX_PENDING_BYTES
  );
}

/** How long a change for the worse keeps a customer in the priority lane. */
export const WORSE_MS = 86_400_000;
