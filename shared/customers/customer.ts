import { type CustomerRow, customerKey, customerRowSchema } from "../schemas/customer-row.ts";
import { DUE_PREFIX, dueKey, isCritical, parseEventKey } from "../schemas/outbox-rows.ts";
import { notAfter } from "../schemas/stored-time.ts";
import { encodeRow, readRow, type Stored } from "../store/rows.ts";
import type { Row, Store, Version } from "../store/store.ts";
import { type RowChange, type RowUpdate, updateRow } from "../store/update-row.ts";
import { planHistory, putHistory } from "./history.ts";

const MARKER_PAGE = 100;
const MARKER_TRIES = 10;

/** The customer's row, or undefined if there is none. */
export function loadCustomer(
  store: Store,
  customer: string,
): Promise<Stored<CustomerRow> | undefined> {
  return readRow(store, customerKey(customer), customerRowSchema);
}

/** Changes a customer's row as `updateRow` does, with a marker for new events. */
export function updateCustomer(
  store: Store,
  customer: string,
  decide: (row: CustomerRow | undefined) => RowChange<CustomerRow>,
  known?: Stored<CustomerRow> | "absent",
): Promise<RowUpdate<CustomerRow>> {
  const beforePut = (next: CustomerRow, before: CustomerRow | undefined) =>
    putMarker(store, customer, next, before);
  return updateRow(store, customerKey(customer), customerRowSchema, decide, { known, beforePut });
}

/**
 * Writes a customer's next row unless the stored one has changed since it was read.
 *
 * @throws CustomerTooLargeError, before anything is written
 */
export async function commitRow(
  store: Store,
  customer: string,
  before: Stored<CustomerRow>,
  next: CustomerRow,
): Promise<"stored" | "conflict"> {
  const { rows, fields } = planHistory(next);
  const text = encodeRow(rows.length > 0 ? { ...next, ...fields } : next);
  await putHistory(store, customer, rows);
  await putMarker(store, customer, next, before.value);
  return store.put(customerKey(customer), text, before.version);
}

/**
 * Marks a customer whose next row holds new events as due. The marker goes first: a process that
 * dies between the two leaves a marker without an event, which costs one read. An event without a
 * marker would wait for the next sweep.
 */
async function putMarker(
  store: Store,
  customer: string,
  next: CustomerRow,
  before: CustomerRow | undefined,
): Promise<void> {
  const newest = next.pending.at(-1);
  if (!newest || newest.seq <= (before?.seq ?? 0)) return;
  const fresh = next.pending.filter(({ seq }) => seq > (before?.seq ?? 0));
  const severity = fresh.some(isCritical) ? "critical" : undefined;
  const key = dueKey(customer, next.seq);
  const marker = encodeRow({ schema: 1, severity });
  let there: Version | undefined;
  // A marker that is there for long may be about to be deleted, which a new version prevents.
  for (let tries = 0; tries < MARKER_TRIES; tries += 1) {
    if ((await store.put(key, marker, there ?? "absent")) === "stored") return;
    there = (await store.get(key))?.version;
  }
}

const MARKER_AGE_MS = 3_600_000;

/** What the caller has just read. An older row is safe: its sequence is below newer markers. */
type KnownMarkers = {
  readonly row: CustomerRow;
  readonly markers?: readonly Row[] | undefined;
};

/**
 * Deletes the customer's markers whose events are no longer pending. A marker above the row's
 * sequence stays for an hour: its row may be about to be written. Markers are listed before the row
 * is read, so without a row no such write can still succeed.
 *
 * @returns whether a marker is left although no event is pending
 * @param now undefined while nothing shows that this clock is right: then no marker is old
 */
export async function clearMarkers(
  store: Store,
  customer: string,
  now: number | undefined,
  known?: KnownMarkers,
): Promise<boolean> {
  const prefix = `${DUE_PREFIX}${customer}/`;
  for (;;) {
    const markers = known?.markers ?? (await store.scan(prefix, "", MARKER_PAGE));
    if (markers.length === 0) return false;
    const row = known?.row ?? (await loadCustomer(store, customer))?.value;
    const oldest = row?.pending[0]?.seq ?? Number.POSITIVE_INFINITY;
    const isPast = (seq: number) => !row || (row.seq >= seq && seq < oldest);
    const past = markers.filter(({ key }) => isPast(parseEventKey(key).seq));
    for (const marker of past) await store.delete(marker.key, marker.version);
    const orphans = row?.pending.length === 0 ? markers.filter((one) => !past.includes(one)) : [];
    if (now !== undefined) for (const marker of orphans) await ageMarker(store, marker, now);
    if (known?.markers || past.length < MARKER_PAGE) return orphans.length > 0;
  }
}

/** A marker's row is written within an hour of the marker, or never. So note when it was seen. */
async function ageMarker(store: Store, marker: Row, now: number): Promise<void> {
  const noted = /"seenAt":(\d+)/.exec(marker.value)?.[1];
  if (noted === undefined) {
    await store.put(marker.key, encodeRow({ schema: 1, seenAt: now }), marker.version);
  } else if (now - notAfter(Number(noted), now) >= MARKER_AGE_MS) {
    await store.delete(marker.key, marker.version);
  }
}
