import { toFreshness } from "../customers/freshness.ts";
import { ensureWatched } from "../customers/watch-list.ts";
import { describeError } from "../log.ts";
import { startDispatcher } from "../outbox/dispatcher.ts";
import { countPending } from "../outbox/pending.ts";
import { createRateLimiter } from "../pacing/rate-limiter.ts";
import { newDiscoverProgress } from "../schemas/discovery.ts";
import { createCheckpoint } from "./checkpoint.ts";
import { discover } from "./discovery.ts";
import { createLaneBudget } from "./lane-budget.ts";
import { limitByLease, type Progress, takeLease } from "./lease.ts";
import { createReadIfDue } from "./read-if-due.ts";
import { createReader } from "./reader.ts";
import { heldElsewhere, type RunReport } from "./report.ts";
import { startScans, withoutNewCompletions } from "./scans.ts";
import type { RunDeps, RunSettings, WarmState } from "./settings.ts";
import { createSyncRead } from "./sync-read.ts";
import { readAll, unlimited } from "./worker-pool.ts";

/** Every call of a run has ended by then, counted from its beginning. */
const RUN_DEADLINE_MS = 58_000;
const PENDING_COUNT_CUSTOMERS = 100;
const EXPIRY_PAGE = 50;
/** Customers read beside the slots, so that a slot never waits for the store. */
const SPARE_WORKERS = 2;

/**
 * One run of poll: takes the lease, starts the deliveries that are due, reads the priority lane and
 * then the sweep from where it stood, delivers what it finds, saves its progress and lets go. Reads
 * never wait for deliveries.
 *
 * @throws StoreUnavailableError and other store errors: the run has failed, and lost nothing
 */
export async function runPoll(
  deps: RunDeps,
  settings: RunSettings,
  memory: WarmState,
): Promise<RunReport> {
  const beganAt = deps.monotonic();
  const lease = await takeLease(deps);
  if (!lease) return heldElsewhere(deps.monotonic() - beganAt);

  const stopAt = beganAt + settings.runMs;
  const deadlineAt = beganAt + RUN_DEADLINE_MS;
  const limiter = createRateLimiter({ limit: settings.qps, stopAt }, deps);
  const dispatcher = startDispatcher({ receiverId: settings.receiverId, stopAt, deadlineAt }, deps);
  const sweepLimiter = limitByLease(limiter, lease);
  // Each operation has a limit of its own upstream.
  const { query } = deps.upstream;
  const laneQuery =
    settings.sync === "off"
      ? query
      : createSyncRead(deps, {
          limiter: limitByLease(createRateLimiter({ limit: settings.qps, stopAt }, deps), lease),
          memory: memory.fresh,
        });
  const lanes = createLaneBudget(settings.qps, settings.runMs);
  const laneLimiter = lanes.countCalls(sweepLimiter);
  const reader = createReader(
    { limiter, sweepLimiter, laneLimiter, deadlineAt, dispatcher, memory, query, laneQuery },
    { ...deps, source: settings.source },
  );
  const sweptAt = lease.progress.sweep.full?.startedAt;
  const scans = startScans(lease.progress, settings.pollIntervalMs, { ...deps, limiter });
  let { expiryCursor, discovery } = lease.progress;
  // A whole pass proves what was read in it once the failures among its reads are stored as well.
  let isSettled = false;
  const progress = (): Progress => ({
    ...(isSettled ? scans.progress() : withoutNewCompletions(scans.progress(), lease.progress)),
    ...{ expiryCursor, discovery },
  });
  const listingLimiter = createRateLimiter({ limit: settings.qps, stopAt }, deps);
  let listing: ReturnType<typeof discover> | undefined;

  try {
    expiryCursor = await deps.expire(expiryCursor, EXPIRY_PAGE);
    await ensureWatched(deps.store, settings.watch, memory.ensured, deps.now);
    listing = settings.discover
      ? discover(deps, {
          limiter: limitByLease(listingLimiter, lease),
          deadlineAt: stopAt,
          progress: discovery ?? newDiscoverProgress(),
        })
      : undefined;
    // Its failure is met below; until then it must not count as one that nobody handles.
    listing?.catch(() => undefined);
    const checkpoint = createCheckpoint({ lease, limiter, progress, monotonic: deps.monotonic });
    const readIfDue = createReadIfDue(settings, memory, { now: deps.now, limiter }, reader.read);
    await readAll({
      sources: [...lanes.sources(scans.lanes), unlimited(scans.sweep)],
      workers: settings.qps + SPARE_WORKERS,
      readIfDue,
      checkpoint,
      limiter,
    });
    const laneLeft = Object.values(scans.lanes).some((scan) => !scan.progress().done);
    const listed = await listing;
    discovery = listed?.progress ?? discovery;
    await reader.commitEmptyLists();
    if (reader.report().stopped) scans.invalidate();
    const { full } = scans.progress().sweep;
    const sweepMs = full ? full.endedAt - full.startedAt : 0;
    await reader.recordFailures({ sweepMs, sweptAt });
    isSettled = true;
    const delivery = await dispatcher.finish();
    const pending = await countPending(deps.store, PENDING_COUNT_CUSTOMERS);
    return {
      leaseHeld: false,
      ...reader.report(),
      ...(lease.isHeld() ? {} : { stopped: "lease-lost" }),
      delivered: delivery.delivered,
      failedAttempts: delivery.failedAttempts,
      deadLettered: delivery.deadLettered,
      pending: pending.events,
      pendingAtLeast: pending.atLeast,
      laneRead: lanes.customers(),
      laneLeft,
      sweepDone: scans.sweep.progress().done,
      discovered: listed?.added ?? 0,
      freshness: toFreshness(scans.progress(), deps.now()),
      receiver: delivery.receiverState,
      durationMs: Math.round(deps.monotonic() - beganAt),
    };
  } finally {
    limiter.stop();
    listingLimiter.stop();
    // Nothing may run after the answer: the platform freezes the instance.
    await listing?.catch(() => undefined);
    await dispatcher.finish().catch(() => undefined);
    // A lease that cannot be given back runs out by itself.
    await lease.release(progress()).catch((error: unknown) => {
      deps.log.warn("lease could not be released", describeError(error));
    });
  }
}
