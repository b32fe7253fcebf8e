import { randomBytes } from "node:crypto";
import { type CustomerRow, customerKey } from "../../shared/schemas/customer-row.ts";
import type { PhoneNumberItem } from "../../shared/schemas/upstream.ts";
import { createMemoryStore } from "../../shared/store/memory.ts";
import { openStore } from "../../shared/store/open-store.ts";
import type { Row, Store } from "../../shared/store/store.ts";
import { item, rowOf, stateOf } from "../support/watch-builders.ts";

const PREFIX = "cust-";
const DIGITS = 7;
const newVersion = () => randomBytes(12).toString("base64url");

export function customerId(index: number): string {
  return `${PREFIX}${String(index).padStart(DIGITS, "0")}`;
}

/** A customer's one number, as its row stores it and as the upstream lists it. */
export function numberOf(customer: string): PhoneNumberItem {
  return item(`4915${customer.slice(PREFIX.length)}`);
}

function rowText(customer: string): string {
  const { PhoneNumber } = numberOf(customer);
  return JSON.stringify(rowOf({ [PhoneNumber]: stateOf() }) satisfies CustomerRow);
}

/**
 * Customers' rows that exist only while they are looked at, so that none of them lies in the memory
 * of the process that is measured. Everything else is kept as in any store.
 */
function createGeneratedStore(customers: number): Store {
  const rest = createMemoryStore({ newVersion });
  const first = customerKey(PREFIX);
  const rowAt = (index: number): Row => {
    const customer = customerId(index);
    return { key: customerKey(customer), value: rowText(customer), version: "generated" };
  };
  return {
    ...rest,
    async get(key) {
      if (!key.startsWith(first)) return rest.get(key);
      const { value, version } = rowAt(Number(key.slice(first.length)));
      return { value, version };
    },
    async put(key, ...written) {
      return key.startsWith(first) ? "conflict" : rest.put(key, ...written);
    },
    async scan(prefix, after, limit) {
      if (prefix !== customerKey("")) return rest.scan(prefix, after, limit);
      const start = after === "" ? 0 : Number(after.slice(first.length)) + 1;
      const count = Math.max(0, Math.min(limit, customers - start));
      return Array.from({ length: count }, (_, n) => rowAt(start + n));
    },
  };
}

/** `generated`, or a STORE_URL whose store is empty: it is filled with the same rows. */
export async function openSweepStore(name: string, customers: number): Promise<Store> {
  if (name === "generated") return createGeneratedStore(customers);
  const store = await openStore(name, { newVersion });
  if ((await store.scan("", "", 1)).length > 0) {
    await store.close();
    throw new Error("the store is not empty: give the bench an empty one, which it fills");
  }
  for (let index = 0; index < customers; index += 1) {
    const customer = customerId(index);
    await store.put(customerKey(customer), rowText(customer), "absent");
  }
  return store;
}

export type StoreCounts = { get: number; scan: number; put: number; delete: number };

/** Counts operations. An unchanged customer must not cost any of `customerWrites`. */
export function countOperations(store: Store) {
  const counts: StoreCounts = { get: 0, scan: 0, put: 0, delete: 0 };
  let customerWrites = 0;
  const write = (operation: "put" | "delete", key: string) => {
    counts[operation] += 1;
    if (key.startsWith(customerKey(PREFIX))) customerWrites += 1;
  };
  const counted: Store = {
    get(key) {
      counts.get += 1;
      return store.get(key);
    },
    scan(...page) {
      counts.scan += 1;
      return store.scan(...page);
    },
    put(key, ...rest) {
      write("put", key);
      return store.put(key, ...rest);
    },
    delete(key, ...rest) {
      write("delete", key);
      return store.delete(key, ...rest);
    },
    close: () => store.close(),
  };
  return { store: counted, counts, customerWrites: () => customerWrites };
}
