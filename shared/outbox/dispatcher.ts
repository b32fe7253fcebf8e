import { describeError, type Log } from "../log.ts";
import { DUE_PREFIX, parseEventKey } from "../schemas/outbox-rows.ts";
import type { Store } from "../store/store.ts";
import {
  afterFailedProbe,
  afterFailure,
  afterGone,
  afterSuccess,
  allowance,
  type Breaker,
} from "./breaker.ts";
import {
  type DeliverDeps,
  type DeliverOutcome,
  deliverNext,
  toReceiverFailure,
} from "./deliver.ts";
import { loadBreaker, saveBreaker } from "./receiver-state.ts";
import { HICCUP_DELAY_MS } from "./schedule.ts";

/** An acceptance is recent for this long. */
const RECENT_MS = 60_000;
/** Stands among those in flight for the probe; no customer can be it. */
const PROBE = "?probe";
const SCAN_PAGE = 100;
/** A run with nothing else to do still waits this long for the retry of a delivery that failed. */
const GRACE_MS = 6_000;
/** The store is asked for further due customers when fewer than this many are queued. */
const QUEUE_LOW = 50;

export type DispatcherDeps = DeliverDeps & {
  readonly store: Store;
  readonly monotonic: () => number;
  readonly sleep: (ms: number, signal?: AbortSignal) => Promise<void>;
  readonly log: Log;
};

export type DispatcherOptions = {
  /** Names the receiver's row; no part of its address. */
  readonly receiverId: string;
  /** On the monotonic clock: no attempt starts from then on… */
  readonly stopAt: number;
  /** …and none runs past this. */
  readonly deadlineAt: number;
};

export type DispatcherReport = {
  readonly delivered: number;
  readonly failedAttempts: number;
  readonly deadLettered: number;
  readonly receiverState: Breaker["row"]["state"];
};

export type Dispatcher = {
  /** Says that a customer has pending events. Never waits. */
  enqueue(customer: string): void;
  /** No more offers will come: resolves when nothing is in flight and nothing more is due in time. */
  finish(): Promise<DispatcherReport>;
};

/**
 * Delivers for many customers at once, one event of each at a time, beside whatever else the run
 * does: offering a customer never blocks. Begins with the customers that earlier runs left behind.
 */
