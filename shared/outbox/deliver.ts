import { clearMarkers, loadCustomer } from "../customers/customer.ts";
import type { PendingEvent } from "../schemas/customer-row.ts";
import type { Store } from "../store/store.ts";
import type { AttemptResult, OutgoingEvent, Send } from "../webhook/attempt.ts";
import type { ReceiverFailure } from "./breaker.ts";
import { markDelivered, moveToDeadLetters, updatePending } from "./pending.ts";
import { probeDelayMs, refusalDelayMs } from "./schedule.ts";

export type DeliverDeps = {
  readonly store: Store;
  readonly send: Send;
  readonly now: () => number;
  readonly random: () => number;
  /** A signed `webhook.test` event, to learn whether the receiver accepts anything of ours. */
  readonly testEvent: () => OutgoingEvent;
};

export type DeliverOptions = {
  readonly deadlineAt: number;
  /** Whether the receiver is known to have accepted another event just now. */
  readonly recentlyAccepted: () => boolean;
};

/** What became of the first pending event of one customer. */
export type DeliverOutcome =
  | { readonly kind: "none" }
  | { readonly kind: "delivered"; readonly left: number }
  /** Not before `at` (wall clock, ms): the event waits for its next try, and the later ones for it. */
  | { readonly kind: "waits"; readonly at: number; readonly tried: boolean }
  | { readonly kind: "dead"; readonly left: number; readonly id: string; readonly status: number }
  | { readonly kind: "gone" }
  /** With `at`, the event has a wait of its own: the receiver takes others meanwhile. */
  | { readonly kind: "trouble"; readonly trouble: ReceiverFailure; readonly at?: number };

/**
 * Delivers the oldest pending event of a customer, read afresh: order needs no memory but the row.
 * The event leaves the row only after the receiver's 2xx, so a process that dies in between sends
 * it again, the same bytes under the same id.
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
  if (waitsUntil > deps.now()) return { kind: "waits", at: waitsUntil, tried: false };

  const result = await deps.send(event, { deadlineAt: options.deadlineAt });
  switch (result.kind) {
    case "delivered": {
      const left = await markDelivered(deps.store, customer, event.id, deps.now());
      if (left === 0) await clearMarkers(deps.store, customer);
      return { kind: "delivered", left };
    }
    case "gone":
      return { kind: "gone" };
    case "failed":
      if (!options.recentlyAccepted())
        return { kind: "trouble", trouble: toReceiverFailure(result) };
      return backOffEvent(customer, event, toReceiverFailure(result), deps);
    case "refused":
      break;
  }

  // Many verifiers answer 400 to a bad signature. Only a receiver that accepts something else of
  // ours is refusing the event itself; otherwise a botched secret would use up every event.
  if (!options.recentlyAccepted()) {
    const test = await deps.send(deps.testEvent(), { deadlineAt: options.deadlineAt });
    if (test.kind === "gone") return { kind: "gone" };
    if (test.kind !== "delivered") return { kind: "trouble", trouble: toReceiverFailure(test) };
  }
  const count = (event.refusals?.count ?? 0) + 1;
  const delay = refusalDelayMs(count, deps.random());
  if (delay === undefined) {
    const left = await moveToDeadLetters(deps.store, customer, event, result.status, deps.now());
    if (left === 0) await clearMarkers(deps.store, customer);
    return { kind: "dead", left, id: event.id, status: result.status };
  }
  const nextAt = deps.now() + delay;
  await updatePending(deps.store, customer, event.id, (kept) => ({
    ...kept,
    refusals: { ...kept.refusals, count, nextAt },
  }));
  return { kind: "waits", at: nextAt, tried: true };
}

/**
 * An event over which a receiver stumbles that is well otherwise, such as one that it answers with
 * 500, must not stop everyone else's. It waits by the schedule of probes, for ever if need be: it
 * was not refused, so this costs it no attempt.
 */
async function backOffEvent(
  customer: string,
  event: PendingEvent,
  trouble: ReceiverFailure,
  deps: DeliverDeps,
): Promise<DeliverOutcome> {
  const troubles = (event.refusals?.troubles ?? 0) + 1;
  const own = probeDelayMs(troubles - 1, deps.random());
  const at = deps.now() + Math.max(own, trouble.retryAfterMs ?? 0);
  await updatePending(deps.store, customer, event.id, (kept) => ({
    ...kept,
    refusals: { ...kept.refusals, count: kept.refusals?.count ?? 0, nextAt: at, troubles },
  }));
  return { kind: "trouble", trouble: { ...trouble, isLocal: true }, at };
}

/** What an attempt that was not accepted says of the receiver. */
export function toReceiverFailure(result: AttemptResult): ReceiverFailure {
  if (result.kind !== "failed") return { reason: `status ${result.status}` };
  return {
    reason: result.status === undefined ? result.reason : `status ${result.status}`,
    retryAfterMs: result.retryAfterMs,
  };
}
