import { afterGone } from "../outbox/breaker.ts";
import { loadBreaker, saveBreaker } from "../outbox/receiver-state.ts";
import type { AttemptResult, OutgoingEvent } from "../webhook/attempt.ts";
import type { CommandDeps } from "./command-deps.ts";
import type { Stop } from "./page.ts";

/** A command that sends events ends after so many refusals: they say enough about the receiver. */
export const MAX_REFUSED = 100;

type ReceiverDeps = Pick<CommandDeps, "store" | "send" | "now" | "receiverId" | "budget">;

/** The reason to send nothing: a paused or disabled receiver gets no redeliveries either. */
export async function whyNotSend(deps: ReceiverDeps): Promise<Stop | undefined> {
  const { row } = await loadBreaker(deps.store, deps.receiverId, deps.now());
  return row.state === "paused" || row.state === "disabled" ? { reason: row.state } : undefined;
}

export type Resent =
  | { readonly kind: "delivered" }
  | { readonly kind: "refused"; readonly status: number }
  /** The receiver is in trouble: others would fare no better. */
  | { readonly kind: "stop"; readonly stop: Stop };

/** Sends an event again, the same id and bytes, marked as a redelivery. A 410 disables the receiver. */
export async function resend(event: OutgoingEvent, deps: ReceiverDeps): Promise<Resent> {
  const outgoing = { id: event.id, body: event.body };
  const options = { deadlineAt: deps.budget.deadlineAt, redelivery: true };
  const result = await deps.send(outgoing, options);
  switch (result.kind) {
    case "delivered":
      return { kind: "delivered" };
    case "refused":
      return { kind: "refused", status: result.status };
    case "gone":
      await disableReceiver(deps);
      return { kind: "stop", stop: { reason: "gone", status: result.status } };
    case "failed":
      return { kind: "stop", stop: stopOf(result) };
  }
}

function stopOf({
  reason,
  status,
  transportCode,
}: Extract<AttemptResult, { kind: "failed" }>): Stop {
  return { reason, status, transportCode };
}

async function disableReceiver({ store, receiverId, now }: ReceiverDeps): Promise<void> {
  const { row } = afterGone(await loadBreaker(store, receiverId, now()), now());
  await saveBreaker(store, receiverId, row);
}

/** The number that an event's body is about. */
export function subjectOf(body: string): string | undefined {
  const { subject } = JSON.parse(body) as { readonly subject?: unknown };
  return typeof subject === "string" ? subject : undefined;
}
