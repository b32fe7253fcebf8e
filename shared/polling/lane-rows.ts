import { isAppError } from "../errors.ts";
import { describeError, type Log } from "../log.ts";
import { type LaneRow, laneRowSchema } from "../schemas/watch-rows.ts";
import { decodeRow } from "../store/rows.ts";
import type { Row } from "../store/store.ts";

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
