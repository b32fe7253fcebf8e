import { isAppError } from "../errors.ts";
import { commitRow, readCustomer } from "../outbox/pending.ts";
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
import { MAX_PENDING_BYTES, MAX_PENDING_EVENTS } from "../watch/decide.ts";
import { createEvent } from "../watch/event.ts";
import type { CommandDeps } from "./command-deps.ts";
import { readable } from "./readable.ts";
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
      if (stored && (await liftSequence(deps, customer, stored))) counts.lifted += 1;
      lifted = customer;
    }
    // Until a customer has been told, the next call finds nothing left to lift and comes here again.
    after = `${LIFTING}${lifted}`;
  }

  const [from = "", number] = isLifting ? [] : given.split("/");
  if (number !== undefined) {
    const stored = await readCustomer(deps.store, from);
    if (stored) tell(from, await tellCustomer(deps, from, stored, number));
    after = from;
  }
  if (number !== undefined && command.customer !== undefined) return answer();
  for await (const { customer, stored } of rowsFrom(deps.store, command.customer, from)) {
    if (deps.budget.isOver()) return answer(after);
    if (!stored) counts.unreadable += 1;
    else if (!isAccountRow(customerKey(customer))) {
      tell(customer, await tellCustomer(deps, customer, stored, ""));
    }
    after = customer;
  }
  return answer();

  function tell(customer: string, told: Told): void {
    if (told.events > 0) counts.customers += 1;
    counts.events += told.events;
    counts.missing += told.missing;
    counts.leftOut += told.leftOut;
    if (told.leftOut === 0 || leftOutOf.length === MAX_NAMED) return;
    const cursor = `${customer}/${told.last}`;
    leftOutOf.push({ custSpaceId: customer, numbers: told.leftOut, after: cursor });
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
    const stored = await readCustomer(store, customer);
    if (stored) yield { customer, stored };
    return;
  }
  const from = after === "" ? "" : customerKey(after);
  for await (const row of scanAll(store, CUSTOMER_PREFIX, from, SCAN_PAGE)) {
    const value = readable(row, customerRowSchema);
    const stored = value && { value, version: row.version };
    yield { customer: row.key.slice(CUSTOMER_PREFIX.length), stored };
  }
}

/** Tombstones are lifted too: a customer watched again must not go back either. */
async function liftSequence(
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
    stored = await readCustomer(store, customer);
  }
  return false;
}

type Told = {
  readonly events: number;
  readonly missing: number;
  readonly leftOut: number;
  /** The last number that was dealt with. */
  readonly last: string;
};

async function tellCustomer(
  deps: CommandDeps,
  customer: string,
  found: Stored<CustomerRow>,
  afterNumber: string,
): Promise<Told> {
  let stored: Stored<CustomerRow> | undefined = found;
  while (stored && !stored.value.removedAt) {
    const seenAt = deps.lastReads.get(customer)?.seenAt;
    const origin = { source: deps.source, customer, seenAt };
    const plan = planEvents(origin, stored.value, afterNumber);
    if (plan.told.events === 0) return plan.told;
    try {
      const outcome = await commitRow(deps.store, customer, stored, plan.row);
      if (outcome === "stored") return plan.told;
    } catch (error) {
      if (!isAppError(error) || error.code !== "ERR_CUSTOMER_TOO_LARGE") throw error;
      const { events, leftOut } = plan.told;
      return { ...plan.told, events: 0, leftOut: leftOut + events, last: afterNumber };
    }
    stored = await readCustomer(deps.store, customer);
  }
  return { events: 0, missing: 0, leftOut: 0, last: afterNumber };
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
  afterNumber: string,
): { readonly row: CustomerRow; readonly told: Told } {
  const numbers = Object.keys(row.numbers)
    .filter((phoneNumber) => phoneNumber > afterNumber)
    .sort();
  const events: PendingEvent[] = [];
  let bytes = row.pending.reduce((sum, event) => sum + Buffer.byteLength(event.body), 0);
  let missing = 0;
  let last = afterNumber;
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
        return finish(leftOut);
      }
      bytes += size;
      events.push(event);
    }
    last = phoneNumber;
  }
  return finish(0);

  function finish(leftOut: number) {
    const next = {
      ...row,
      seq: row.seq + events.length,
      pending: [...row.pending, ...events],
    };
    return { row: next, told: { events: events.length, missing, leftOut, last } };
  }
}
