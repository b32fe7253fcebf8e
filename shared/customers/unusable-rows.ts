import { isAppError } from "../errors.ts";
import {
  ACCOUNT,
  CUSTOMER_PREFIX,
  type CustomerRow,
  customerKey,
  customerRowSchema,
} from "../schemas/customer-row.ts";
import { decodeRow, type Stored } from "../store/rows.ts";
import type { Store } from "../store/store.ts";
import { clearMarkers } from "./customer.ts";
import { eraseHistory } from "./history.ts";

/** No CustSpaceId begins with `~`, and the sweep passes such rows. */
const WATCH_ROWS = `${CUSTOMER_PREFIX}~`;
const WATCH = "~watch.";
/** Rows looked at in one run. The others follow once these are gone. */
const MAX_ROWS = 500;

/** Whether an error says that this one row cannot be read, or takes no more. */
export function isRowUnusable(error: unknown): boolean {
  return (
    isAppError(error) && (error.code === "ERR_STORE_ROW" || error.code === "ERR_CUSTOMER_TOO_LARGE")
  );
}

/**
 * The row that notes a customer's failures when its own row is unusable. It has a sequence and an
 * outbox of its own: what waits in the customer's row leaves later, and must not look older than
 * these events then.
 */
export function watchRowOf(customer: string): string {
  return WATCH + customer;
}

/** The customer of such a row, or undefined for any other row. */
export function customerOfWatchRow(name: string): string | undefined {
  return name.startsWith(WATCH) ? name.slice(WATCH.length) : undefined;
}

/** Such rows by customer, and the account's own row, as far as this version can read them. */
export async function listWatchRows(store: Pick<Store, "scan">): Promise<{
  readonly customers: ReadonlyMap<string, Stored<CustomerRow>>;
  readonly account: Stored<CustomerRow> | "unreadable" | undefined;
}> {
  const prefix = CUSTOMER_PREFIX + WATCH;
  const customers = new Map<string, Stored<CustomerRow>>();
  let account: Stored<CustomerRow> | "unreadable" | undefined;
  for (const row of await store.scan(WATCH_ROWS, "", MAX_ROWS)) {
    try {
      const value = decodeRow(row.key, row, customerRowSchema);
      const found = { value, version: row.version };
      if (row.key === customerKey(ACCOUNT)) account = found;
      else if (row.key.startsWith(prefix)) customers.set(row.key.slice(prefix.length), found);
    } catch (error) {
      if (!isRowUnusable(error)) throw error;
      if (row.key === customerKey(ACCOUNT) && isDamaged(error)) account = "unreadable";
    }
  }
  return { customers, account };
}

/** Not a row of a newer version, which is left alone. */
function isDamaged(error: unknown): boolean {
  return isAppError(error) && error.code === "ERR_STORE_ROW" && error.reason === "unreadable";
}

/**
 * Removes a row of the watch itself that is damaged. What its next writer notes is worth more.
 *
 * @returns whether it is gone
 */
export async function removeDamaged(store: Store, name: string): Promise<boolean> {
  const key = customerKey(name);
  const found = await store.get(key);
  try {
    if (found) decodeRow(key, found, customerRowSchema);
  } catch (error) {
    if (!isRowUnusable(error)) throw error;
    if (found && isDamaged(error)) return (await store.delete(key, found.version)) === "deleted";
  }
  return false;
}

/** Removes such a row of a customer that is no longer watched, with what it would have sent. */
export async function dropWatchRow(store: Store, customer: string): Promise<void> {
  const name = watchRowOf(customer);
  const found = await store.get(customerKey(name));
  if (found) await store.delete(customerKey(name), found.version);
  await eraseHistory(store, name);
  await clearMarkers(store, name, undefined);
}
