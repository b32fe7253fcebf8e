import { createBreaker } from "../outbox/breaker.ts";
import { loadBreaker, receiverKey } from "../outbox/receiver-state.ts";
import { type ReceiverRow, receiverRowSchema } from "../schemas/outbox-rows.ts";
import { updateRow } from "../store/update-row.ts";
import type { AttemptResult } from "../webhook/attempt.ts";
import type { CommandDeps } from "./command-deps.ts";

type ReceiverDeps = Pick<
  CommandDeps,
  "store" | "send" | "now" | "receiverId" | "testEvent" | "budget"
>;

/**
 * Sends one signed `webhook.test` and reports the receiver's response. Changes nothing. It carries
 * the mark of a redelivery and says so, so that a receiver can refuse it where a proxy drops that.
 */
export async function testWebhook(deps: ReceiverDeps) {
  return sendTest(deps, true);
}

async function sendTest(deps: ReceiverDeps, redelivery: boolean) {
  const event = deps.testEvent({ redelivery });
  const result = await deps.send(event, { deadlineAt: deps.budget.deadlineAt, redelivery });
  return { eventId: event.id, ...describeResult(result) };
}

function describeResult(result: AttemptResult) {
  return {
    accepted: result.kind === "delivered",
    result: result.kind,
    status: result.status,
    reason: result.kind === "failed" ? result.reason : undefined,
    transportCode: result.kind === "failed" ? result.transportCode : undefined,
  };
}

/**
 * Stops all deliveries until `webhook-enable`. Events wait in the outbox. A run that is under way
 * may still deliver until its end, at most a minute.
 */
export async function pauseWebhook(deps: ReceiverDeps) {
  const changed = await changeReceiver(deps, (row) => {
    if (row.state === "paused") return undefined;
    const since = new Date(deps.now()).toISOString();
    return { ...row, state: "paused", since, reason: "operator" };
  });
  return { state: "paused", changed };
}

/**
 * Starts deliveries again after a pause, a 410 or an outage, if the receiver accepts a signed test.
 * If it does not, nothing changes.
 */
export async function enableWebhook(deps: ReceiverDeps) {
  const test = await sendTest(deps, false);
  if (!test.accepted) {
    const { row } = await loadBreaker(deps.store, deps.receiverId, deps.now());
    return { ...test, state: row.state, changed: false };
  }
  const changed = await changeReceiver(deps, (row) => {
    if (row.state === "closed") return undefined;
    const since = new Date(deps.now()).toISOString();
    const cleared = { reason: undefined, failures: undefined, step: 0, nextProbeAt: 0 };
    return { ...row, ...cleared, state: "closed", since };
  });
  return { ...test, state: "closed", changed };
}

async function changeReceiver(
  { store, receiverId, now }: ReceiverDeps,
  change: (row: ReceiverRow) => ReceiverRow | undefined,
): Promise<boolean> {
  const key = receiverKey(receiverId);
  const { outcome } = await updateRow(store, key, receiverRowSchema, (row) => {
    const next = change(createBreaker(row, now()).row);
    return next ? { put: next } : "keep";
  });
  return outcome === "stored";
}
