import { isAppError } from "../errors.ts";
import { type CustomerRow, customerKey } from "../schemas/customer-row.ts";
import { hintKey } from "../schemas/hint.ts";
import { DEAD_PREFIX, DUE_PREFIX } from "../schemas/outbox-rows.ts";
import { endOfWait, isAhead } from "../schemas/stored-time.ts";
import { encodeRow } from "../store/rows.ts";
import type { Store } from "../store/store.ts";
import { updateCustomer } from "./customer.ts";
import { eraseHistory } from "./history.ts";
import { dropFromLane } from "./priority-lane.ts";
import { watchRowOf } from "./unusable-rows.ts";

const PAGE = 100;
/** What began before an erasure may still write until then. */
const TOMBSTONE_MS = 86_400_000;

export type Erased = {
  readonly existed: boolean;
  readonly numbers: number;
  /** Not delivered yet. */
  readonly pendingEvents: number;
  readonly deliveredEvents: number;
  readonly deadLetters: number;
};

/**
 * Removes what the store holds of a customer, but for stored responses. A tombstone without personal
 * data stays for a day, so that whatever is in flight takes back what it writes. It stays until a
 * watch or an add if `returns`: a setting or discovery would bring the customer back.
 */
export async function eraseCustomer(
  store: Store,
  customer: string,
  { returns, now }: { readonly returns: boolean; readonly now: () => number },
): Promise<Erased> {
  const before = await putTombstone(store, customer, returns, now());
  const traces = await eraseTraces(store, customer);
  const inside = countOf(before, ({ delivered = [] }) => delivered.length);
  return {
    existed: before !== undefined && before !== "erased",
    numbers: countOf(before, ({ numbers }) => Object.keys(numbers).length),
    pendingEvents: countOf(before, ({ pending }) => pending.length),
    deliveredEvents: inside + traces.deliveredEvents,
    deadLetters: traces.deadLetters,
  };
}

type Before = CustomerRow | "unreadable" | "erased" | undefined;

function countOf(before: Before, count: (row: CustomerRow) => number): number {
  return typeof before === "object" ? count(before) : 0;
}

async function putTombstone(
  store: Store,
  customer: string,
  returns: boolean,
  now: number,
): Promise<Before> {
  const erasedAt = new Date(now).toISOString();
  const tombstoneUntil = returns ? undefined : new Date(now + TOMBSTONE_MS).toISOString();
  const marks = { numbers: {}, pending: [], removedAt: erasedAt, erasedAt, tombstoneUntil };
  const tombstone = (seq: number) => ({ schema: 1, seq, ...marks });
  try {
    const put = (row?: CustomerRow) => ({ put: tombstone(row?.seq ?? now) });
    const { before } = await updateCustomer(store, customer, put);
    return before?.erasedAt ? "erased" : before;
  } catch (error) {
    if (!isAppError(error) || error.code !== "ERR_STORE_ROW") throw error;
    // Damaged, or of a newer version: it holds personal data all the same.
    const key = customerKey(customer);
    const found = await store.get(key);
    const outcome = await store.put(key, encodeRow(tombstone(now)), found?.version ?? "absent");
    return outcome === "stored" ? "unreadable" : putTombstone(store, customer, returns, now);
  }
}

/** Removes what may lie beside a tombstone. Resolves to counts of it. */
async function eraseTraces(store: Store, customer: string) {
  await dropFromLane(store, customer);
  for (const key of [customerKey(watchRowOf(customer)), hintKey(customer)]) {
    const beside = await store.get(key);
    if (beside) await store.delete(key, beside.version);
  }
  let deadLetters = 0;
  let deliveredEvents = 0;
  for (const name of [customer, watchRowOf(customer)]) {
    await deleteAll(store, `${DUE_PREFIX}${name}/`);
    deadLetters += await deleteAll(store, `${DEAD_PREFIX}${name}/`);
    deliveredEvents += await eraseHistory(store, name);
  }
  return { deadLetters, deliveredEvents };
}

async function deleteAll(store: Store, prefix: string): Promise<number> {
  let deleted = 0;
  for (;;) {
    const rows = await store.scan(prefix, "", PAGE);
    for (const { key, version } of rows) {
      if ((await store.delete(key, version)) === "deleted") deleted += 1;
    }
    if (rows.length < PAGE) return deleted;
  }
}

/** Whether a customer was erased at this time or later, wall clock in ms, by a clock that is right. */
export function isErasedSince(row: CustomerRow | undefined, begunAt: number, now: number): boolean {
  const erasedAt = Date.parse(row?.erasedAt ?? "");
  return erasedAt >= begunAt && !isAhead(erasedAt, now);
}

/**
 * For a day, erases again what something in flight has written beside a tombstone. Resolves to
 * whether that day is over by this clock and the tombstone need not stay.
 */
export async function tendTombstone(
  store: Store,
  customer: string,
  { erasedAt, tombstoneUntil }: CustomerRow,
  now: number,
): Promise<boolean> {
  if (!erasedAt) return false;
  const until = Date.parse(erasedAt) + TOMBSTONE_MS;
  // One that stays would cost each sweep these calls for good.
  if (endOfWait(until, TOMBSTONE_MS, now) <= now) return tombstoneUntil !== undefined;
  await eraseTraces(store, customer);
  return false;
}

/** Removes a tombstone whose day is over, by a clock that is known to be right. */
export async function removeTombstone(
  store: Store,
  { customer, version }: { readonly customer: string; readonly version: string },
): Promise<void> {
  await eraseTraces(store, customer);
  await store.delete(customerKey(customer), version);
}
