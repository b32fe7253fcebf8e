import { CUSTOMER_PREFIX } from "../schemas/customer-row.ts";
import { HOT_PREFIX, type HotRow, hotRowSchema } from "../schemas/watch-rows.ts";
import { decodeRow } from "../store/rows.ts";
import type { Row } from "../store/store.ts";
import { customerOfHotKey } from "./lane.ts";
import type { Lease, Progress } from "./lease.ts";
import type { Pace } from "./pace.ts";
import type { TickDeps, TickMemory, TickSettings } from "./tick-settings.ts";
import { LANE_SHARE, patienceMs } from "./walks.ts";

const CHECKPOINT_MS = 5_000;
/** Answers whether the row has been dealt with, so that the next tick need not come back to it. */
export type Visit = (row: Row) => Promise<boolean>;

/**
 * Reads a customer unless it was read within the interval, or is being read for another walk; waits
 * when it will be due shortly.
 */
export function createVisit(
  settings: TickSettings,
  memory: TickMemory,
  deps: Pick<TickDeps, "now"> & { readonly pace: Pace },
  read: (customer: string, hot?: HotRow) => Promise<boolean>,
): Visit {
  const visit = async (row: Row, customer: string, inLane: boolean): Promise<boolean> => {
    const interval = settings.pollIntervalMs * (inLane ? LANE_SHARE : 1);
    const lastReadAt = memory.lastReads.get(customer)?.at ?? Number.NEGATIVE_INFINITY;
    const age = deps.now() - lastReadAt;
    // As with passes, a time in the future tells of a clock that was wrong.
    const wait = age < 0 ? 0 : interval - age;
    if (wait > patienceMs(interval)) return true;
    if (wait > 0 && !(await deps.pace.wait(wait))) return false;
    return read(customer, inLane ? decodeRow(row.key, row, hotRowSchema) : undefined);
  };
  const underWay = new Map<string, Promise<boolean>>();
  return (row) => {
    const inLane = row.key.startsWith(HOT_PREFIX);
    const customer = inLane ? customerOfHotKey(row.key) : row.key.slice(CUSTOMER_PREFIX.length);
    const other = underWay.get(customer);
    if (other !== undefined) return other;
    const mine = visit(row, customer, inLane).finally(() => underWay.delete(customer));
    underWay.set(customer, mine);
    return mine;
  };
}

/** Saves the progress every few seconds by renewing the lease; a lease that is lost ends the pace. */
export function createCheckpoint(
  lease: Lease,
  pace: Pace,
  progress: () => Progress,
  deps: Pick<TickDeps, "monotonic">,
): () => Promise<void> {
  let savedAt = deps.monotonic();
  let saving = false;
  return async () => {
    if (saving || deps.monotonic() - savedAt < CHECKPOINT_MS) return;
    saving = true;
    if (!(await lease.renew(progress()))) pace.stop();
    savedAt = deps.monotonic();
    saving = false;
  };
}
