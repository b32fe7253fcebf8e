import { afterGone } from "../outbox/breaker.ts";
import { loadBreaker, receiverKey, saveBreaker } from "../outbox/receiver-state.ts";
import { type ReceiverRow, receiverRowSchema } from "../schemas/outbox-rows.ts";
import { encodeRow, readRow } from "../store/rows.ts";
import type { AttemptResult, OutgoingEvent } from "../webhook/attempt.ts";
import type { CommandDeps } from "./command-deps.ts";

type ReceiverDeps = Pick<
  CommandDeps,
  "store" | "send" | "now" | "receiverId" | "testEvent" | "budget"
>;

/** Sends one signed `webhook.test` and says what the receiver answered. Changes nothing. */
export async function testWebhook(deps: ReceiverDeps) {
  const event = deps.testEvent();
  const result = await deps.send(event, { deadlineAt: deps.budget.deadlineAt });
  return { command: "webhook-test", eventId: event.id, ...describeResult(result) };
}

/**
 * Stops all deliveries until `webhook-enable`; events keep piling up in the outbox. A run that is
 * under way may still deliver until its end, at most a minute.
 */
export async function pauseWebhook(deps: ReceiverDeps) {
  const changed = await changeReceiver(deps, (row) => {
    if (row.state === "paused") return undefined;
    const since = new Date(deps.now()).toISOString();
    return { ...row, state: "paused", since, reason: "operator" };
  });
  return { command: "webhook-pause", state: "paused", changed };
}

/**
 * Lets deliveries start again after a pause, a 410 or an outage, if the receiver accepts a signed
 * test; otherwise nothing is changed.
 */
export async function enableWebhook(deps: ReceiverDeps) {
  const test = await testWebhook(deps);
  const answer = { ...test, command: "webhook-enable" };
  if (!test.accepted) {
    const { row } = await loadBreaker(deps.store, deps.receiverId, deps.now());
    return { ...answer, state: row.state, changed: false };
  }
  const changed = await changeReceiver(deps, ({ reason: _reason, failures: _failures, ...row }) => {
    if (row.state === "closed") return undefined;
    const since = new Date(deps.now()).toISOString();
    return { ...row, state: "closed", step: 0, nextProbeAt: 0, since } as ReceiverRow;
  });
  return { ...answer, state: "closed", changed };
}

async function changeReceiver(
  deps: ReceiverDeps,
  change: (row: ReceiverRow) => ReceiverRow | undefined,
): Promise<boolean> {
  const key = receiverKey(deps.receiverId);
  for (;;) {
    const stored = await readRow(deps.store, key, receiverRowSchema);
    const known = stored?.value ?? (await loadBreaker(deps.store, deps.receiverId, deps.now())).row;
    const next = change(known);
    if (!next) return false;
    const outcome = await deps.store.put(key, encodeRow(next), stored?.version ?? "absent");
    if (outcome === "stored") return true;
  }
}

function describeResult(result: AttemptResult) {
  return {
    accepted: result.kind === "delivered",
    result: result.kind,
    status: result.status,
    ...(result.kind === "failed" ? { reason: result.reason } : {}),
  };
}

/** Why a command sends nothing, or nothing more. */
export type Stop = { readonly reason: string; readonly status?: number };

/** A receiver that wants nothing gets nothing, redeliveries included. */
export async function whyNotSend(deps: ReceiverDeps): Promise<Stop | undefined> {
  const { row } = await loadBreaker(deps.store, deps.receiverId, deps.now());
  return row.state === "paused" || row.state === "disabled" ? { reason: row.state } : undefined;
}

export type Resent =
  | { readonly kind: "delivered" }
  | { readonly kind: "refused"; readonly status: number }
  /** The receiver is in trouble: others would fare no better. */
  | { readonly kind: "stop"; readonly stop: Stop };

/** Sends an event again, the same id and bytes, marked as a redelivery. */
export async function resend(event: OutgoingEvent, deps: ReceiverDeps): Promise<Resent> {
  const outgoing = { id: event.id, body: event.body };
  const options = { deadlineAt: deps.budget.deadlineAt, redelivery: true };
  const result = await deps.send(outgoing, options);
  switch (result.kind) {
    case "delivered":
      return { kind: "delivered" };
    case "refused":
      return { kind: "refused", status: result.status };
    case "gone": {
      const { row } = afterGone(
        await loadBreaker(deps.store, deps.receiverId, deps.now()),
        deps.now(),
      );
      await saveBreaker(deps.store, deps.receiverId, row);
      return { kind: "stop", stop: { reason: "gone", status: result.status } };
    }
    case "failed": {
      const { reason, status } = result;
      return { kind: "stop", stop: { reason, status } };
    }
  }
}
