import { updateCustomer } from "../customers/customer.ts";
import { isAppError } from "../errors.ts";
import type { ResyncCommand } from "../schemas/command.ts";
import { ACCOUNT, type CustomerRow } from "../schemas/customer-row.ts";
import type { Stored } from "../store/rows.ts";
import type { Store } from "../store/store.ts";
import type { RowChange } from "../store/update-row.ts";
import type { CommandDeps } from "./command-deps.ts";
import { type FoundCustomer, findCustomers } from "./customer-rows.ts";
import { takePage } from "./page.ts";
import { planStateEvents, type ResyncResult } from "./state-events.ts";
import { skipUnreadable } from "./try-decode.ts";

/** Rows may hold half a megabyte of events each. */
const SCAN_PAGE = 20;
const MAX_NAMED = 100;
/** Begins the cursors of the first phase. No customer's id holds a colon. */
const ADVANCING = "advance:";

const NO_EVENTS: Omit<ResyncResult, "cursor"> = { events: [], missing: 0, leftOut: 0 };

type Totals = {
  customers: number;
  events: number;
  advanced: number;
  missing: number;
  leftOut: number;
  unreadable: number;
  readonly leftOutOf: { custSpaceId: string; numbers: number; after: string }[];
};

/**
 * Stores one full-state event per known number in the outbox, behind what is pending. It repairs a
 * receiver that lost events, or that knows more than a restored store. The upstream is not called:
 * an event holds what was last observed, with its time. Missing numbers get no event.
 *
 * At 500 pending events or 512 KB a customer's other numbers are left out. `leftOut` counts them,
 * and `leftOutOf` names the customers with the cursor to continue from once events are delivered.
 */
export async function resync(command: ResyncCommand, deps: CommandDeps) {
  const counts = { customers: 0, events: 0, advanced: 0, missing: 0, leftOut: 0, unreadable: 0 };
  const totals: Totals = { ...counts, leftOutOf: [] };
  const steps = planSteps(command, deps.store);
  const page = await takePage(steps, command.after, deps.budget.isOver, async (step) => {
    if (step.isAdvance) await advanceOne(step.found, deps, totals);
    else await resyncOne(step.found, deps, totals);
  });
  return { ...totals, ...page };
}

type Step = {
  readonly isAdvance: boolean;
  readonly found: FoundCustomer;
  readonly cursor: string;
};

/** After a restore, every sequence is advanced before the first event is stored. */
async function* planSteps(
  { customer, after = "", afterRestore }: ResyncCommand,
  store: Store,
): AsyncGenerator<Step> {
  const isAdvancing = afterRestore === true && (after === "" || after.startsWith(ADVANCING));
  if (isAdvancing) {
    const rest = { customer, after: after.slice(ADVANCING.length), pageSize: SCAN_PAGE };
    for await (const found of findCustomers(store, rest)) {
      yield { isAdvance: true, found, cursor: `${ADVANCING}${found.cursor}` };
    }
  }
  const rest = { customer, after: isAdvancing ? "" : after, pageSize: SCAN_PAGE };
  for await (const found of findCustomers(store, rest)) {
    yield { isAdvance: false, found, cursor: found.cursor };
  }
}

async function advanceOne(
  { customer, stored }: FoundCustomer,
  deps: CommandDeps,
  totals: Totals,
): Promise<void> {
  // The second phase counts the rows that cannot be read.
  const isAdvanced =
    stored && (await skipUnreadable(() => advanceSequence(deps, customer, stored)));
  if (isAdvanced === true) totals.advanced += 1;
}

/** Removed customers too: one that is watched again must not go back either. */
async function advanceSequence(
  { store, now }: CommandDeps,
  customer: string,
  known: Stored<CustomerRow>,
): Promise<boolean> {
  const decide = (row: CustomerRow | undefined): RowChange<CustomerRow> => {
    const seq = now();
    return row && row.seq < seq ? { put: { ...row, seq } } : "keep";
  };
  return (await updateCustomer(store, customer, decide, known)).outcome === "stored";
}

async function resyncOne(
  { customer, stored, resumeFrom = "" }: FoundCustomer,
  deps: CommandDeps,
  totals: Totals,
): Promise<void> {
  if (stored && customer === ACCOUNT) return;
  const result = stored
    ? await skipUnreadable(() => resyncCustomer(deps, customer, stored, resumeFrom))
    : "unreadable";
  if (result === "unreadable") {
    totals.unreadable += 1;
    return;
  }
  const { events, missing, leftOut, cursor } = result;
  if (events.length > 0) totals.customers += 1;
  totals.events += events.length;
  totals.missing += missing;
  totals.leftOut += leftOut;
  if (leftOut === 0 || totals.leftOutOf.length === MAX_NAMED) return;
  totals.leftOutOf.push({
    custSpaceId: customer,
    numbers: leftOut,
    after: `${customer}/${cursor}`,
  });
}

async function resyncCustomer(
  deps: CommandDeps,
  customer: string,
  known: Stored<CustomerRow>,
  from: string,
): Promise<ResyncResult> {
  const last = deps.lastReads.get(customer);
  const seenAt = last?.sighting?.version === known.version ? last.sighting.at : last?.seenAt;
  const origin = { source: deps.source, customer, seenAt };
  let result: ResyncResult = { ...NO_EVENTS, cursor: from };
  const decide = (row: CustomerRow | undefined): RowChange<CustomerRow> => {
    const isWatched = row && !row.removedAt;
    result = isWatched
      ? planStateEvents(origin, row, from, deps.now())
      : { ...NO_EVENTS, cursor: from };
    const { events } = result;
    if (!row || events.length === 0) return "keep";
    const seq = events.at(-1)?.seq ?? row.seq;
    return { put: { ...row, seq, pending: [...row.pending, ...events] } };
  };
  try {
    await updateCustomer(deps.store, customer, decide, known);
    return result;
  } catch (error) {
    if (!isAppError(error) || error.code !== "ERR_CUSTOMER_TOO_LARGE") throw error;
    const { events, missing, leftOut } = result;
    return { events: [], missing, leftOut: leftOut + events.length, cursor: from };
  }
}
