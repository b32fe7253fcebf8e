import type { PendingEvent } from "../schemas/customer-row.ts";
import { endOfWait } from "../schemas/stored-time.ts";
import type { Store } from "../store/store.ts";
import type { AttemptResult, OutgoingEvent, Send } from "../webhook/attempt.ts";
import type { Acknowledgements } from "./acknowledgements.ts";
import { type ReceiverFailure, toReceiverFailure } from "./breaker.ts";
import { moveToDeadLetters, updateEvent } from "./pending.ts";
import {
  LONGEST_EVENT_WAIT_MS,
  LONGEST_PROBE_WAIT_MS,
  probeDelayMs,
  refusalDelayMs,
} from "./schedule.ts";
import type { StoredBreaker } from "./stored-breaker.ts";

export type DeliverDeps = {
  readonly store: Store;
  readonly send: Send;
  readonly now: () => number;
  readonly random: () => number;
  /** A `webhook.test` event, which shows whether the receiver accepts events at all. */
  readonly testEvent: () => OutgoingEvent;
};

export type DeliverOptions = {
  /** On the monotonic clock, ms: no attempt runs past this. */
  readonly deadlineAt: number;
  readonly receiver: Pick<StoredBreaker, "hasAcceptedRecently" | "accepted" | "probed">;
  readonly acknowledgements: Acknowledgements;
  /** The event is the probe of an open breaker: a failure is the receiver's, without a test. */
  readonly isProbe?: boolean;
};

/** What became of the first pending event of one customer. Times are on the wall clock, in ms. */
export type DeliverOutcome =
  | { readonly kind: "none" }
  /** Whether something critical is among the events left, besides how many they are. */
  | { readonly kind: "delivered"; readonly left: number; readonly isCritical: boolean }
  /** Not attempted, because its wait ends at `at`. Later events of the customer wait as well. */
  | { readonly kind: "waits"; readonly at: number }
  /** The receiver accepts others but not this one. The next attempt is at `at`. */
  | { readonly kind: "refused"; readonly at: number }
  | { readonly kind: "dead"; readonly left: number; readonly id: string; readonly status: number }
  | { readonly kind: "gone" }
  /** With `at`, the event has a wait of its own, while the receiver accepts others. */
  | { readonly kind: "failed"; readonly failure: ReceiverFailure; readonly at?: number };

/**
 * Delivers the oldest pending event of a customer. Order needs no memory but the row, which is read
 * each time. The event leaves the row only after a 2xx, so a process that dies before that sends
 * the same bytes under the same id again.
 */
export async function deliverNext(
  customer: string,
  deps: DeliverDeps,
  options: DeliverOptions,
): Promise<DeliverOutcome> {
  const { acknowledgements } = options;
  const event = await acknowledgements.next(customer);
  if (!event) {
    await acknowledgements.flush(customer);
    await acknowledgements.clear(customer);
    return { kind: "none" };
  }
  // Only an event that was refused waits longer than a receiver does.
  const longestMs = event.refusals?.count ? LONGEST_EVENT_WAIT_MS : LONGEST_PROBE_WAIT_MS;
  const waitsUntil = endOfWait(event.refusals?.nextAt ?? 0, longestMs, deps.now());
  if (waitsUntil > deps.now()) {
    await acknowledgements.flush(customer);
    return { kind: "waits", at: waitsUntil };
  }

  const result = await deps.send(event, { deadlineAt: options.deadlineAt });
  if (options.isProbe) await options.receiver.probed(result);
  if (result.kind !== "delivered") await acknowledgements.flush(customer);
  switch (result.kind) {
    case "delivered": {
      const left = await acknowledgements.accept(customer);
      return { kind: "delivered", left: left.count, isCritical: left.isCritical };
    }
    case "gone":
      return { kind: "gone" };
    case "failed": {
      const failure = toReceiverFailure(result);
      const problem = await findReceiverProblem(result, deps, options);
      return problem ?? backOffEvent(customer, event, failure, deps);
    }
    case "refused": {
      const problem = await findReceiverProblem(result, deps, options);
      return problem ?? refuseEvent(customer, event, result.status, { ...deps, acknowledgements });
    }
  }
}

/**
 * Why a failure is the receiver's problem and not the event's; undefined if the receiver accepts
 * other events. A test decides where an event may fail alone. Many verifiers return 400 to a wrong
 * signature, which must not use up the attempts of every event. One customer's Retry-After must not
 * stop the others.
 */
async function findReceiverProblem(
  result: AttemptResult,
  deps: DeliverDeps,
  { deadlineAt, receiver, isProbe }: DeliverOptions,
): Promise<DeliverOutcome | undefined> {
  const failed: DeliverOutcome = { kind: "failed", failure: toReceiverFailure(result) };
  if (isProbe) return failed;
  if (receiver.hasAcceptedRecently()) return undefined;
  if (result.kind === "failed" && result.retryAfterMs === undefined) return failed;
  const test = await deps.send(deps.testEvent(), { deadlineAt });
  if (test.kind === "delivered") {
    await receiver.accepted();
    return undefined;
  }
  if (test.kind === "gone") return { kind: "gone" };
  return { kind: "failed", failure: toReceiverFailure(test) };
}

/** Counts one more refusal of the event, or moves it to the dead letters after the last. */
async function refuseEvent(
  customer: string,
  event: PendingEvent,
  status: number,
  { acknowledgements, ...deps }: DeliverDeps & Pick<DeliverOptions, "acknowledgements">,
): Promise<DeliverOutcome> {
  const count = (event.refusals?.count ?? 0) + 1;
  const delay = refusalDelayMs(count, deps.random());
  if (delay === undefined) {
    const left = await moveToDeadLetters(deps.store, customer, event, status, deps.now());
    if (left === 0) await acknowledgements.clear(customer);
    return { kind: "dead", left, id: event.id, status };
  }
  const nextAt = deps.now() + delay;
  await updateEvent(deps.store, customer, event.id, (kept) => ({
    ...kept,
    refusals: { ...kept.refusals, count, nextAt },
  }));
  return { kind: "refused", at: nextAt };
}

/**
 * Lets an event wait that fails while the receiver accepts others, so that it stops only its own
 * customer. It waits by the schedule of probes, indefinitely: a failure uses up no attempt.
 */
async function backOffEvent(
  customer: string,
  event: PendingEvent,
  failure: ReceiverFailure,
  deps: DeliverDeps,
): Promise<DeliverOutcome> {
  const { retryAfterMs } = failure;
  const earlier = event.refusals?.troubles ?? 0;
  const own = probeDelayMs(earlier, deps.random());
  // A 429 with a time is no trouble of the event's. It only comes too soon.
  const isRate = failure.status === 429 && retryAfterMs !== undefined;
  const at = deps.now() + (isRate ? retryAfterMs : Math.max(own, retryAfterMs ?? 0));
  const troubles = isRate ? earlier : earlier + 1;
  await updateEvent(deps.store, customer, event.id, (kept) => ({
    ...kept,
    refusals: { ...kept.refusals, count: kept.refusals?.count ?? 0, nextAt: at, troubles },
  }));
  return { kind: "failed", failure: { ...failure, isLocal: true }, at };
}
