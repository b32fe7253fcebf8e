import { createEvent } from "../changes/event.ts";
import { MAX_PENDING_BYTES, MAX_PENDING_EVENTS } from "../changes/limits.ts";
import { commitRow, loadCustomer } from "../customers/customer.ts";
import { isAppError } from "../errors.ts";
import type { CommandOf } from "../schemas/command.ts";
import {
  CUSTOMER_PREFIX,
  type CustomerRow,
  customerKey,
  customerRowSchema,
  type PendingEvent,
} from "../schemas/customer-row.ts";
import { EVENT_TYPES } from "../schemas/event.ts";
import { encodeRow, type Stored, scanAll } from "../store/rows.ts";
import type { Store } from "../store/store.ts";
import type { CommandDeps } from "./command-deps.ts";
import { cursorAfter, resumeIndex } from "./resync-cursor.ts";
import { readCustomerIfReadable, skipUnreadable, tryDecode } from "./try-decode.ts";
import { isAccountRow } from "./watch.ts";

const SCAN_PAGE = 50;
const MAX_NAMED = 100;
/** Cursors of the first phase; no customer's id holds a colon. */
const LIFTING = "lift:";

type LeftOut = { custSpaceId: string; numbers: number; after: string };

/**
 * Puts one full-state event per known number into the outbox, like any other event: with a marker,
 * in one write with the sequence, behind what is pending. Numbers that are missing get none. It
 * heals a receiver that has lost events, or that was told of a state which a restored store does
 * not know. The upstream is not asked: what is told is what was last observed, with its time.
 *
 * At 500 pending events or 512 KB the rest of a customer is left out, and said: `leftOut` counts
 * the numbers, `leftOutOf` names customers with the cursor to go on from when the outbox has drained.
 */
export async function resync(command: CommandOf<"resync">, deps: CommandDeps) {
  const counts = { customers: 0, events: 0, lifted: 0, missing: 0, leftOut: 0, unreadable: 0 };
  const leftOutOf: LeftOut[] = [];
  const answer = (after?: string) => ({
    command: command.command,
    ...counts,
    leftOutOf,
    ...(after === undefined ? { more: false } : { more: true, after }),
  });

  const given = command.after ?? "";
  const isLifting = command.afterRestore === true && (given === "" || given.startsWith(LIFTING));
  let after = given;
  if (isLifting) {
    let lifted = given.slice(LIFTING.length);
    for await (const { customer, stored } of rowsFrom(deps.store, command.customer, lifted)) {
      if (deps.budget.isOver()) return answer(`${LIFTING}${lifted}`);
      // One that became unreadable meanwhile is counted by the second phase.
      const isLifted =
        stored && (await skipUnreadable(() => advanceSequence(deps, customer, stored)));
      if (isLifted === true) counts.lifted += 1;
      lifted = customer;
    }
    // Until a customer has been told, the next call finds nothing left to lift and comes here again.
    after = `${LIFTING}${lifted}`;
  }

  const [from = "", cursor] = isLifting ? [] : given.split("/");
  if (cursor !== undefined) {
    for await (const visited of rowsFrom(deps.store, from, "")) await tell(visited, cursor);
    after = from;
  }
  if (cursor !== undefined && command.customer !== undefined) return answer();
  for await (const visited of rowsFrom(deps.store, command.customer, from)) {
    if (deps.budget.isOver()) return answer(after);
    await tell(visited, "");
    after = visited.customer;
  }
  return answer();

  async function tell({ customer, stored }: Visited, from: string): Promise<void> {
    if (stored && isAccountRow(customerKey(customer))) return;
    const told = stored
      ? await skipUnreadable(() => resyncCustomer(deps, customer, stored, from))
      : "unreadable";
    if (told === "unreadable") {
      counts.unreadable += 1;
      return;
    }
    if (told.events > 0) counts.customers += 1;
    counts.events += told.events;
    counts.missing += told.missing;
    counts.leftOut += told.leftOut;
    if (told.leftOut === 0 || leftOutOf.length === MAX_NAMED) return;
    const next = `${customer}/${told.cursor}`;
    leftOutOf.push({ custSpaceId: customer, numbers: told.leftOut, after: next });
  }
}

type Visited = {
  readonly customer: string;
  /** Undefined when this version cannot read it. */
  readonly stored: Stored<CustomerRow> | undefined;
};

