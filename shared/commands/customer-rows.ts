import { loadCustomer } from "../customers/customer.ts";
import { customerOfWatchRow } from "../customers/unusable-rows.ts";
import {
  ACCOUNT,
  CUSTOMER_PREFIX,
  type CustomerRow,
  customerKey,
  customerRowSchema,
} from "../schemas/customer-row.ts";
import { type Stored, scanAll } from "../store/rows.ts";
import type { Store } from "../store/store.ts";
import { skipUnreadable, tryDecode } from "./try-decode.ts";

export type FoundCustomer = {
  readonly customer: string;
  /** Undefined if this version cannot read it. */
  readonly stored: Stored<CustomerRow> | undefined;
  /** Set if an earlier answer ended within this customer: the second part of its cursor. */
  readonly resumeFrom: string | undefined;
  readonly cursor: string;
};

type Choice = {
  /** Without it, every customer, and the account's own row at the end. */
  readonly customer?: string;
  /** `<customer>`, or `<customer>/<place>` to begin within a customer. */
  readonly after?: string;
  /** Rows per scan. */
  readonly pageSize?: number;
};

/** The chosen customers' rows in key order. */
export async function* findCustomers(
  store: Store,
  { customer, after = "", pageSize }: Choice,
): AsyncGenerator<FoundCustomer> {
  const [last = "", place] = after.split("/");
  const single = customer ?? (place === undefined ? undefined : last);
  if (single !== undefined) {
    const found = await skipUnreadable(() => loadCustomer(store, single));
    const stored = found === "unreadable" ? undefined : found;
    const resumeFrom = single === last ? place : undefined;
    if (found) yield { customer: single, stored, resumeFrom, cursor: single };
  }
  if (customer !== undefined) return;
  const from = last === "" ? "" : customerKey(last);
  for await (const row of scanAll(store, CUSTOMER_PREFIX, from, pageSize)) {
    const name = row.key.slice(CUSTOMER_PREFIX.length);
    const value = tryDecode(row, customerRowSchema);
    const stored = value && { value, version: row.version };
    yield { customer: name, stored, resumeFrom: undefined, cursor: name };
  }
}

/**
 * The rows of customers, without the account's own. At their end come, with `notes`, the rows that
 * note failures of customers whose own rows are unusable.
 */
export async function* customersOnly(
  found: AsyncIterable<FoundCustomer>,
): AsyncGenerator<FoundCustomer & { readonly notes?: string }> {
  for await (const one of found) {
    if (one.customer === ACCOUNT) continue;
    const notes = customerOfWatchRow(one.customer);
    yield notes === undefined ? one : { ...one, notes };
  }
}
