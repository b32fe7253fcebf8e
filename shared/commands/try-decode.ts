import type * as z from "zod/mini";
import { loadCustomer } from "../customers/customer.ts";
import { isAppError } from "../errors.ts";
import type { CustomerRow } from "../schemas/customer-row.ts";
import { decodeRow, type Stored } from "../store/rows.ts";
import type { Row, Store } from "../store/store.ts";

/**
 * A row as its schema says, or undefined for one that this version cannot read: one such row must
 * not keep an operator from seeing all the others.
 */
export function tryDecode<S extends z.core.$ZodType>(row: Row, schema: S): z.output<S> | undefined {
  try {
    return decodeRow(row.key, row, schema);
  } catch (error) {
    if (isUnreadable(error)) return undefined;
    throw error;
  }
}

/**
 * What a step gives, or `unreadable` when it met a row that this version cannot read. For steps
 * that concern one customer: the others of the same command are not to suffer for it.
 */
export async function skipUnreadable<T>(step: () => Promise<T>): Promise<T | "unreadable"> {
  try {
    return await step();
  } catch (error) {
    if (isUnreadable(error)) return "unreadable";
    throw error;
  }
}

/** One customer's row, `unreadable`, or undefined when there is none. */
export function readCustomerIfReadable(
  store: Store,
  customer: string,
): Promise<Stored<CustomerRow> | "unreadable" | undefined> {
  return skipUnreadable(() => loadCustomer(store, customer));
}

function isUnreadable(error: unknown): boolean {
  return isAppError(error) && error.code === "ERR_STORE_ROW";
}
