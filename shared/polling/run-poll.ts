import { toFreshness } from "../customers/freshness.ts";
import { ensureWatched } from "../customers/watch-list.ts";
import { describeError } from "../log.ts";
import { countPending } from "../outbox/pending.ts";
import { newDiscoverProgress } from "../schemas/discovery.ts";
import { type Discovery, discover } from "./discovery.ts";
import { commitEmptyLists } from "./empty-lists.ts";
import { recordFailures } from "./failed-reads.ts";
import { limitByLease, takeLease } from "./lease.ts";
import { createCheckpoint } from "./progress.ts";
import { createReadIfDue } from "./read-if-due.ts";
import { heldElsewhere, type RunReport } from "./report.ts";
import type { RunDeps, RunSettings } from "./settings.ts";
import { type Run, startRun } from "./start-run.ts";
import type { WarmState } from "./warm-state.ts";
import { readAll, unlimited } from "./worker-pool.ts";

const PENDING_COUNT_CUSTOMERS = 100;
const EXPIRY_PAGE = 50;
/** Customers read beside the slots, so that a slot never waits for the store. */
const SPARE_WORKERS = 2;

/**
 * One run of poll. Takes the lease, starts the deliveries that are due, reads the priority lane and
 * then the sweep from where it stood. Delivers what it finds, saves its progress and releases the
 * lease. Reads never wait for deliveries.
 *
 * @throws StoreUnavailableError and other store errors: the run has failed, and lost nothing
 */
export async function runPoll(
  deps: RunDeps,
  settings: RunSettings,
  warm: WarmState,
): Promise<RunReport> {
  const beganAt = deps.monotonic();
  const lease = await takeLease(deps);
  if (!lease) return heldElsewhere(deps.monotonic() - beganAt);
  const run = startRun(lease, beganAt, deps, settings, warm);
  try {
    await prepare(run);
    const reads = await readCustomers(run);
    await storeFindings(run);
    return await deliverAndReport(run, reads);
  } finally {
    await end(run);
  }
}

/** Clears a few old idempotency rows, and puts the environment's customers on the watch list. */
async function prepare({ deps, settings, warm, lease, progress }: Run): Promise<void> {
  progress.setExpiryCursor(await deps.expire(lease.progress.expiryCursor, EXPIRY_PAGE));
  await ensureWatched(deps.store, settings.watch, warm.ensured, deps.now);
}

type Reads = { readonly laneLeft: boolean; readonly discovered: number };

/** Reads the priority lane and the sweep, while customer spaces are listed beside them. */
async function readCustomers(run: Run): Promise<Reads> {
  const { deps, settings, warm, lease, limiter, scans, lanes, progress } = run;
  const listing = startListing(run);
  // It is awaited below. Until then its failure must not count as one that nobody handles.
  listing.catch(() => undefined);
  try {
    await readAll({
      sources: [...lanes.sources(scans.lanes), unlimited(scans.sweep)],
      workers: settings.qps + SPARE_WORKERS,
      readIfDue: createReadIfDue(settings, warm, { now: deps.now, limiter }, run.read),
      checkpoint: createCheckpoint(lease, limiter, progress.current, deps.monotonic),
      limiter,
    });
    const laneLeft = Object.values(scans.lanes).some((scan) => !scan.progress().done);
    const listed = await listing;
    if (listed) progress.setDiscovery(listed.progress);
    return { laneLeft, discovered: listed?.added ?? 0 };
  } finally {
    run.listingLimiter.stop();
    // Nothing may run after the response: the platform freezes the instance.
    await listing.catch(() => undefined);
  }
}

async function startListing(run: Run): Promise<Discovery | undefined> {
  if (!run.settings.discover) return undefined;
  return discover(run.deps, {
    limiter: limitByLease(run.listingLimiter, run.lease),
    deadlineAt: run.stopAt,
    progress: run.lease.progress.discovery ?? newDiscoverProgress(),
  });
}

/** Stores what only all reads together can tell: absences, failures, and which passes are full. */
async function storeFindings(run: Run): Promise<void> {
  const { settings, warm, dispatcher, scans, findings, progress, sweptAt } = run;
  const deps = { ...run.deps, dispatcher };
  findings.judge.noteEnd();
  await commitEmptyLists(findings, warm, deps);
  if (findings.judge.stopped()) scans.invalidate();
  const { full } = scans.progress().sweep;
  const sweepMs = full ? full.endedAt - full.startedAt : 0;
  const { source } = settings;
  const { lastGoodAt } = warm;
  await recordFailures(findings, { source, sweepMs, sweptAt, lastGoodAt }, deps);
  progress.confirmCompletions();
}

async function deliverAndReport(run: Run, { laneLeft, discovered }: Reads): Promise<RunReport> {
  const { deps, lease, dispatcher, scans, findings } = run;
  const delivery = await dispatcher.finish();
  const pending = await countPending(deps.store, PENDING_COUNT_CUSTOMERS);
  return {
    leaseHeld: false,
    ...findings.counts,
    stopped: lease.isHeld() ? findings.judge.stopped() : "lease-lost",
    delivered: delivery.delivered,
    failedAttempts: delivery.failedAttempts,
    deadLettered: delivery.deadLettered,
    pending: pending.events,
    pendingAtLeast: pending.atLeast,
    laneRead: run.lanes.customers(),
    laneLeft,
    sweepDone: scans.sweep.progress().done,
    discovered,
    freshness: toFreshness(scans.progress(), deps.now()),
    receiver: delivery.receiverState,
    durationMs: Math.round(deps.monotonic() - run.beganAt),
  };
}

/** Ends what is under way, saves the progress and releases the lease. */
async function end({ deps, limiter, dispatcher, lease, progress }: Run): Promise<void> {
  limiter.stop();
  await dispatcher.finish().catch(() => undefined);
  // A lease that cannot be released expires by itself.
  await lease.release(progress.current()).catch((error: unknown) => {
    deps.log.warn("lease could not be released", describeError(error));
  });
}
