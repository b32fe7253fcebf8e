import { STALE_MS } from "../changes/failure.ts";
import { toFreshness } from "../customers/freshness.ts";
import { ensureWatched } from "../customers/watch-list.ts";
import { isAppError } from "../errors.ts";
import { describeError } from "../log.ts";
import { startDispatcher } from "../outbox/dispatcher.ts";
import { countPending } from "../outbox/pending.ts";
import { ACCOUNT } from "../schemas/customer-row.ts";
import { newDiscoverProgress } from "../schemas/discovery.ts";
import { isStoreFailure, retryRead } from "../store/retry-read.ts";
import { startBeside } from "./beside.ts";
import { createClockCheck, withClockCheck } from "./clock-check.ts";
import { type Discovery, discover } from "./discovery.ts";
import { commitEmptyLists } from "./empty-lists.ts";
import { expireBeside } from "./expiry.ts";
import { hasUnstored, noteBlindness, recordFailures } from "./failed-reads.ts";
import { commitFirstValues } from "./first-values.ts";
import { LEASE_LOOK_MS, type Lease, limitByLease, takeLease } from "./lease.ts";
import { keepRenewing } from "./progress.ts";
import { createReadIfDue } from "./read-if-due.ts";
import type { ReadOne } from "./reader.ts";
import { heldElsewhere, type RunReport } from "./report.ts";
import type { RunDeps, RunSettings } from "./settings.ts";
import { RUN_DEADLINE_MS, type Run, startRun } from "./start-run.ts";
import type { WarmState } from "./warm-state.ts";
import { readAll } from "./worker-pool.ts";

const PENDING_COUNT_CUSTOMERS = 100;
/** Customers read beside the slots, so that a slot never waits for the store. */
const SPARE_WORKERS = 2;

/**
 * One run of poll. Starts the deliveries that are due and takes the lease. Reads the priority lane
 * and then the sweep from where it stood, and releases the lease as soon as the last read is
 * stored. A run that finds the lease held delivers, and reads from when it is free.
 *
 * @throws StoreUnavailableError and other store errors: the run has failed, and lost nothing
 */
export async function runPoll(
  given: RunDeps,
  settings: RunSettings,
  warm: WarmState,
): Promise<RunReport> {
  const beganAt = given.monotonic();
  const stopAt = beganAt + settings.runMs;
  const { receiverId } = settings;
  const deadlineAt = beganAt + RUN_DEADLINE_MS;
  const clock = createClockCheck(given.now);
  const deps = { ...given, upstream: withClockCheck(given.upstream, clock) };
  const { isConfirmed: isClockConfirmed } = clock;
  const dispatcher = startDispatcher(
    { receiverId, stopAt, deadlineAt },
    { ...deps, isClockConfirmed },
  );
  try {
    const { lease, wasHeld } = await waitForLease(deps, warm, stopAt);
    if (!lease) return heldElsewhere(await dispatcher.finish(), deps.monotonic() - beganAt);
    const run = startRun(lease, { beganAt, dispatcher, clock }, deps, settings, warm);
    const reads = await readWithLease(run);
    return { ...(await deliverAndReport(run, reads)), leaseHeld: wasHeld };
  } finally {
    // Nothing may run after the response: the platform freezes the instance.
    await dispatcher.finish().catch(() => undefined);
  }
}

/** Looks every second until the lease is free, or until the run would end. */
async function waitForLease(
  deps: RunDeps,
  warm: WarmState,
  stopAt: number,
): Promise<{ readonly lease: Lease | undefined; readonly wasHeld: boolean }> {
  const wait = async () => {
    if (deps.monotonic() + LEASE_LOOK_MS >= stopAt) return false;
    await deps.sleep(LEASE_LOOK_MS);
    return true;
  };
  for (let wasHeld = false; ; wasHeld = true) {
    const lease = await retryRead(() => takeLease(deps, warm.unreleased), wait);
    if (lease) warm.unreleased = undefined;
    if (lease || !(await wait())) return { lease, wasHeld };
  }
}

