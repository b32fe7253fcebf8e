import { customerKey, newCustomerRow } from "../schemas/customer-row.ts";
import { encodeRow } from "../store/rows.ts";
import type { Store } from "../store/store.ts";

/**
 * Puts customers on the watch list; those that are on it, or were taken off by an operator, stay as
 * they are.
 *
 * @returns those that are new
 */
export async function watchCustomers(
  store: Store,
  customers: readonly string[],
  now: () => number,
): Promise<string[]> {
  const added: string[] = [];
  for (const customer of customers) {
    const row = encodeRow(newCustomerRow(now()));
    const outcome = await store.put(customerKey(customer), row, "absent");
    if (outcome === "stored") added.push(customer);
  }
  return added;
}

/** The environment's list, looked at once per instance. */
export async function ensureWatched(
  store: Store,
  customers: readonly string[],
  ensured: Set<string>,
  now: () => number,
): Promise<void> {
  const unsure = customers.filter((customer) => !ensured.has(customer));
  await watchCustomers(store, unsure, now);
  for (const customer of unsure) ensured.add(customer);
}
