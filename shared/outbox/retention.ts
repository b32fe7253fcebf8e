import { isAppError } from "../errors.ts";
import {
  CUSTOMER_PREFIX,
  type CustomerRow,
  customerRowSchema,
  type DeliveredEvent,
} from "../schemas/customer-row.ts";
import {
  DEAD_PREFIX,
  deadRowSchema,
  HISTORY_PREFIX,
  type HistoryRow,
  historyRowSchema,
} from "../schemas/outbox-rows.ts";
import { isoNotAfter } from "../schemas/stored-time.ts";
import { decodeRow, encodeRow } from "../store/rows.ts";
import type { Row, Store } from "../store/store.ts";
import { type RowChange, updateRow } from "../store/update-row.ts";

const DAY_MS = 86_400_000;
/** Dead letters are announced so long before they go. */
const NOTICE_MS = 7 * DAY_MS;
/** A history row holds up to 64 KB. */
const PAGE = 50;
/** The history of earlier versions lies in the customers' own rows, until an event leaves. */
const PREFIXES = [DEAD_PREFIX, HISTORY_PREFIX, CUSTOMER_PREFIX];

export type Retention = {
  /** How long a dead letter or delivered event is kept, in ms. */
  readonly keptMs: number;
  readonly now: number;
  readonly hasTime: () => boolean;
};

/** Where the next call continues; "" when the pass has ended, at `endedAt` in ms. */
export type RetentionPlace = {
  readonly cursor: string;
  readonly endedAt: number;
  /** How long the pass that ended then kept events. Absent from the rows of earlier versions. */
  readonly keptMs?: number | undefined;
};

export type Expired = {
  readonly place: RetentionPlace;
  readonly deadLetters: number;
  readonly deliveredEvents: number;
  /** Dead letters that go within a week, or with the next pass if they are overdue. */
  readonly soon: number;
};

/**
 * Deletes dead letters and delivered events by age, in one pass a day. A pending event never goes.
 * Call it with a clock that is known to be right.
 */
export async function expireEvents(
  store: Store,
  place: RetentionPlace = { cursor: "", endedAt: 0 },
  retention: Retention,
): Promise<Expired> {
  const { now, keptMs, hasTime } = retention;
  const pass = { ...retention, last: place };
  const counts = { deadLetters: 0, deliveredEvents: 0, soon: 0 };
  const isDue = place.endedAt > now || now - place.endedAt >= DAY_MS;
  if (place.cursor === "" && !isDue) return { place, ...counts };
  let after = place.cursor || DEAD_PREFIX;
  while (hasTime()) {
    const at = PREFIXES.findIndex((prefix) => after.startsWith(prefix));
    const [prefix = "", next] = PREFIXES.slice(at);
    const rows = await store.scan(prefix, after, PAGE);
    for (const row of rows) await skipUnreadable(() => expireRow(store, row, pass, counts));
    const last = rows.length === PAGE ? rows.at(-1)?.key : undefined;
    if (!last && !next) return { place: { cursor: "", endedAt: now, keptMs }, ...counts };
    after = last ?? next ?? "";
  }
  return { place: { ...place, cursor: after }, ...counts };
}

type Pass = Retention & { readonly last: RetentionPlace };
type Counts = { deadLetters: number; deliveredEvents: number; soon: number };

async function expireRow(store: Store, row: Row, retention: Pass, counts: Counts): Promise<void> {
  if (row.key.startsWith(DEAD_PREFIX)) return expireDead(store, row, retention, counts);
  if (row.key.startsWith(CUSTOMER_PREFIX)) return expireInside(store, row, retention, counts);
  const { keptMs, now } = retention;
  const value = decodeRow(row.key, row, historyRowSchema);
  const change = (found: HistoryRow | undefined) =>
    found ? withoutOld(found, now - keptMs, now) : "keep";
  const known = { value, version: row.version };
  const done = await updateRow(store, row.key, historyRowSchema, change, { known });
  counts.deliveredEvents += (done.before?.events.length ?? 0) - (done.row?.events.length ?? 0);
}

/** Whether the last pass has announced a dead letter, which may have been kept for longer then. */
function isAnnounced(diedAt: number, { last, now }: Pass): boolean {
  const { endedAt, keptMs = Number.POSITIVE_INFINITY } = last;
  return diedAt <= endedAt && endedAt <= now && keptMs - (endedAt - diedAt) <= NOTICE_MS;
}

async function expireDead(store: Store, row: Row, pass: Pass, counts: Counts): Promise<void> {
  const { keptMs, now } = pass;
  const { key, version } = row;
  const value = decodeRow(key, row, deadRowSchema);
  const diedAt = isoNotAfter(value.diedAt, now);
  const leftMs = keptMs - (now - Date.parse(diedAt));
  if (leftMs <= 0 && isAnnounced(Date.parse(diedAt), pass)) {
    if ((await store.delete(key, version)) === "deleted") counts.deadLetters += 1;
    return;
  }
  if (leftMs <= NOTICE_MS) counts.soon += 1;
  // A wrong clock wrote it, and it would stay for longer than it may.
  if (diedAt !== value.diedAt) await store.put(key, encodeRow({ ...value, diedAt }), version);
}

async function expireInside(
  store: Store,
  row: Row,
  { keptMs, now }: Retention,
  counts: Counts,
): Promise<void> {
  // Cheaper than to read every row as JSON.
  if (!row.value.includes('"delivered":[{')) return;
  const known = { value: decodeRow(row.key, row, customerRowSchema), version: row.version };
  const change = (found: CustomerRow | undefined): RowChange<CustomerRow> => {
    const { delivered: events = [], deliveredCutAt: cutAt } = found ?? {};
    if (!found || events.length === 0) return "keep";
    const kept = withoutOld({ events, cutAt }, now - keptMs, now);
    if (kept === "keep") return "keep";
    const none: Partial<Kept> = { cutAt: events.at(-1)?.deliveredAt };
    const left = kept === "delete" ? none : kept.put;
    return { put: { ...found, delivered: left.events, deliveredCutAt: left.cutAt } };
  };
  const done = await updateRow(store, row.key, customerRowSchema, change, { known });
  counts.deliveredEvents +=
    (done.before?.delivered?.length ?? 0) - (done.row?.delivered?.length ?? 0);
}

type Kept = Pick<HistoryRow, "events" | "cutAt">;

function withoutOld<R extends Kept>(row: R, cutoff: number, now: number): RowChange<R> {
  const isOld = ({ deliveredAt }: DeliveredEvent) => Date.parse(deliveredAt) <= cutoff;
  const kept = row.events.filter((event) => !isOld(event));
  if (kept.length === 0) return "delete";
  const events = kept.map((event) => ({
    ...event,
    deliveredAt: isoNotAfter(event.deliveredAt, now),
  }));
  const isSame = events.every(({ deliveredAt }, index) => {
    return deliveredAt === row.events[index]?.deliveredAt;
  });
  if (isSame && events.length === row.events.length) return "keep";
  return { put: { ...row, events, cutAt: row.events.findLast(isOld)?.deliveredAt ?? row.cutAt } };
}

/** A row that this version cannot read stays. */
async function skipUnreadable(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!isAppError(error) || error.code !== "ERR_STORE_ROW") throw error;
  }
}
