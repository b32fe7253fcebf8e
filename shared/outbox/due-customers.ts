import { DUE_PREFIX, parseEventKey } from "../schemas/outbox-rows.ts";
import type { Row, Store } from "../store/store.ts";
import type { Acknowledgements } from "./acknowledgements.ts";
import { type CustomerQueue, placeAfter } from "./customer-queue.ts";

const PAGE = 100;
/** The store is asked for further customers when fewer than this many have had no turn. */
const FRESH_LOW = 50;

/** The customers that earlier runs left with pending events, listed once in key order. */
export type DueCustomers = {
  /** Adds further customers until enough have had no turn, or all are listed. */
  refill(): Promise<void>;
  areAllListed(): boolean;
  /** All are listed, and there was none. */
  isEmpty(): boolean;
  /** A customer, or a place behind one, with which the next run begins; "" for the first of all. */
  place(): string;
};

/** @param from the place to begin with. Customers before it come last. */
export function createDueCustomers(
  store: Pick<Store, "scan">,
  queue: CustomerQueue,
  { noteMarkers }: Pick<Acknowledgements, "noteMarkers">,
  from: string,
): DueCustomers {
  const start = `${DUE_PREFIX}${from}`;
  const listed: string[] = [];
  let after: string | undefined = from === "" ? "" : start;
  let hasWrapped = from === "";

  function note(rows: readonly Row[], isWhole: boolean): void {
    const [first] = rows;
    if (!first) return;
    const { customer } = parseEventKey(first.key);
    listed.push(customer);
    if (isWhole) noteMarkers(customer, rows);
    const isCritical = rows.some(({ value }) => value.includes('"critical"'));
    queue.add(customer, isCritical);
  }

  async function listPage(position: string): Promise<string | undefined> {
    const found = await store.scan(DUE_PREFIX, position, PAGE);
    const page = found.filter(({ key }) => !hasWrapped || from === "" || key < start);
    const groups = new Map<string, Row[]>();
    for (const row of page) {
      const { customer } = parseEventKey(row.key);
      groups.set(customer, [...(groups.get(customer) ?? []), row]);
    }
    const isEnd = page.length < PAGE;
    const last = [...groups.keys()].at(-1);
    for (const [customer, rows] of groups) note(rows, isEnd || customer !== last);
    // A customer needs one turn, however many markers it has. Skip the rest of them.
    if (!isEnd) return `${DUE_PREFIX}${placeAfter(last ?? "")}`;
    if (hasWrapped) return undefined;
    hasWrapped = true;
    return "";
  }

  return {
    async refill() {
      while (after !== undefined && queue.freshCount() < FRESH_LOW) after = await listPage(after);
    },
    areAllListed: () => after === undefined,
    isEmpty: () => after === undefined && listed.length === 0,
    place() {
      const unserved = listed.find((customer) => queue.isFresh(customer));
      if (unserved !== undefined) return unserved;
      return (after ?? "").slice(DUE_PREFIX.length);
    },
  };
}
