import { isNameRefused } from "../changes/next-step.ts";
import { findNumber } from "../changes/same-line.ts";
import { normaliseRow } from "../changes/values.ts";
import { updateCustomer } from "../customers/customer.ts";
import { isAppError } from "../errors.ts";
import { describeError, type Log } from "../log.ts";
import type { AddedNumber, CustomerRow } from "../schemas/customer-row.ts";
import { type LaneRow, laneRowSchema } from "../schemas/watch-rows.ts";
import { decodeRow } from "../store/rows.ts";
import type { Row, Store } from "../store/store.ts";

type Warn = Pick<Log, "warn">;

/** A row of the priority lane, or undefined and a warning if it is unreadable. */
export function decodeLaneRow(row: Row, log: Warn): LaneRow | undefined {
  try {
    return decodeRow(row.key, row, laneRowSchema);
  } catch (error) {
    warnOfLaneRow(error, log);
    return undefined;
  }
}

/** Waits for a change of the lane. An unreadable lane row costs its customer nothing but the lane. */
export async function changeLane(change: Promise<void>, log: Warn): Promise<void> {
  try {
    await change;
  } catch (error) {
    if (!isAppError(error) || error.code !== "ERR_STORE_ROW") throw error;
    warnOfLaneRow(error, log);
  }
}

function warnOfLaneRow(error: unknown, log: Warn): void {
  log.warn("priority lane row unreadable", describeError(error));
}

/**
 * Moves what an earlier edition kept in a lane row to the customer's row. That edition reported no
 * refused name as such, and the update alone is no reason to.
 */
export async function moveAdded(
  store: Store,
  customer: string,
  added: NonNullable<LaneRow["onboarding"]>,
): Promise<void> {
  await updateCustomer(store, customer, (row) => {
    if (!row || row.removedAt) return "keep";
    const moved = Object.entries(added).filter(([key]) => row.onboarding?.[key]?.cc === undefined);
    if (moved.length === 0) return "keep";
    const entries = moved.map(([key, entry]): [string, AddedNumber] => {
      const known = row.onboarding?.[key];
      const reported = known?.addedAt === entry.addedAt ? known : {};
      const refusedBefore = wasRefused(row, key, entry.cc) ? true : undefined;
      return [key, { ...reported, ...entry, refusedBefore }];
    });
    return { put: { ...row, onboarding: { ...row.onboarding, ...Object.fromEntries(entries) } } };
  });
}

/** Whether an added number's name was refused when it was last read. */
function wasRefused(row: CustomerRow, key: string, cc: string): boolean {
  const { numbers } = normaliseRow(row);
  const found = findNumber(cc, key.slice(cc.length), Object.keys(numbers));
  return found !== undefined && isNameRefused(numbers[found.phoneNumber]?.fields ?? {});
}