export function startDispatcher(options: DispatcherOptions, deps: DispatcherDeps): Dispatcher {
  const ready = new Set<string>();
  const waiting = new Map<string, number>();
  const inFlight = new Set<string>();
  const offeredInFlight = new Set<string>();
  const counts = { delivered: 0, failedAttempts: 0, deadLettered: 0 };
  let breaker: Breaker;
  let acceptedAt = Number.NEGATIVE_INFINITY;
  let scannedTo: string | undefined = "";
  let graceUntil: number | undefined;
  let wake = new AbortController();

  const wakeUp = () => wake.abort();
  const stopped = () => deps.monotonic() >= options.stopAt;

  async function fillFromStore(): Promise<void> {
    const limiter = allowance(breaker, deps.now());
    if (limiter.atOnce === 0 && !limiter.probe) return;
    while (scannedTo !== undefined && ready.size < QUEUE_LOW) {
      const page = await deps.store.scan(DUE_PREFIX, scannedTo, SCAN_PAGE);
      const customers = page.map(({ key }) => parseEventKey(key).customer);
      for (const customer of customers) {
        if (!inFlight.has(customer) && !waiting.has(customer)) ready.add(customer);
      }
      // One look at a customer is enough, however many markers it has: on to the next customer.
      const last = customers.at(-1);
      scannedTo = page.length < SCAN_PAGE ? undefined : `${DUE_PREFIX}${last}/~`;
    }
  }

  /** Asks a receiver in trouble whether it is back, with an event that it can take or leave. */
  async function probe(): Promise<void> {
    inFlight.add(PROBE);
    try {
      const result = await deps.send(deps.testEvent(), { deadlineAt: options.deadlineAt });
      const now = deps.now();
      if (result.kind === "delivered") {
        acceptedAt = deps.monotonic();
        await move(afterSuccess(breaker, now));
      } else {
        counts.failedAttempts += 1;
        if (result.kind === "gone") await move(afterGone(breaker, now));
        else await move(afterFailedProbe(breaker, toReceiverFailure(result), now, deps.random()));
      }
    } catch (error) {
      deps.log.error("probe failed", describeError(error));
    } finally {
      inFlight.delete(PROBE);
      wakeUp();
    }
  }

  async function deliver(customer: string): Promise<void> {
    try {
      const outcome = await deliverNext(customer, deps, {
        deadlineAt: options.deadlineAt,
        recentlyAccepted: () => deps.monotonic() - acceptedAt < RECENT_MS,
      });
      await handleOutcome(customer, outcome);
    } catch (error) {
      // The row keeps the event; the next run starts from there.
      deps.log.error("delivery failed", { customer, ...describeError(error) });
    } finally {
      inFlight.delete(customer);
      if (offeredInFlight.delete(customer) && !waiting.has(customer)) ready.add(customer);
      wakeUp();
    }
  }

  async function handleOutcome(customer: string, outcome: DeliverOutcome): Promise<void> {
    switch (outcome.kind) {
      case "none":
        return;
      case "delivered":
        counts.delivered += 1;
        acceptedAt = deps.monotonic();
        if (outcome.left > 0) ready.add(customer);
        return move(afterSuccess(breaker, deps.now()));
      case "waits":
        if (outcome.tried) counts.failedAttempts += 1;
        waiting.set(customer, outcome.at);
        if (!outcome.tried) return;
        // The event was refused, but the receiver took the test or another one.
        acceptedAt = deps.monotonic();
        return move(afterSuccess(breaker, deps.now()));
      case "dead":
        counts.deadLettered += 1;
        deps.log.error("event given up: the receiver keeps refusing it", {
          customer,
          eventId: outcome.id,
          status: outcome.status,
        });
        if (outcome.left > 0) ready.add(customer);
        return;
      case "gone":
        counts.failedAttempts += 1;
        ready.add(customer);
        return move(afterGone(breaker, deps.now()));
      case "trouble":
        counts.failedAttempts += 1;
        waiting.set(customer, outcome.at ?? deps.now() + HICCUP_DELAY_MS);
        return move(afterFailure(breaker, outcome.trouble, deps.now(), deps.random()));
    }
  }

  async function move(next: Breaker): Promise<void> {
    const before = breaker;
    breaker = next;
    if (next.row === before.row) return;
    if (next.row.state !== before.row.state) {
      const fields = { state: next.row.state, reason: next.row.reason };
      deps.log.warn("webhook receiver changed state", fields);
    }
    breaker = { ...next, row: await saveBreaker(deps.store, options.receiverId, next.row) };
  }

  function startReady(): void {
    const now = deps.now();
    for (const [customer, at] of waiting) {
      if (at > now) continue;
      waiting.delete(customer);
      ready.add(customer);
    }
    const limiter = allowance(breaker, now);
    if (limiter.probe && ready.size > 0 && !inFlight.has(PROBE)) void probe();
    for (const customer of ready) {
      if (inFlight.size >= limiter.atOnce) return;
      ready.delete(customer);
      inFlight.add(customer);
      void deliver(customer);
    }
  }

  /** When there may be something to start, on the wall clock; undefined for never by itself. */
  function nextDue(): number | undefined {
    const limiter = allowance(breaker, deps.now());
    const mayHaveWork = ready.size + waiting.size > 0 || scannedTo !== undefined;
    if (limiter.probe && ready.size === 0) return earliestWaiting();
    if (limiter.atOnce === 0) return mayHaveWork ? limiter.retryAt : undefined;
    return earliestWaiting();
  }

  function earliestWaiting(): number | undefined {
    return waiting.size > 0 ? Math.min(...waiting.values()) : undefined;
  }

  async function run(): Promise<void> {
    breaker = await loadBreaker(deps.store, options.receiverId, deps.now());
    while (!stopped()) {
      wake = new AbortController();
      await fillFromStore();
      startReady();
      const started = deps.monotonic();
      const due = nextDue();
      const wait = due === undefined ? undefined : Math.max(0, due - deps.now());
      const isFinishing = graceUntil !== undefined && inFlight.size === 0;
      const patience = Math.min(graceUntil ?? options.stopAt, options.stopAt);
      if (isFinishing && (wait === undefined || started + wait >= patience)) {
        const allDone = ready.size === 0 && scannedTo === undefined;
        if (allDone || allowance(breaker, deps.now()).atOnce === 0) break;
        continue;
      }
      const longest = options.stopAt - started;
      await deps.sleep(Math.min(wait ?? longest, longest), wake.signal);
    }
    while (inFlight.size > 0) {
      wake = new AbortController();
      await deps.sleep(Math.max(1, options.deadlineAt - deps.monotonic()), wake.signal);
    }
  }

  /** A receiver that fails a few times a run must be found to be in trouble all the same. */
  async function rememberFailures(): Promise<void> {
    const { failures, row } = breaker;
    if (row.state !== "closed" || failures === (row.failures ?? 0)) return;
    await move({ ...breaker, row: { ...row, failures } });
  }

  const running = run();
  // A failure is reported by finish(), which the run always awaits.
  running.catch(() => undefined);

  return {
    enqueue(customer) {
      if (waiting.has(customer)) return;
      (inFlight.has(customer) ? offeredInFlight : ready).add(customer);
      wakeUp();
    },
    async finish() {
      graceUntil ??= deps.monotonic() + GRACE_MS;
      wakeUp();
      await running;
      await rememberFailures();
      return { ...counts, receiverState: breaker.row.state };
    },
  };
}
