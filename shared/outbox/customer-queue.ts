/** What follows a delivery: another turn now, one after a wait (wall clock, ms), or none. */
export type NextTurn = "ready" | "none" | { readonly waitsUntil: number };

/** The customers with events to deliver: each is ready, waiting or in flight. */
export type CustomerQueue = {
  /** One that waits goes on waiting. One in flight has another turn afterwards. */
  add(customer: string): void;
  /** The customer that has been ready longest, in flight from now on. */
  take(): string | undefined;
  /** Ends the turn of a customer in flight. */
  release(customer: string, next: NextTurn): void;
  /** Makes ready whose wait is over; `now` is the wall clock in ms. */
  endWaits(now: number): void;
  readyCount(): number;
  /** When the first wait ends, on the wall clock in ms; undefined if no customer waits. */
  firstWaitEnd(): number | undefined;
};

/** An empty queue. It gives no customer two turns at once, which keeps its events in order. */
export function createCustomerQueue(): CustomerQueue {
  const ready = new Set<string>();
  const waiting = new Map<string, number>();
  const inFlight = new Set<string>();
  const addedInFlight = new Set<string>();

  return {
    add(customer) {
      if (waiting.has(customer)) return;
      (inFlight.has(customer) ? addedInFlight : ready).add(customer);
    },
    take() {
      const [customer] = ready;
      if (customer === undefined) return undefined;
      ready.delete(customer);
      inFlight.add(customer);
      return customer;
    },
    release(customer, next) {
      inFlight.delete(customer);
      const wasAdded = addedInFlight.delete(customer);
      if (typeof next === "object") waiting.set(customer, next.waitsUntil);
      else if (next === "ready" || wasAdded) ready.add(customer);
    },
    endWaits(now) {
      for (const [customer, until] of waiting) {
        if (until > now) continue;
        waiting.delete(customer);
        ready.add(customer);
      }
    },
    readyCount: () => ready.size,
    firstWaitEnd: () => (waiting.size > 0 ? Math.min(...waiting.values()) : undefined),
  };
}
