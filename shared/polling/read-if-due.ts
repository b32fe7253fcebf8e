import { customerOfLaneKey } from "../customers/priority-lane.ts";
import type { RateLimiter } from "../pacing/rate-limiter.ts";
import { CUSTOMER_PREFIX } from "../schemas/customer-row.ts";
import { LANE_PREFIX, type LaneRow, laneRowSchema } from "../schemas/watch-rows.ts";
import { decodeRow } from "../store/rows.ts";
import type { Row } from "../store/store.ts";
import { dueInMs, LANE_INTERVAL_RATIO, patienceMs } from "./due.ts";
import type { RunDeps, RunSettings } from "./settings.ts";
import type { WarmState } from "./warm-state.ts";

/** Resolves to true when the row is done, so the next run skips it. */
export type ReadIfDue = (row: Row) => Promise<boolean>;

/**
 * Reads a row's customer unless it was read within the interval, or is being read for another scan.
 * Waits if it is due shortly.
 */
export function createReadIfDue(
  settings: Pick<RunSettings, "pollIntervalMs">,
  { lastReads }: Pick<WarmState, "lastReads">,
  deps: Pick<RunDeps, "now"> & { readonly limiter: Pick<RateLimiter, "wait"> },
  read: (customer: string, laneRow?: LaneRow) => Promise<boolean>,
): ReadIfDue {
  const underWay = new Map<string, Promise<boolean>>();

  async function readOnceDue(row: Row, customer: string, inLane: boolean): Promise<boolean> {
    const interval = settings.pollIntervalMs * (inLane ? LANE_INTERVAL_RATIO : 1);
    const lastReadAt = lastReads.get(customer)?.at ?? Number.NEGATIVE_INFINITY;
    const waitMs = dueInMs(lastReadAt, interval, deps.now());
    if (waitMs > patienceMs(interval)) return true;
    if (waitMs > 0 && !(await deps.limiter.wait(waitMs))) return false;
    return read(customer, inLane ? decodeRow(row.key, row, laneRowSchema) : undefined);
  }

  return (row) => {
    const inLane = row.key.startsWith(LANE_PREFIX);
    const customer = inLane ? customerOfLaneKey(row.key) : row.key.slice(CUSTOMER_PREFIX.length);
    const other = underWay.get(customer);
    if (other !== undefined) return other;
    const result = readOnceDue(row, customer, inLane).finally(() => underWay.delete(customer));
    underWay.set(customer, result);
    return result;
  };
}
