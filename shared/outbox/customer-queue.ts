/** What follows a delivery: another turn now, one after a wait (wall clock, ms), or none. */
export type NextTurn = "ready" | "none" | { readonly waitsUntil: number };

/** Of so many turns one goes to a customer without critical events, if there is one. */
const TURNS = 4;

/** Where the customers behind this one begin, in the order of the markers' keys. */
export const placeAfter = (customer: string): string => `${customer}/~`;

/** The customers with events to deliver: each is ready, waiting or in flight. */
export type CustomerQueue = {
  /** One that waits goes on waiting. One in flight has another turn afterwards. */
  add(customer: string, isCritical?: boolean): void;
  /**
   * The next customer, in flight from now on: critical ones have three turns of four. Among equals
   * the one that had no turn yet, or has been ready longest.
   */
  take(): string | undefined;
  /**
   * The next customer for a probe: the first in key order from `place` on that is ready and had no
   * turn yet, and then the first of all of these. So an event that fails alone is not every probe.
   *
   * @param place where this run begins; "" for the order of `take`
   */
  takeProbe(place: string): string | undefined;
  /** Ends the turn of a customer in flight. */
  release(customer: string, next: NextTurn, isCritical?: boolean): void;
  /** Makes ready whose wait is over; `now` is the wall clock in ms. */
  endWaits(now: number): void;
  isInFlight(customer: string): boolean;
  /** Ready, and without a turn so far. */
  isFresh(customer: string): boolean;
  readyCount(): number;
  freshCount(): number;
  /** When the first wait ends, on the wall clock in ms; undefined if no customer waits. */
  firstWaitEnd(): number | undefined;
};

/** An empty queue. It gives no customer two turns at once, which keeps its events in order. */
export function createCustomerQueue(): CustomerQueue {
  const critical = { fresh: new Set<string>(), served: new Set<string>() };
  const normal = { fresh: new Set<string>(), served: new Set<string>() };
  const all = [critical.fresh, critical.served, normal.fresh, normal.served];
  const waiting = new Map<string, number>();
  const inFlight = new Set<string>();
  const addedInFlight = new Set<string>();
  let turns = 0;

  const isReady = (customer: string) => all.some((set) => set.has(customer));

  function makeReady(customer: string, isCritical: boolean, wasServed: boolean): void {
    if (isReady(customer) && !isCritical) return;
    for (const set of all) set.delete(customer);
    const lane = isCritical ? critical : normal;
    (wasServed ? lane.served : lane.fresh).add(customer);
  }

  function begin(customer: string): string {
    turns += 1;
    for (const set of all) set.delete(customer);
    inFlight.add(customer);
    return customer;
  }

  function take(): string | undefined {
    const isNormalsTurn = turns % TURNS === TURNS - 1;
    const order = isNormalsTurn ? [normal, critical] : [critical, normal];
    const sets = order.flatMap(({ fresh, served }) => [fresh, served]);
    const [customer] = sets.find(({ size }) => size > 0) ?? [];
    return customer === undefined ? undefined : begin(customer);
  }

  return {
    add(customer, isCritical = false) {
      if (waiting.has(customer)) return;
      if (inFlight.has(customer)) addedInFlight.add(customer);
      else makeReady(customer, isCritical, false);
    },
    take,
    takeProbe(place) {
      if (place === "") return take();
      const fresh = [...critical.fresh, ...normal.fresh].map((customer) => `${customer}/`).sort();
      const next = fresh.find((position) => position >= place) ?? fresh[0];
      return next === undefined ? take() : begin(next.slice(0, -1));
    },
    release(customer, next, isCritical = false) {
      inFlight.delete(customer);
      const wasAdded = addedInFlight.delete(customer);
      if (typeof next === "object") waiting.set(customer, next.waitsUntil);
      else if (next === "ready" || wasAdded) makeReady(customer, isCritical, true);
    },
    endWaits(now) {
      for (const [customer, until] of waiting) {
        if (until > now) continue;
        waiting.delete(customer);
        makeReady(customer, false, true);
      }
    },
    isInFlight: (customer) => inFlight.has(customer),
    isFresh: (customer) => critical.fresh.has(customer) || normal.fresh.has(customer),
    readyCount: () => all.reduce((sum, { size }) => sum + size, 0),
    freshCount: () => critical.fresh.size + normal.fresh.size,
    firstWaitEnd: () => (waiting.size > 0 ? Math.min(...waiting.values()) : undefined),
  };
}
