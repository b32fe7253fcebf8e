import { customerOfLaneKey } from "../customers/priority-lane.ts";
import type { RateLimiter } from "../pacing/rate-limiter.ts";
import { CUSTOMER_PREFIX } from "../schemas/customer-row.ts";
import { LANE_PREFIX, type LaneRow, laneRowSchema } from "../schemas/watch-rows.ts";
import { decodeRow } from "../store/rows.ts";
import type { Row } from "../store/store.ts";
import type { Lease, Progress } from "./lease.ts";
import { LANE_INTERVAL_RATIO, patienceMs } from "./scans.ts";
import type { RunDeps, RunSettings, WarmState } from "./settings.ts";

const CHECKPOINT_MS = 5_000;
/** Answers whether the row has been dealt with, so that the next run need not come back to it. */
export type ReadIfDue = (row: Row) => Promise<boolean>;

/**
 * Reads a customer unless it was read within the interval, or is being read for another walk; waits
 * when it will be due shortly.
 */
export function createReadIfDue(
  settings: RunSettings,
  memory: WarmState,
  deps: Pick<RunDeps, "now"> & { readonly limiter: RateLimiter },
  read: (customer: string, laneRow?: LaneRow) => Promise<boolean>,
): ReadIfDue {
  const readIfDue = async (row: Row, customer: string, inLane: boolean): Promise<boolean> => {
    const interval = settings.pollIntervalMs * (inLane ? LANE_INTERVAL_RATIO : 1);
    const lastReadAt = memory.lastReads.get(customer)?.at ?? Number.NEGATIVE_INFINITY;
    const age = deps.now() - lastReadAt;
    // As with passes, a time in the future tells of a clock that was wrong.
    const wait = age < 0 ? 0 : interval - age;
    if (wait > patienceMs(interval)) return true;
    if (wait > 0 && !(await deps.limiter.wait(wait))) return false;
    return read(customer, inLane ? decodeRow(row.key, row, laneRowSchema) : undefined);
  };
  const underWay = new Map<string, Promise<boolean>>();
  return (row) => {
    const inLane = row.key.startsWith(LANE_PREFIX);
    const customer = inLane ? customerOfLaneKey(row.key) : row.key.slice(CUSTOMER_PREFIX.length);
    const other = underWay.get(customer);
    if (other !== undefined) return other;
    const mine = readIfDue(row, customer, inLane).finally(() => underWay.delete(customer));
    underWay.set(customer, mine);
    return mine;
  };
}

/** Saves the progress every few seconds by renewing the lease; a lease that is lost ends the rate limiter. */
export function createCheckpoint(
  lease: Lease,
  limiter: RateLimiter,
  progress: () => Progress,
  deps: Pick<RunDeps, "monotonic">,
): () => Promise<void> {
  let savedAt = deps.monotonic();
  let saving = false;
  return async () => {
    if (saving || deps.monotonic() - savedAt < CHECKPOINT_MS) return;
    saving = true;
    if (!(await lease.renew(progress()))) limiter.stop();
    savedAt = deps.monotonic();
    saving = false;
  };
}
