import { describeError, type Log } from "../log.ts";
import type { Acknowledgements } from "./acknowledgements.ts";
import type { CustomerQueue, NextTurn } from "./customer-queue.ts";
import { type DeliverDeps, type DeliverOutcome, deliverNext } from "./deliver.ts";
import { FAILED_DELAY_MS } from "./schedule.ts";
import type { StoredBreaker } from "./stored-breaker.ts";

export type DeliveryCounts = {
  delivered: number;
  failedAttempts: number;
  deadLettered: number;
};

export type InFlightOptions = {
  readonly queue: CustomerQueue;
  readonly breaker: StoredBreaker;
  readonly acknowledgements: Acknowledgements;
  /** Raised with each outcome. */
  readonly counts: DeliveryCounts;
  /** On the monotonic clock, ms: no attempt runs past this. */
  readonly deadlineAt: number;
  /** Called whenever one has ended, so that the next can start. */
  readonly onEnd: () => void;
};

type InFlightDeps = DeliverDeps & { readonly log: Log };

/** The deliveries and the probe under way: at most as many as the breaker allows. */
export type InFlight = {
  /** Starts what may start now. Does not wait for it. */
  startAllowed(): void;
  count(): number;
  /** Whose event was the last probe, if one was. */
  lastProbed(): string | undefined;
};

export function createInFlight(options: InFlightOptions, deps: InFlightDeps): InFlight {
  const { queue, breaker } = options;
  let count = 0;
  let isProbing = false;
  let lastProbed: string | undefined;

  async function track(work: Promise<unknown>): Promise<void> {
    count += 1;
    await work;
    count -= 1;
    options.onEnd();
  }

  async function probe(): Promise<void> {
    isProbing = true;
    lastProbed = (await probeReceiver(options, deps)) ?? lastProbed;
    isProbing = false;
  }

  return {
    startAllowed() {
      const { atOnce, probe: mayProbe } = breaker.allowance();
      if (mayProbe && queue.readyCount() > 0 && !isProbing) void track(probe());
      while (count < atOnce) {
        const customer = queue.take();
        if (customer === undefined) return;
        void track(deliver(customer, options, deps));
      }
    },
    count: () => count,
    lastProbed: () => lastProbed,
  };
}

/**
 * Sends a `webhook.test` to find out whether the receiver accepts events again. Some receivers know
 * no tests and refuse them, so after a refusal the next due event is the probe. Resolves to the
 * customer of that event, if one was sent. Never rejects.
 */
async function probeReceiver(
  options: InFlightOptions,
  deps: InFlightDeps,
): Promise<string | undefined> {
  const { breaker, counts, deadlineAt, queue } = options;
  try {
    const result = await deps.send(deps.testEvent(), { deadlineAt });
    if (result.kind !== "delivered") counts.failedAttempts += 1;
    while (result.kind === "refused") {
      // A run may end after one probe, and an event that fails alone must not be all of them.
      const customer = queue.takeProbe(breaker.place());
      if (customer === undefined) break;
      if (await deliver(customer, options, deps, true)) return customer;
    }
    await breaker.probed(result);
  } catch (error) {
    deps.log.error("probe failed", describeError(error));
  }
  return undefined;
}

/** Gives a customer its turn in the queue. Resolves to true if an event was sent. Never rejects. */
async function deliver(
  customer: string,
  options: InFlightOptions,
  deps: InFlightDeps,
  isProbe = false,
): Promise<boolean> {
  const { queue, breaker, acknowledgements, deadlineAt } = options;
  let next: NextTurn = "none";
  let wasSent = true;
  let isCritical = false;
  try {
    const outcome = await deliverNext(customer, deps, {
      deadlineAt,
      receiver: breaker,
      acknowledgements,
      isProbe,
    });
    isCritical = outcome.kind === "delivered" && outcome.isCritical;
    next = nextTurn(outcome, deps.now());
    wasSent = outcome.kind !== "none" && outcome.kind !== "waits";
    if (isProbe && outcome.kind === "failed") options.counts.failedAttempts += 1;
    else await handleOutcome(customer, outcome, options, deps.log);
  } catch (error) {
    // The row keeps the event, and the next run delivers it.
    deps.log.error("delivery failed", { customer, ...describeError(error) });
  } finally {
    acknowledgements.forget(customer);
    queue.release(customer, next, isCritical);
  }
  return wasSent;
}

async function handleOutcome(
  customer: string,
  outcome: DeliverOutcome,
  { breaker, counts }: InFlightOptions,
  log: Log,
): Promise<void> {
  switch (outcome.kind) {
    case "none":
    case "waits":
      return;
    case "delivered":
      counts.delivered += 1;
      return breaker.accepted();
    case "refused":
      counts.failedAttempts += 1;
      // Only this event was refused: the receiver accepted the test or another event.
      return breaker.accepted();
    case "dead": {
      counts.deadLettered += 1;
      const { id: eventId, status } = outcome;
      log.error("event moved to dead letters", { customer, eventId, status });
      return;
    }
    case "gone":
      counts.failedAttempts += 1;
      return breaker.gone();
    case "failed":
      counts.failedAttempts += 1;
      return breaker.failed(outcome.failure);
  }
}

function nextTurn(outcome: DeliverOutcome, now: number): NextTurn {
  switch (outcome.kind) {
    case "none":
      return "none";
    case "delivered":
    case "dead":
      return outcome.left > 0 ? "ready" : "none";
    case "gone":
      return "ready";
    case "waits":
    case "refused":
      return { waitsUntil: outcome.at };
    case "failed":
      return { waitsUntil: outcome.at ?? now + FAILED_DELAY_MS };
  }
}
