import type { PageChange, PageState } from "./state.ts";

/** What a client that has `before` needs to have `after`; undefined for nothing. */
export function changeBetween(before: PageState, after: PageState): PageChange | undefined {
  const old = new Map(before.customers.map((customer) => [customer.id, JSON.stringify(customer)]));
  const kept = new Set(after.customers.map(({ id }) => id));
  const customers = after.customers.filter((one) => old.get(one.id) !== JSON.stringify(one));
  const removedCustomers = [...old.keys()].filter((id) => !kept.has(id));
  const known = before.events.reduce((most, { revision }) => Math.max(most, revision), 0);
  const events = after.events.filter(({ revision }) => revision > known);
  const isSame = JSON.stringify(before.overview) === JSON.stringify(after.overview);
  const change = {
    ...(isSame ? {} : { overview: after.overview }),
    ...(customers.length > 0 ? { customers } : {}),
    ...(removedCustomers.length > 0 ? { removedCustomers } : {}),
    ...(before.unsentCustomers === after.unsentCustomers
      ? {}
      : { unsentCustomers: after.unsentCustomers }),
    ...(events.length > 0 ? { events } : {}),
  };
  return Object.keys(change).length === 0 ? undefined : { now: after.now, ...change };
}
