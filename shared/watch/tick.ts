import { describeError } from "../log.ts";
import { countPending } from "../outbox/pending.ts";
import { startPump } from "../outbox/pump.ts";
import { newDiscoverProgress } from "../schemas/discovery.ts";
import type { Gate } from "../signing/upstream.ts";
import { discover } from "./discover.ts";
import { createFreshRead } from "./fresh-read.ts";
import { createLaneBudget } from "./lane-budget.ts";
import { type Lease, type Progress, takeLease } from "./lease.ts";
import { createPace, type Pace } from "./pace.ts";
import { readAll } from "./read-all.ts";
import { createReader } from "./reader.ts";
import { heldElsewhere, type TickReport, toFreshness } from "./tick-report.ts";
import type { TickDeps, TickMemory, TickSettings } from "./tick-settings.ts";
import { createCheckpoint, createVisit } from "./visits.ts";
import { startWalks, withEarlierFull } from "./walks.ts";
import { ensureWatched } from "./watch-list.ts";

/** Every call of a tick has ended by then, counted from its beginning. */
const TICK_DEADLINE_MS = 58_000;
const PENDING_COUNT_CUSTOMERS = 100;
const EXPIRY_PAGE = 50;
/** Customers read beside the slots, so that a slot never waits for the store. */
const SPARE_WORKERS = 2;

/**
 * One run of poll: takes the lease, starts the deliveries that are due, reads the fast lane and
 * then the sweep from where it stood, delivers what it finds, saves its progress and lets go. Reads
 * never wait for deliveries.
 *
 * @throws StoreUnavailableError and other store errors: the tick has failed, and lost nothing
 */
export async function runTick(
  deps: TickDeps,
  settings: TickSettings,
  memory: TickMemory,
): Promise<TickReport> {
  const beganAt = deps.monotonic();
  const lease = await takeLease(deps);
  if (!lease) return heldElsewhere(deps.monotonic() - beganAt);

  const stopAt = beganAt + settings.tickMs;
  const deadlineAt = beganAt + TICK_DEADLINE_MS;
  const pace = createPace({ limit: settings.qps, stopAt }, deps);
  const pump = startPump({ endpoint: settings.endpoint, stopAt, deadlineAt }, deps);
  const gate = leasedGate(pace, lease);
  // Each operation has a limit of its own upstream.
  const { query } = deps.upstream;
  const laneQuery =
    settings.sync === "off"
      ? query
      : createFreshRead(deps, {
          gate: leasedGate(createPace({ limit: settings.qps, stopAt }, deps), lease),
          memory: memory.fresh,
        });
  const lanes = createLaneBudget(settings.qps, settings.tickMs);
  const laneGate = lanes.gate(gate);
  const reader = createReader(
    { pace, gate, laneGate, deadlineAt, pump, memory, query, laneQuery },
    { ...deps, source: settings.source },
  );
  const sweptAt = lease.progress.sweep.full?.startedAt;
  const walks = startWalks(lease.progress, settings.pollIntervalMs, { ...deps, pace });
  let { expiryCursor, discovery } = lease.progress;
  // A whole pass proves what was read in it once the failures among its reads are stored as well.
  let isSettled = false;
  const progress = (): Progress => ({
    ...(isSettled ? walks.progress() : withEarlierFull(walks.progress(), lease.progress)),
    ...{ expiryCursor, discovery },
  });
  const listingPace = createPace({ limit: settings.qps, stopAt }, deps);
  let listing: ReturnType<typeof discover> | undefined;

  try {
    expiryCursor = await deps.expire(expiryCursor, EXPIRY_PAGE);
    await ensureWatched(deps.store, settings.watch, memory.ensured, deps.now);
    listing = settings.discover
      ? discover(deps, {
          gate: leasedGate(listingPace, lease),
          deadlineAt: stopAt,
          progress: discovery ?? newDiscoverProgress(),
        })
      : undefined;
    // Its failure is met below; until then it must not count as one that nobody handles.
    listing?.catch(() => undefined);
    const checkpoint = createCheckpoint(lease, pace, progress, deps);
    const visit = createVisit(settings, memory, { now: deps.now, pace }, reader.read);
    await readAll({
      stages: [...lanes.stages(walks), { walk: walks.sweep, enter: () => () => undefined }],
      workers: settings.qps + SPARE_WORKERS,
      visit,
      checkpoint,
      pace,
    });
    const laneLeft = [walks.onboarding, walks.worse, walks.asked].some(
      (walk) => !walk.progress().done,
    );
    const listed = await listing;
    discovery = listed?.progress ?? discovery;
    await reader.settleEmpty();
    if (reader.report().stopped) walks.taint();
    const { full } = walks.progress().sweep;
    const sweepMs = full ? full.endedAt - full.startedAt : 0;
    await reader.settleFailures({ sweepMs, sweptAt });
    isSettled = true;
    const delivery = await pump.finish();
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
      laneRead: lanes.taken(),
      laneLeft,
      sweepDone: walks.sweep.progress().done,
      discovered: listed?.added ?? 0,
      freshness: toFreshness(walks.progress(), deps.now()),
      receiver: delivery.endpoint,
      durationMs: Math.round(deps.monotonic() - beganAt),
    };
  } finally {
    pace.stop();
    listingPace.stop();
    // Nothing may run after the answer: the platform freezes the instance.
    await listing?.catch(() => undefined);
    await pump.finish().catch(() => undefined);
    // A lease that cannot be given back runs out by itself.
    await lease.release(progress()).catch((error: unknown) => {
      deps.log.warn("lease could not be released", describeError(error));
    });
  }
}

/** No call starts once the lease may be another's, even after a freeze while waiting for a slot. */
function leasedGate(pace: Pace, lease: Lease): Gate {
  return {
    async enter() {
      if (!(await pace.enter())) return false;
      if (lease.isHeld()) return true;
      pace.leave("answered");
      pace.stop();
      return false;
    },
    leave: pace.leave,
  };
}
