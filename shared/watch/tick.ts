import { describeError, type Log } from "../log.ts";
import { countPending } from "../outbox/pending.ts";
import { startPump } from "../outbox/pump.ts";
import { newDiscoverProgress } from "../schemas/discovery.ts";
import type { Gate, Upstream } from "../signing/upstream.ts";
import type { Store } from "../store/store.ts";
import type { OutgoingEvent, Send } from "../webhook/attempt.ts";
import { discover } from "./discover.ts";
import { createFreshRead, type FreshMemory, newFreshMemory } from "./fresh-read.ts";
import { type Lease, type Progress, takeLease } from "./lease.ts";
import { createPace, type Pace } from "./pace.ts";
import { createReader, type LastRead } from "./reader.ts";
import { heldElsewhere, type TickReport, toFreshness } from "./tick-report.ts";
import { createCheckpoint, createVisit, readAll } from "./visits.ts";
import { startWalks } from "./walks.ts";
import { ensureWatched } from "./watch-list.ts";

/** Every call of a tick has ended by then, counted from its beginning. */
const TICK_DEADLINE_MS = 58_000;
/** Read times are remembered for this many customers; the others' windows are merely wider. */
const MAX_LAST_READS = 5_000;
const PENDING_COUNT_CUSTOMERS = 100;
const EXPIRY_PAGE = 50;

export type TickDeps = {
  readonly store: Store;
  readonly upstream: Upstream;
  readonly send: Send;
  readonly testEvent: () => OutgoingEvent;
  readonly now: () => number;
  readonly monotonic: () => number;
  readonly sleep: (ms: number, signal?: AbortSignal) => Promise<void>;
  readonly random: () => number;
  readonly newId: () => string;
  readonly log: Log;
  /** Removes idempotency rows that have expired, from a cursor on; returns the next cursor. */
  readonly expire: (after: string, limit: number) => Promise<string>;
};

export type TickSettings = {
  readonly source: string;
  readonly endpoint: string;
  /** Calls per second. */
  readonly qps: number;
  readonly tickMs: number;
  readonly pollIntervalMs: number;
  /** Customers of the environment's list. */
  readonly watch: readonly string[];
  /** Whether customer spaces are listed and watched by themselves. */
  readonly discover: boolean;
  /** Whether the fast lane reads from the numbers' source. */
  readonly sync: "off" | "lane";
};

/** What a warm instance knows from earlier ticks; losing it costs nothing but accuracy. */
export type TickMemory = {
  readonly lastReads: Map<string, LastRead>;
  readonly ensured: Set<string>;
  readonly fresh: FreshMemory;
};

export function newTickMemory(): TickMemory {
  return { lastReads: new Map(), ensured: new Set(), fresh: newFreshMemory() };
}

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
  const otherPace = () => leasedGate(createPace({ limit: settings.qps, stopAt }, deps), lease);
  const { query } = deps.upstream;
  const laneQuery =
    settings.sync === "off"
      ? query
      : createFreshRead(deps, { gate: otherPace(), memory: memory.fresh });
  const reader = createReader(
    { pace, gate, deadlineAt, pump, lastReads: memory.lastReads, query, laneQuery },
    { ...deps, source: settings.source },
  );
  const walks = startWalks(lease.progress, settings.pollIntervalMs, { ...deps, pace });
  let { expiryCursor, discovery } = lease.progress;
  const progress = (): Progress => ({ ...walks.progress(), expiryCursor, discovery });

  try {
    expiryCursor = await deps.expire(expiryCursor, EXPIRY_PAGE);
    await ensureWatched(deps.store, settings.watch, memory.ensured, deps.now);
    const listing = settings.discover
      ? discover(deps, {
          gate: otherPace(),
          deadlineAt: stopAt,
          progress: discovery ?? newDiscoverProgress(),
        })
      : undefined;
    // Its failure is met below; until then it must not count as one that nobody handles.
    listing?.catch(() => undefined);
    const checkpoint = createCheckpoint(lease, pace, progress, deps);
    const visit = createVisit(settings, memory, { now: deps.now, pace }, reader.read);
    const laneBudget = Math.floor((settings.qps * settings.tickMs) / 2_000);
    const laneRead = await readAll(walks.lanes, laneBudget, visit, checkpoint, pace, settings);
    const laneLeft = walks.lanes.some((walk) => !walk.progress().done);
    await readAll([walks.sweep], Number.POSITIVE_INFINITY, visit, checkpoint, pace, settings);
    const listed = await listing;
    discovery = listed?.progress ?? discovery;
    await reader.settleEmpty();
    const { full } = walks.progress().sweep;
    await reader.settleFailures(full ? full.endedAt - full.startedAt : 0);
    const delivery = await pump.finish();
    const pending = await countPending(deps.store, PENDING_COUNT_CUSTOMERS);
    trim(memory.lastReads);
    return {
      leaseHeld: false,
      ...reader.report(),
      ...(lease.isHeld() ? {} : { stopped: "lease-lost" }),
      delivered: delivery.delivered,
      failedAttempts: delivery.failedAttempts,
      deadLettered: delivery.deadLettered,
      pending: pending.events,
      pendingAtLeast: pending.atLeast,
      laneRead,
      laneLeft,
      sweepDone: walks.sweep.progress().done,
      discovered: listed?.added ?? 0,
      freshness: toFreshness(walks.progress(), deps.now()),
      receiver: delivery.endpoint,
      durationMs: Math.round(deps.monotonic() - beganAt),
    };
  } finally {
    pace.stop();
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

function trim(lastReads: Map<string, unknown>): void {
  for (const customer of lastReads.keys()) {
    if (lastReads.size <= MAX_LAST_READS) return;
    lastReads.delete(customer);
  }
}
