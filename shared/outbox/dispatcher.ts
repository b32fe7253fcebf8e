import { describeError, type Log } from "../log.ts";
import type { ReceiverRow } from "../schemas/outbox-rows.ts";
import { retryRead } from "../store/retry-read.ts";
import { type AcknowledgementsDeps, createAcknowledgements } from "./acknowledgements.ts";
import type { Allowance } from "./breaker.ts";
import { type CustomerQueue, createCustomerQueue, placeAfter } from "./customer-queue.ts";
import type { DeliverDeps } from "./deliver.ts";
import { createDueCustomers } from "./due-customers.ts";
import { createInFlight, type DeliveryCounts } from "./in-flight.ts";
import { loadStoredBreaker } from "./stored-breaker.ts";
import { createWakeableSleep, type WakeableSleep } from "./wakeable-sleep.ts";

/** After `finish` the dispatcher still waits this long for the retry of a failed delivery. */
const GRACE_MS = 6_000;

/** A store that failed is tried again after this. */
const STORE_WAIT_MS = 1_000;

export type DispatcherDeps = DeliverDeps &
  Pick<AcknowledgementsDeps, "isClockConfirmed"> & {
    readonly monotonic: () => number;
    readonly sleep: (ms: number, signal?: AbortSignal) => Promise<void>;
    readonly log: Log;
  };

export type DispatcherOptions = {
  /** Names the receiver's row. It does not reveal the address. */
  readonly receiverId: string;
  /** On the monotonic clock, ms: no attempt starts from then on… */
  readonly stopAt: number;
  /** …and none runs past this. */
  readonly deadlineAt: number;
};

export type DispatcherReport = Readonly<DeliveryCounts> & {
  readonly receiverState: ReceiverRow["state"];
  /** No customer had events to deliver, of earlier runs or of this one. */
  readonly isIdle: boolean;
};

export type Dispatcher = {
  /** Adds a customer with pending events. Never waits. */
  enqueue(customer: string, isCritical?: boolean): void;
  /**
   * Call it when no more customers will come. Resolves when nothing is in flight and nothing more
   * is due in time.
   *
   * @throws store errors
   */
  finish(): Promise<DispatcherReport>;
};

/**
 * Delivers for many customers at once, one event of each at a time, beside whatever else the run
 * does. It begins with the customers that earlier runs left with pending events.
 */
export function startDispatcher(options: DispatcherOptions, deps: DispatcherDeps): Dispatcher {
  const queue = createCustomerQueue();
  const idle = createWakeableSleep(deps.sleep);
  let graceUntil: number | undefined;
  let isFed = false;

  const running = dispatch({ ...options, queue, idle, graceUntil: () => graceUntil }, deps).then(
    (report) => ({ ...report, isIdle: report.isIdle && !isFed }),
  );
  // finish() reports a failure, and every run awaits it.
  running.catch(() => undefined);

  return {
    enqueue(customer, isCritical) {
      isFed = true;
      queue.add(customer, isCritical);
      idle.wakeUp();
    },
    finish() {
      graceUntil ??= deps.monotonic() + GRACE_MS;
      idle.wakeUp();
      return running;
    },
  };
}

type DispatchOptions = DispatcherOptions & {
  readonly queue: CustomerQueue;
  readonly idle: WakeableSleep;
  /** Set once no more customers will come: how long a retry is worth waiting for, monotonic. */
  readonly graceUntil: () => number | undefined;
};

async function dispatch(
  { queue, idle, ...options }: DispatchOptions,
  deps: DispatcherDeps,
): Promise<DispatcherReport> {
  const { stopAt, deadlineAt } = options;
  const waitForStore = async () => {
    if (deps.monotonic() + STORE_WAIT_MS >= stopAt) return false;
    await deps.sleep(STORE_WAIT_MS);
    return true;
  };
  const breaker = await retryRead(() => loadStoredBreaker(options.receiverId, deps), waitForStore);
  const counts = { delivered: 0, failedAttempts: 0, deadLettered: 0 };
  const acknowledgements = createAcknowledgements(deps);
  const due = createDueCustomers(deps.store, queue, acknowledgements, breaker.place());
  const inFlight = createInFlight(
    { queue, breaker, acknowledgements, counts, deadlineAt, onEnd: idle.wakeUp },
    deps,
  );
  const flush = (all: boolean) =>
    acknowledgements.flushOld(queue.isInFlight, all).catch((error: unknown) => {
      // The events stay in the row, and the receiver gets them again.
      deps.log.error("delivery failed", describeError(error));
    });

  const isOver = (now: number, waitMs: number): boolean => {
    const until = options.graceUntil();
    if (until === undefined || inFlight.count() > 0 || idle.wasWoken()) return false;
    return now + waitMs >= Math.min(until, stopAt);
  };

  try {
    while (deps.monotonic() < stopAt) {
      idle.reset();
      const { atOnce, probe } = breaker.allowance();
      if (atOnce > 0 || probe) await retryRead(due.refill, waitForStore);
      await flush(false);
      queue.endWaits(deps.now());
      inFlight.startAllowed();
      const dueAt = nextDue(breaker.allowance(), queue, due.areAllListed());
      const waitMs = Math.max(0, dueAt - deps.now());
      const now = deps.monotonic();
      if (isOver(now, waitMs)) break;
      await idle.sleep(Math.min(waitMs, stopAt - now, acknowledgements.nextFlushMs()));
    }
  } finally {
    // A delivery in flight is waited for, also after a failure: nothing runs after the response.
    while (inFlight.count() > 0) {
      idle.reset();
      await idle.sleep(Math.max(1, deadlineAt - deps.monotonic()));
    }
    await flush(true);
  }
  const probed = breaker.state() === "open" ? inFlight.lastProbed() : undefined;
  const place = due.place() || (probed === undefined ? "" : placeAfter(probed));
  await breaker.saveRun(place).catch((error: unknown) => {
    deps.log.warn("failures of the receiver could not be stored", describeError(error));
  });
  return { ...counts, receiverState: breaker.state(), isIdle: due.isEmpty() };
}

/** When something may start by itself, on the wall clock in ms; Infinity for never. */
function nextDue(allowed: Allowance, queue: CustomerQueue, areAllListed: boolean): number {
  const firstWaitEnd = queue.firstWaitEnd() ?? Number.POSITIVE_INFINITY;
  const hasReady = queue.readyCount() > 0;
  if (allowed.atOnce > 0 || (allowed.probe && !hasReady)) return firstWaitEnd;
  const hasWork = hasReady || !areAllListed || firstWaitEnd < Number.POSITIVE_INFINITY;
  return (hasWork ? allowed.retryAt : undefined) ?? Number.POSITIVE_INFINITY;
}