async function* rowsFrom(
  store: Store,
  customer: string | undefined,
  after: string,
): AsyncGenerator<Visited> {
  if (customer !== undefined) {
    const found = await readCustomerIfReadable(store, customer);
    if (found) yield { customer, stored: found === "unreadable" ? undefined : found };
    return;
  }
  const from = after === "" ? "" : customerKey(after);
  for await (const row of scanAll(store, CUSTOMER_PREFIX, from, SCAN_PAGE)) {
    const value = tryDecode(row, customerRowSchema);
    const stored = value && { value, version: row.version };
    yield { customer: row.key.slice(CUSTOMER_PREFIX.length), stored };
  }
}

/** Tombstones are lifted too: a customer watched again must not go back either. */
async function advanceSequence(
  { store, now }: CommandDeps,
  customer: string,
  found: Stored<CustomerRow>,
): Promise<boolean> {
  let stored: Stored<CustomerRow> | undefined = found;
  while (stored) {
    const seq = now();
    if (stored.value.seq >= seq) return false;
    const text = encodeRow({ ...stored.value, seq });
    if ((await store.put(customerKey(customer), text, stored.version)) === "stored") return true;
    stored = await loadCustomer(store, customer);
  }
  return false;
}

type ResyncResult = {
  readonly events: number;
  readonly missing: number;
  readonly leftOut: number;
  /** Where to go on, if some were left out. */
  readonly cursor: string;
};

async function resyncCustomer(
  deps: CommandDeps,
  customer: string,
  found: Stored<CustomerRow>,
  from: string,
): Promise<ResyncResult> {
  let stored: Stored<CustomerRow> | undefined = found;
  while (stored && !stored.value.removedAt) {
    const seenAt = deps.lastReads.get(customer)?.seenAt;
    const origin = { source: deps.source, customer, seenAt };
    const plan = planEvents(origin, stored.value, from);
    if (plan.told.events === 0) return plan.told;
    try {
      const outcome = await commitRow(deps.store, customer, stored, plan.row);
      if (outcome === "stored") return plan.told;
    } catch (error) {
      if (!isAppError(error) || error.code !== "ERR_CUSTOMER_TOO_LARGE") throw error;
      const { events, leftOut } = plan.told;
      return { ...plan.told, events: 0, leftOut: leftOut + events, cursor: from };
    }
    stored = await loadCustomer(deps.store, customer);
  }
  return { events: 0, missing: 0, leftOut: 0, cursor: from };
}

type Origin = {
  readonly source: string;
  readonly customer: string;
  /** When this instance last saw all of the stored values, if it did. */
  readonly seenAt: number | undefined;
};

/** Pure: the row with as many state events as fit, and what could not be told. */
function planEvents(
  { source, customer, seenAt = 0 }: Origin,
  row: CustomerRow,
  from: string,
): { readonly row: CustomerRow; readonly told: ResyncResult } {
  const all = Object.keys(row.numbers).sort();
  const first = resumeIndex(customer, all, from);
  const numbers = all.slice(first);
  const events: PendingEvent[] = [];
  let bytes = row.pending.reduce((sum, event) => sum + Buffer.byteLength(event.body), 0);
  let missing = 0;
  for (const [index, phoneNumber] of numbers.entries()) {
    const state = row.numbers[phoneNumber];
    if (!state || state.missingSince) missing += 1;
    else {
      const observedAt = new Date(Math.max(seenAt, Date.parse(state.observedAt))).toISOString();
      const event = createEvent(
        { type: EVENT_TYPES.state, phoneNumber, changes: [], state, previousObservedAt: undefined },
        row.seq + events.length + 1,
        { source, customer, observedAt, upstreamRequestId: undefined },
      );
      const size = Buffer.byteLength(event.body);
      const isFull = row.pending.length + events.length >= MAX_PENDING_EVENTS;
      if (isFull || bytes + size > MAX_PENDING_BYTES) {
        const leftOut = numbers.slice(index).filter((n) => !row.numbers[n]?.missingSince).length;
        return finish(leftOut, cursorAfter(customer, all, first + index));
      }
      bytes += size;
      events.push(event);
    }
  }
  return finish(0, "");

  function finish(leftOut: number, cursor: string) {
    const next = {
      ...row,
      seq: row.seq + events.length,
      pending: [...row.pending, ...events],
    };
    return { row: next, told: { events: events.length, missing, leftOut, cursor } };
  }
}
