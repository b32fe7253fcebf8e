/** At this many pending events, a customer's changes wait upstream instead of in its row. */
export const MAX_PENDING_EVENTS = 500;
/** UTF-8 bytes of the pending bodies together: 512 KB. */
export const MAX_PENDING_BYTES = 524_288;

/** The largest body of an event, in UTF-8 bytes. */
export const MAX_BODY_BYTES = 20_000;

/** How long a change for the worse keeps a customer in the priority lane. */
export const WORSE_MS = 86_400_000;