/** What needs the lease: all reads, and storing what they came to. */
async function readWithLease(run: Run): Promise<Reads> {
  const { deps, lease, limiter, progress } = run;
  const endRenewing = keepRenewing(lease, limiter, progress.current, deps);
  try {
    const reads = await readCustomers(run);
    await storeFindings(run).catch((error: unknown) => {
      if (!isStoreFailure(error)) throw error;
      // The next reads note it again. No pass counts as full meanwhile.
      deps.log.warn("failed read could not be stored", describeError(error));
    });
    return { ...reads, isLost: !lease.isHeld() };
  } finally {
    limiter.stop();
    await endRenewing();
    await release(run);
  }
}

/** Puts the environment's customers on the watch list. */
async function prepare({ deps, settings, warm, newCustomers }: Run): Promise<void> {
  try {
    await ensureWatched(deps.store, settings.watch, warm.ensured, deps.now, newCustomers.add);
  } catch (error) {
    if (!isStoreFailure(error)) throw error;
    // The next run does it again.
    deps.log.warn("run could not be prepared", describeError(error));
  }
}

type Reads = {
  readonly laneLeft: boolean;
  readonly discovered: number;
  /** Another run may have taken the lease before the end. */
  readonly isLost: boolean;
};

/** Reads the priority lane and the sweep, while new customers are put on the watch list beside. */
async function readCustomers(run: Run): Promise<Omit<Reads, "isLost">> {
  const { settings, warm, limiter, sweep, lane, newCustomers, progress } = run;
  const preparing = prepare(run);
  const listing = startListing(run);
  const beside = startBeside(run);
  const adding = Promise.all([preparing, listing]).finally(newCustomers.end);
  // It is awaited below. Until then its failure must not count as one that nobody handles.
  adding.catch(() => undefined);
  const expiry = expireBeside(reportBlindness(run), run);
  try {
    await readAll({
      sources: [lane, newCustomers, sweep],
      workers: settings.qps + SPARE_WORKERS,
      read: createReadIfDue(warm, limiter, expiry.read),
      limiter,
    });
    if (run.findings.judge.stopped()) beside.stop();
    await beside.ended;
    const [, listed] = await adding;
    if (listed) progress.setDiscovery(listed.progress);
    return { laneLeft: lane.hasLeft(), discovered: listed?.added ?? 0 };
  } finally {
    run.listingLimiter.stop();
    beside.stop();
    // Nothing may run after the response: the platform freezes the instance.
    await Promise.allSettled([adding, beside.ended, expiry.end()]);
  }
}

/** Reads customers, and reports during the run that nobody can be read, once that is known. */
function reportBlindness(run: Run): ReadOne {
  const { counts } = run.findings;
  let isNoted = false;
  return async (request) => {
    const isDone = await run.read(request);
    const ended = counts.failed + counts.throttled;
    if (isNoted || counts.read > 0 || ended < run.settings.qps) return isDone;
    isNoted = true;
    const { deps, dispatcher, warm } = run;
    // Before that nothing can be stale, and the end of the run notes it as well.
    if (deps.now() - (warm.lastGoodAt ?? deps.now()) < STALE_MS) return isDone;
    await noteBlindness(run.findings, failedReadsOptions(run), { ...deps, dispatcher });
    return isDone;
  };
}

/**
 * Asks for the account's own numbers if nobody could be read and an account code waits for its proof:
 * with one customer, or with few that are read together, no later call can give it.
 */
async function proveRefusal({ deps, findings, limiter, lease, deadlineAt }: Run): Promise<void> {
  const { judge, counts } = findings;
  if (counts.read > 0 || !judge.isSuspicious()) return;
  const calledAt = deps.now();
  try {
    await deps.upstream.query({}, { limiter: limitByLease(limiter, lease), deadlineAt });
    judge.noteGoodRead();
  } catch (error) {
    if (!isAppError(error)) throw error;
    judge.noteFailure({ customer: ACCOUNT, error, calledAt, answeredAt: deps.now() });
  }
}

