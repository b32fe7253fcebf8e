import { isListed } from "../changes/number-state.ts";
import { isAppError } from "../errors.ts";
import { type CustomerRow, type NumberState, newCustomerRow } from "../schemas/customer-row.ts";
import type { Store } from "../store/store.ts";
import type { RowChange } from "../store/update-row.ts";
import { hasOpenAdded, withAdded, withoutAdded } from "./added-numbers.ts";
import { loadCustomer, updateCustomer } from "./customer.ts";
import { isErasedSince } from "./erase.ts";
import { endAdded, prioritizeAdded } from "./priority-lane.ts";

export type AddIntent = {
  /** The customer's numbers that the upstream listed before, in digits; undefined if unknown. */
  readonly listedBefore: readonly string[] | undefined;
  /** Whether the customer was erased since the add began: then nothing is stored. */
  readonly isErased?: boolean;
  /** Removes what this add has stored. What other adds rely on stays. */
  undo(): Promise<void>;
};

/**
 * Puts the customer on the watch list and the number into the priority lane, before the upstream
 * adds it. If the process dies right after the upstream accepted, the intent is stored already, so
 * the next run reads the customer. The price is an intent to remove when the upstream refuses.
 * A customer that was erased since the add began, at `begunAt`, stays erased.
 */
export async function recordAddIntent(
  store: Store,
  customer: string,
  number: { readonly cc: string; readonly national: string },
  id: string,
  now: number,
  begunAt = now,
): Promise<AddIntent> {
  const isErased = (row: CustomerRow | undefined) => isErasedSince(row, begunAt, now);
  const leaveLane = () => endAdded(store, customer, now);
  const withdraw = () => updateCustomer(store, customer, (row) => withoutIntent(row, id));
  const undo = async () => {
    const { row } = await withdraw();
    if (!row || !hasOpenAdded(row)) await leaveLane();
  };
  let before: CustomerRow | undefined;
  try {
    ({ before } = await updateCustomer(store, customer, (row) =>
      isErased(row) ? "keep" : withIntent(row, number, id, now),
    ));
    if (isErased(before)) {
      return { listedBefore: undefined, isErased: true, undo: async () => {} };
    }
    await enterLane(store, customer, now);
    // Erased meanwhile: whoever comes last removes what the lane got.
    const row = (await loadCustomer(store, customer))?.value;
    if (isErased(row)) await leaveLane();
  } catch (error) {
    // A write whose answer was lost may be stored, but the add is not sent. If the store fails
    // again, one customer too many stays on the list.
    await undo().catch(() => undefined);
    throw error;
  }
  return { listedBefore: listedNumbers(before), undo };
}

/** The lane is an index only, so an unreadable row of it keeps nobody from adding. */
async function enterLane(store: Store, customer: string, now: number): Promise<void> {
  try {
    await prioritizeAdded(store, customer, now);
  } catch (error) {
    if (!isAppError(error) || error.code !== "ERR_STORE_ROW") throw error;
  }
}

/**
 * The numbers that a row knows to be listed, in digits; undefined before the first read. A number
 * that left the account may be added again, so it does not count.
 *
 * @param isSince whether a first sight at this time does not count either
 */
function listedNumbers(
  stored: CustomerRow | undefined,
  isSince = (_time?: string) => false,
): readonly string[] | undefined {
  if (!stored?.baselineAt || isSince(stored.baselineAt)) return undefined;
  const { numbers, unclear = {} } = stored;
  return [
    ...Object.keys(numbers).filter((number) => {
      const state = numbers[number] as NumberState;
      return isListed(state) && !isSince(state.listedSince);
    }),
    // In two rows that contradict each other, and so listed.
    ...Object.keys(unclear).filter((number) => !isSince(unclear[number]?.since)),
  ];
}

/** Clocks of two functions differ by less. */
const CLOCKS_DIFFER_MS = 5_000;

/**
 * The same as of an earlier time, wall clock in ms. What a read listed for the first time since then
 * was not listed before. A time in the future is of a wrong clock and shows nothing.
 */
export function listedNumbersAt(row: CustomerRow | undefined, at: number, now: number) {
  return listedNumbers(row, (time = "") => {
    const ms = Date.parse(time);
    return ms > at + CLOCKS_DIFFER_MS && ms <= now;
  });
}

function withIntent(
  row: CustomerRow | undefined,
  number: { readonly cc: string; readonly national: string },
  id: string,
  now: number,
): Change {
  return { put: withAdded(asIntended(row, id, now), number, id, now) };
}

/** A row that a watch command made, or that has seen numbers, needs no intent. */
function asIntended(row: CustomerRow | undefined, id: string, now: number): CustomerRow {
  if (!row) return newCustomerRow(now, id);
  if (row.addIntents) return { ...row, addIntents: [...row.addIntents, id] };
  if (!row.removedAt) return row;
  const revived = { removedAt: undefined, addIntents: [id], revivedFrom: row.removedAt };
  return { ...row, ...revived, erasedAt: undefined, tombstoneUntil: undefined };
}

function withoutIntent(stored: CustomerRow | undefined, id: string): Change {
  if (!stored) return "keep";
  const row = withoutAdded(stored, id);
  if (!row.addIntents?.includes(id)) return row === stored ? "keep" : { put: row };
  const addIntents = row.addIntents.filter((other) => other !== id);
  if (addIntents.length > 0) return { put: { ...row, addIntents } };
  if (row.revivedFrom) {
    // Its numbers are from before it was removed: a read that sees some removes the intents.
    const { revivedFrom: removedAt } = row;
    return { put: { ...row, addIntents: undefined, revivedFrom: undefined, removedAt } };
  }
  const isBare = Object.keys(row.numbers).length === 0 && row.pending.length === 0;
  return isBare ? "delete" : { put: { ...row, addIntents } };
}

type Change = RowChange<CustomerRow>;
