import { clearMarkers, loadCustomer } from "../customers/customer.ts";
import type { PendingEvent } from "../schemas/customer-row.ts";
import type { Store } from "../store/store.ts";
import type { OutgoingEvent, Send } from "../webhook/attempt.ts";
import { type ReceiverFailure, toReceiverFailure } from "./breaker.ts";
import { markDelivered, moveToDeadLetters, updateEvent } from "./pending.ts";
import { probeDelayMs, refusalDelayMs } from "./schedule.ts";

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
  /** Whether the receiver accepted another event within the last minute. */
  readonly hasAcceptedRecently: () => boolean;
};

/** What became of the first pending event of one customer. Times are on the wall clock, in ms. */
export type DeliverOutcome =
  | { readonly kind: "none" }
  | { readonly kind: "delivered"; readonly left: number }
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
  const stored = await loadCustomer(deps.store, customer);
  const event = stored?.value.pending[0];
  if (!event) {
    await clearMarkers(deps.store, customer);
    return { kind: "none" };
  }
  const waitsUntil = event.refusals?.nextAt ?? 0;
  if (waitsUntil > deps.now()) return { kind: "waits", at: waitsUntil };

  const result = await deps.send(event, { deadlineAt: options.deadlineAt });
  switch (result.kind) {
    case "delivered": {
      const left = await markDelivered(deps.store, customer, event.id, deps.now());
      if (left === 0) await clearMarkers(deps.store, customer);
      return { kind: "delivered", left };
    }
    case "gone":
      return { kind: "gone" };
    case "failed": {
      const failure = toReceiverFailure(result);
      if (!options.hasAcceptedRecently()) return { kind: "failed", failure };
      return backOffEvent(customer, event, failure, deps);
    }
    case "refused": {
      const problem = await findReceiverProblem(deps, options);
      return problem ?? refuseEvent(customer, event, result.status, deps);
    }
  }
}

/**
 * Why a refusal is the receiver's problem and not the event's; undefined if the receiver accepts
 * other events. Many verifiers return 400 to a wrong signature, so without this test a wrong secret
 * would use up the attempts of every event.
 */
async function findReceiverProblem(
  deps: DeliverDeps,
  { deadlineAt, hasAcceptedRecently }: DeliverOptions,
): Promise<DeliverOutcome | undefined> {
  if (hasAcceptedRecently()) return undefined;
  const test = await deps.send(deps.testEvent(), { deadlineAt });
  if (test.kind === "delivered") return undefined;
  if (test.kind === "gone") return { kind: "gone" };
  return { kind: "failed", failure: toReceiverFailure(test) };
}

/** Counts one more refusal of the event, or moves it to the dead letters after the last. */
async function refuseEvent(
  customer: string,
  event: PendingEvent,
  status: number,
  deps: DeliverDeps,
): Promise<DeliverOutcome> {
  const count = (event.refusals?.count ?? 0) + 1;
  const delay = refusalDelayMs(count, deps.random());
  if (delay === undefined) {
    const left = await moveToDeadLetters(deps.store, customer, event, status, deps.now());
    if (left === 0) await clearMarkers(deps.store, customer);
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
  const troubles = (event.refusals?.troubles ?? 0) + 1;
  const own = probeDelayMs(troubles - 1, deps.random());
  const at = deps.now() + Math.max(own, failure.retryAfterMs ?? 0);
  await updateEvent(deps.store, customer, event.id, (kept) => ({
    ...kept,
    refusals: { ...kept.refusals, count: kept.refusals?.count ?? 0, nextAt: at, troubles },
  }));
  return { kind: "failed", failure: { ...failure, isLocal: true }, at };
}
