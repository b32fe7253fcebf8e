import { mayBeFull } from "../changes/limits.ts";
import { isAppError } from "../errors.ts";
import type { CustomerRow, DeliveredEvent } from "../schemas/customer-row.ts";
import {
  HISTORY_PREFIX,
  type HistoryRow,
  historyKey,
  historyRowSchema,
} from "../schemas/outbox-rows.ts";
import { decodeRow } from "../store/rows.ts";
import type { Row, Store } from "../store/store.ts";
import { updateRow } from "../store/update-row.ts";

/** So many history rows are kept of a customer, each with so many events and bytes of bodies. */
const SLOTS = 20;
const MAX_EVENTS = 20;
const MAX_BYTES = 65_536;

type Fields = Pick<CustomerRow, "history" | "fullUntil" | "delivered" | "deliveredCutAt">;

export type HistoryPlan = {
  /** To be written before the customer's row. */
  readonly rows: readonly HistoryRow[];
  /** What the customer's row then says of them. */
  readonly fields: Fields;
};

/**
 * Pure: the history rows that go with the acknowledgement of `fresh` events. A history that an
 * earlier version left in the customer's row gets a row of its own.
 */
export function planHistory(row: CustomerRow, fresh: readonly DeliveredEvent[] = []): HistoryPlan {
  const { delivered: inside = [], deliveredCutAt: cutAt, history } = row;
  const chunks = [{ events: inside, cutAt }, { events: [...fresh] }];
  const rows = chunks
    .filter(({ events }) => events.length > 0)
    .map((chunk, index) => withinBounds({ schema: 1, number: numberOf(row) + index, ...chunk }));
  const lastAt = rows.at(-1)?.events.at(-1)?.deliveredAt;
  const fields = {
    history: lastAt ? { writes: numberOf(row) + rows.length, lastAt } : history,
    fullUntil: fullUntilOf(row, fresh.at(-1)?.deliveredAt),
  };
  return { rows, fields: { ...fields, delivered: undefined, deliveredCutAt: undefined } };
}

function numberOf({ history }: CustomerRow): number {
  return history?.writes ?? 0;
}

/** An acknowledgement, at `at`, may end a time in which the customer was full. */
function fullUntilOf(row: CustomerRow, at: string | undefined): string | undefined {
  const { pending, delivered = [] } = row;
  const known = [row.fullUntil ?? "", row.deliveredCutAt ?? ""].sort().at(-1) ?? "";
  if (mayBeFull([...pending, ...delivered])) return at ?? delivered.at(-1)?.deliveredAt ?? known;
  // A later time than now comes from a wrong clock.
  return (at && known > at ? at : known) || undefined;
}

/** The last 20 events with at most 64 KB of bodies. The oldest go first. */
function withinBounds(row: HistoryRow): HistoryRow {
  const { events } = row;
  let bytes = 0;
  let first = events.length;
  while (first > 0 && events.length - first < MAX_EVENTS) {
    bytes += Buffer.byteLength(events[first - 1]?.body ?? "");
    if (bytes > MAX_BYTES) break;
    first -= 1;
  }
  return {
    ...row,
    events: events.slice(first),
    cutAt: events[first - 1]?.deliveredAt ?? row.cutAt,
  };
}

/**
 * Writes planned rows, each over the customer's oldest one. Whatever is wrong with that one costs
 * history alone, never an acknowledgement.
 */
export async function putHistory(
  store: Store,
  customer: string,
  rows: readonly HistoryRow[],
): Promise<void> {
  for (const row of rows) {
    const key = historyKey(customer, row.number % SLOTS);
    const decide = (there: HistoryRow | undefined) => ({ put: there ? over(there, row) : row });
    await updateRow(store, key, historyRowSchema, decide, { known: "absent" }).catch(
      skipUnreadable,
    );
  }
}

/** The row of the same number is another run's, or that of an earlier try: none of its events go. */
function over(there: HistoryRow, row: HistoryRow): HistoryRow {
  if (there.number !== row.number) {
    return { ...row, cutAt: row.cutAt ?? there.events.at(-1)?.deliveredAt ?? there.cutAt };
  }
  const known = new Set(there.events.map(({ id }) => id));
  const events = [...there.events, ...row.events.filter(({ id }) => !known.has(id))];
  return withinBounds({ ...row, events, cutAt: row.cutAt ?? there.cutAt });
}

export type History = {
  /** In the order of their sequence. */
  readonly events: readonly DeliveredEvent[];
  /** When the newest event was accepted that is no longer kept; undefined if all are. */
  readonly cutAt: string | undefined;
};

/**
 * The events that the receiver accepted at a time or later: at least the customer's last 20, but for
 * large ones.
 */
export async function loadHistory(
  store: Pick<Store, "scan">,
  customer: string,
  { history, delivered = [], deliveredCutAt }: CustomerRow,
  since = new Date(0).toISOString(),
): Promise<History> {
  const isInTime = (at: string) => Date.parse(at) >= Date.parse(since);
  const found =
    history && isInTime(history.lastAt) ? await store.scan(prefixOf(customer), "", SLOTS) : [];
  const rows = found.flatMap((row) => tryDecode(row) ?? []);
  const all = [...rows.flatMap(({ events }) => events), ...delivered];
  // A run that lost a race has put events into two rows.
  const byId = new Map(all.map((event) => [event.id, event]));
  const events = [...byId.values()].filter(({ deliveredAt }) => isInTime(deliveredAt));
  const cuts = [deliveredCutAt, ...rows.map(({ cutAt }) => cutAt)].flatMap((at) => at ?? []);
  return { events: events.sort((a, b) => a.seq - b.seq), cutAt: cuts.sort().at(-1) };
}

/** Deletes the customer's history rows. Resolves to how many events they held. */
export async function eraseHistory(store: Store, customer: string): Promise<number> {
  let events = 0;
  for (const row of await store.scan(prefixOf(customer), "", SLOTS)) {
    events += tryDecode(row)?.events.length ?? 0;
    await store.delete(row.key, row.version);
  }
  return events;
}

function prefixOf(customer: string): string {
  return `${HISTORY_PREFIX}${customer}/`;
}

function tryDecode(row: Row): HistoryRow | undefined {
  try {
    return decodeRow(row.key, row, historyRowSchema);
  } catch (error) {
    return skipUnreadable(error);
  }
}

function skipUnreadable(error: unknown): undefined {
  if (!isAppError(error) || error.code !== "ERR_STORE_ROW") throw error;
}
