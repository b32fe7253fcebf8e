import { describeError, type Log } from "../log.ts";
import { countPending } from "../outbox/pending.ts";
import { type PumpReport, startPump } from "../outbox/pump.ts";
import { CUSTOMER_PREFIX } from "../schemas/customer-row.ts";
import { HOT_PREFIX } from "../schemas/watch-rows.ts";
import type { Gate, Upstream } from "../signing/upstream.ts";
import type { Row, Store } from "../store/store.ts";
import type { OutgoingEvent, Send } from "../webhook/attempt.ts";
import { customerOfHotKey } from "./lane.ts";
import { type Lease, type Progress, takeLease } from "./lease.ts";
import { createPace, type Pace } from "./pace.ts";
import type { PassWalk } from "./pass.ts";
import { createReader, type LastRead } from "./reader.ts";
import { LANE_SHARE, patienceMs, startWalks } from "./walks.ts";
import { ensureWatched } from "./watch-list.ts";

/** Every call of a tick has ended by then, counted from its beginning. */
const TICK_DEADLINE_MS = 58_000;
const CHECKPOINT_MS = 5_000;
/** Customers read beside the slots, so that a slot never waits for the store. */
const SPARE_WORKERS = 2;
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
};

/** What a warm instance knows from earlier ticks; losing it costs nothing but accuracy. */
export type TickMemory = {
  readonly lastReads: Map<string, LastRead>;
  readonly ensured: Set<string>;
};

export type TickReport = {
  readonly leaseHeld: boolean;
  readonly read: number;
  readonly changed: number;
  readonly failed: number;
  readonly conflicts: number;
  readonly heldBack: number;
  readonly delivered: number;
  readonly failedAttempts: number;
  readonly deadLettered: number;
  readonly pending: number;
  /** There are more pending events than were counted. */
  readonly pendingAtLeast: boolean;
  readonly laneRead: number;
  readonly laneLeft: boolean;
  readonly sweepDone: boolean;
  readonly receiver: PumpReport["endpoint"] | "unknown";
  readonly stopped?: "account" | "outage" | "lease-lost";
  readonly durationMs: number;
};

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
  const reader = createReader(
    { pace, gate, deadlineAt, pump, lastReads: memory.lastReads },
    { ...deps, source: settings.source },
  );
  const walks = startWalks(lease.progress, settings.pollIntervalMs, { ...deps, pace });
  let expiryCursor = lease.progress.expiryCursor;
  const progress = (): Progress => ({ ...walks.progress(), expiryCursor });

  try {
    expiryCursor = await deps.expire(expiryCursor, EXPIRY_PAGE);
    await ensureWatched(deps.store, settings.watch, memory.ensured, deps.now);
    const checkpoint = createCheckpoint(lease, pace, progress, deps);
    const visit = createVisit(settings, memory, { now: deps.now, pace }, reader.read);
    const laneBudget = Math.floor((settings.qps * settings.tickMs) / 2_000);
    const laneRead = await readAll(walks.lanes, laneBudget, visit, checkpoint, pace, settings);
    const laneLeft = walks.lanes.some((walk) => !walk.progress().done);
    await readAll([walks.sweep], Number.POSITIVE_INFINITY, visit, checkpoint, pace, settings);
    await reader.settleEmpty();
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

function heldElsewhere(durationMs: number): TickReport {
  return {
    leaseHeld: true,
    read: 0,
    changed: 0,
    failed: 0,
    conflicts: 0,
    heldBack: 0,
    delivered: 0,
    failedAttempts: 0,
    deadLettered: 0,
    pending: 0,
    pendingAtLeast: true,
    laneRead: 0,
    laneLeft: false,
    sweepDone: false,
    receiver: "unknown",
    durationMs: Math.round(durationMs),
  };
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

/** Answers whether the row has been dealt with, so that the next tick need not come back to it. */
type Visit = (row: Row) => Promise<boolean>;

/** Reads a customer unless it was read within the interval; waits when it will be due shortly. */
function createVisit(
  settings: TickSettings,
  memory: TickMemory,
  deps: Pick<TickDeps, "now"> & { readonly pace: Pace },
  read: (customer: string, inLane: boolean) => Promise<boolean>,
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
    return read(customer, inLane);
  };
}

function createCheckpoint(
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
async function readAll(
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

function trim(lastReads: Map<string, unknown>): void {
  for (const customer of lastReads.keys()) {
    if (lastReads.size <= MAX_LAST_READS) return;
    lastReads.delete(customer);
  }
}
