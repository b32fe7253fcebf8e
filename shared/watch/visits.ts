import { CUSTOMER_PREFIX } from "../schemas/customer-row.ts";
import { HOT_PREFIX, type HotRow, hotRowSchema } from "../schemas/watch-rows.ts";
import { decodeRow } from "../store/rows.ts";
import type { Row } from "../store/store.ts";
import { customerOfHotKey } from "./lane.ts";
import type { Lease, Progress } from "./lease.ts";
import type { Pace } from "./pace.ts";
import type { PassWalk } from "./pass.ts";
import type { TickDeps, TickMemory, TickSettings } from "./tick-settings.ts";
import { LANE_SHARE, patienceMs } from "./walks.ts";

const CHECKPOINT_MS = 5_000;
/** Customers read beside the slots, so that a slot never waits for the store. */
const SPARE_WORKERS = 2;

/** Answers whether the row has been dealt with, so that the next tick need not come back to it. */
type Visit = (row: Row) => Promise<boolean>;

/** Reads a customer unless it was read within the interval; waits when it will be due shortly. */
export function createVisit(
  settings: TickSettings,
  memory: TickMemory,
  deps: Pick<TickDeps, "now"> & { readonly pace: Pace },
  read: (customer: string, hot?: HotRow) => Promise<boolean>,
): Visit {
  return async (row) => {
    const inLane = row.key.startsWith(HOT_PREFIX);
    const customer = inLane ? customerOfHotKey(row.key) : row.key.slice(CUSTOMER_PREFIX.length);
    const interval = settings.pollIntervalMs * (inLane ? LANE_SHARE : 1);
    const lastReadAt = memory.lastReads.get(customer)?.at ?? Number.NEGATIVE_INFINITY;
    const age = deps.now() - lastReadAt;
    // As with passes, a time in the future tells of a clock that was wrong.
    const wait = age < 0 ? 0 : interval - age;
    if (wait > patienceMs(interval)) return true;
    if (wait > 0 && !(await deps.pace.wait(wait))) return false;
    return read(customer, inLane ? decodeRow(row.key, row, hotRowSchema) : undefined);
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

/**
 * Reads what the walks give, one walk after the other, with a few more workers than slots. A walk
 * that comes to its end goes on with its next pass if that is due.
 */
export async function readAll(
  walks: readonly PassWalk[],
  budget: number,
  visit: Visit,
  checkpoint: () => Promise<void>,
  pace: Pace,
  settings: TickSettings,
): Promise<number> {
  let taken = 0;
  const worker = async (walk: PassWalk) => {
    while (!pace.stopped && taken < budget) {
      taken += 1;
      const row = await walk.next();
      if (!row) {
        taken -= 1;
        return;
      }
      if (await visit(row)) walk.finish(row);
      await checkpoint();
    }
  };
  for (const walk of walks) {
    do {
      const workers = Array.from({ length: settings.qps + SPARE_WORKERS }, () =>
        worker(walk).catch((error: unknown) => {
          pace.stop();
          throw error;
        }),
      );
      const results = await Promise.allSettled(workers);
      const failed = results.find((result) => result.status === "rejected");
      if (failed) throw failed.reason;
    } while (walk.turn());
  }
  return taken;
}
