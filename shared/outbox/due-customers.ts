import { DUE_PREFIX, parseEventKey } from "../schemas/outbox-rows.ts";
import type { Store } from "../store/store.ts";
import type { CustomerQueue } from "./customer-queue.ts";

const PAGE = 100;
/** The store is asked for further customers when fewer than this many are ready. */
const READY_LOW = 50;

/** The customers that earlier runs left with pending events, listed once in key order. */
export type DueCustomers = {
  /** Adds further customers until enough are ready or all are listed. */
  refill(queue: CustomerQueue): Promise<void>;
  areAllListed(): boolean;
};

export function createDueCustomers(store: Pick<Store, "scan">): DueCustomers {
  let after: string | undefined = "";
  return {
    async refill(queue) {
      while (after !== undefined && queue.readyCount() < READY_LOW) {
        const page = await store.scan(DUE_PREFIX, after, PAGE);
        const customers = page.map(({ key }) => parseEventKey(key).customer);
        for (const customer of customers) queue.add(customer);
        // A customer needs one turn, however many markers it has. Skip the rest of them.
        after = page.length < PAGE ? undefined : `${DUE_PREFIX}${customers.at(-1)}/~`;
      }
    },
    areAllListed: () => after === undefined,
  };
}