function failedReadsOptions({ deps, settings, warm, sweep, sweepsBefore, beganAt, clock }: Run) {
  const { full, done, startedAt } = sweep.progress().sweep;
  const { source, pollIntervalMs } = settings;
  // A sweep that ends in the future is one in which the clock was wrong.
  const newestMs = Math.max(0, deps.now() - startedAt);
  const isKnown = full && full.endedAt <= deps.now() && full.startedAt <= full.endedAt;
  return {
    ...{ source, pollIntervalMs, sweeps: sweepsBefore },
    // One customer that is always throttled lets no sweep be full. Each still shows how long it took.
    sweepMs: isKnown ? Math.min(full.endedAt - full.startedAt, done ? newestMs : Infinity) : 0,
    lastGoodAt: warm.lastGoodAt,
    blindSince: warm.blindSince,
    clock,
    isOver: () => deps.monotonic() >= beganAt + RUN_DEADLINE_MS,
  };
}

async function startListing(run: Run): Promise<Discovery | undefined> {
  if (!run.settings.discover) return undefined;
  return discover(run.deps, {
    limiter: limitByLease(run.listingLimiter, run.lease),
    deadlineAt: run.stopAt,
    progress: run.lease.progress.discovery ?? newDiscoverProgress(),
    onNew: run.newCustomers.add,
  });
}

/** Stores what only all reads together can tell: absences, failures, and which passes are full. */
async function storeFindings(run: Run): Promise<void> {
  const { warm, dispatcher, sweep, lane, findings, progress } = run;
  const deps = { ...run.deps, dispatcher };
  await proveRefusal(run);
  await commitFirstValues(findings, deps);
  await commitEmptyLists(findings, warm, deps);
  if (hasUnstored(findings) || findings.hasStoreFailures) {
    sweep.invalidate();
    lane.invalidate();
  }
  const options = failedReadsOptions(run);
  if (await recordFailures(findings, warm, options, deps)) progress.confirmCompletions();
}

async function deliverAndReport(
  run: Run,
  { laneLeft, discovered, isLost }: Reads,
): Promise<Omit<RunReport, "leaseHeld">> {
  const { deps, dispatcher, sweep, lane, findings } = run;
  const delivery = await dispatcher.finish();
  const aheadMs = run.clock.aheadMs();
  if (aheadMs !== undefined) {
    const message = "clock differs from the upstream's, so nothing is deleted or reported by age";
    deps.log.warn(message, { aheadSeconds: Math.round(aheadMs / 1000) });
  }
  const isOver = () => deps.monotonic() >= run.beganAt + RUN_DEADLINE_MS;
  const pending = delivery.isIdle
    ? { events: 0, atLeast: false }
    : await countPending(deps.store, PENDING_COUNT_CUSTOMERS, isOver).catch((error: unknown) => {
        if (!isStoreFailure(error)) throw error;
        return { events: 0, atLeast: true };
      });
  return {
    ...findings.counts,
    stopped: isLost ? "lease-lost" : findings.judge.stopped(),
    delivered: delivery.delivered,
    failedAttempts: delivery.failedAttempts,
    deadLettered: delivery.deadLettered,
    pending: pending.events,
    pendingAtLeast: pending.atLeast,
    laneRead: run.laneBudget.taken(),
    laneLeft,
    sweepDone: sweep.progress().sweep.done,
    discovered,
    freshness: toFreshness({ ...sweep.progress(), lane: lane.progress() }, deps.now()),
    receiver: delivery.receiverState,
    durationMs: Math.round(deps.monotonic() - run.beganAt),
  };
}

/**
 * Saves the progress and releases the lease. A store that fails is tried again until the run's
 * deadline. After that the next run of this process takes the lease back.
 */
async function release({ deps, lease, progress, warm, beganAt }: Run): Promise<void> {
  for (;;) {
    try {
      return await lease.release(progress.current());
    } catch (error) {
      if (deps.monotonic() + LEASE_LOOK_MS >= beganAt + RUN_DEADLINE_MS) {
        warm.unreleased = lease.owner;
        deps.log.warn("lease could not be released", describeError(error));
        return;
      }
    }
    await deps.sleep(LEASE_LOOK_MS);
  }
}
