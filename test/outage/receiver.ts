import type { NumberEvent } from "../../shared/schemas/event.ts";
import type { AttemptResult, OutgoingEvent } from "../../shared/webhook/attempt.ts";

/** A receiver that can be down, and that checks the order and the values of what it accepts. */
export function createOutageReceiver() {
  const lastSequence = new Map<string, string>();
  const quality = new Map<string, string>();
  const receiver = {
    isDown: false,
    attempts: 0,
    received: 0,
    /** At which delivery each customer's first event came. */
    firstAt: new Map<string, number>(),
    problems: [] as string[],
    accept({ body }: OutgoingEvent): AttemptResult {
      receiver.attempts += 1;
      if (receiver.isDown) return { kind: "failed", reason: "network" };
      const event = JSON.parse(body) as Partial<NumberEvent>;
      if (event.data) check(event as NumberEvent);
      return { kind: "delivered", status: 204 };
    },
  };

  function check({ partitionkey, sequence, data }: NumberEvent): void {
    const last = lastSequence.get(partitionkey) ?? "";
    if (sequence <= last) receiver.problems.push(`out of order: ${sequence}`);
    lastSequence.set(partitionkey, sequence);
    for (const { from, to } of data.changes) {
      const known = quality.get(partitionkey) ?? "GREEN";
      if (from !== known) receiver.problems.push(`gap before ${sequence}`);
      quality.set(partitionkey, String(to));
    }
    receiver.received += 1;
    if (!receiver.firstAt.has(partitionkey)) receiver.firstAt.set(partitionkey, receiver.received);
  }

  return receiver;
}
