import type { CustomerView, EventView, PageChange, PageState } from "../state.ts";

/** What the page knows. */
export type Model = Omit<PageState, "customers" | "events"> & {
  readonly customers: ReadonlyMap<string, CustomerView>;
  readonly events: readonly EventView[];
  /** The server's clock less this machine's, ms. */
  readonly skew: number;
};

/** As many as the server keeps. */
const KEPT_EVENTS = 100;

export function fromSnapshot(state: PageState): Model {
  const customers = new Map(state.customers.map((customer) => [customer.id, customer]));
  return { ...state, customers, skew: state.now - Date.now() };
}

export function withChange(model: Model, change: PageChange): Model {
  const { customers: changed = [], removedCustomers = [], events = [], ...rest } = change;
  const customers = new Map(model.customers);
  for (const customer of changed) customers.set(customer.id, customer);
  for (const id of removedCustomers) customers.delete(id);
  const byKey = new Map([...model.events, ...events].map((event) => [event.key, event]));
  return {
    ...model,
    ...rest,
    customers,
    events: [...byKey.values()].sort((a, b) => a.key - b.key).slice(-KEPT_EVENTS),
    skew: change.now - Date.now(),
  };
}
