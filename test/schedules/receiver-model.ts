import type { NumberEvent } from "../../shared/schemas/event.ts";
import { WATCHED_FIELDS, type WatchedField } from "../../shared/schemas/upstream.ts";
import type { AttemptResult, OutgoingEvent, Send } from "../../shared/webhook/attempt.ts";
import type { Process, Random, Scheduler } from "./scheduler.ts";
import type { UpstreamModel } from "./upstream-model.ts";

/**
 * The receiver, which does what the README asks of one (an id that is known is ignored) and checks
 * what it was promised.
 */
export function createReceiverModel(upstream: UpstreamModel, isDead: (id: string) => boolean) {
  const bodies = new Map<string, string>();
  const lastSequence = new Map<string, string>();
  const known = new Map<string, string>();
  const seenUpTo = new Map<string, number>();
  const lost = new Set<string>();
  const problems: string[] = [];

  function accept({ id, body }: OutgoingEvent): void {
    const before = bodies.get(id);
    if (before !== undefined) {
      if (before !== body) problems.push(`one id with two contents: ${id}`);
      return;
    }
    bodies.set(id, body);
    const event = JSON.parse(body) as NumberEvent;
    if (!event.type.startsWith("whatsapp.")) return;
    if (event.id !== id) problems.push(`the body's id is not the request's: ${id}`);
    const last = lastSequence.get(event.partitionkey) ?? "";
    if (event.sequence <= last) {
      problems.push(`out of order: ${event.sequence} first came after ${last}`);
    }
    lastSequence.set(event.partitionkey, event.sequence);
    for (const change of event.data.changes) checkChange(event, change);
    if (event.type.endsWith(".discovered")) {
      for (const [field, value] of Object.entries(event.data.current)) {
        known.set(`${event.subject}.${field}`, value);
      }
    }
  }

  function checkChange(event: NumberEvent, change: NumberEvent["data"]["changes"][number]): void {
    const key = `${event.subject}.${change.field}`;
    const expected = known.get(key);
    const gapIsExplained = [...lost].some(isDead);
    if (expected !== undefined && expected !== change.from && !gapIsExplained) {
      problems.push(`gap: ${key} changes from ${change.from}, but was last ${expected}`);
    }
    if (change.from === change.to) problems.push(`no change at all: ${key}`);
    known.set(key, change.to);
    const field = WATCHED_FIELDS[change.field as WatchedField];
    const history = upstream.history(event.subject, field);
    const at = history.indexOf(change.to, (seenUpTo.get(key) ?? 0) + 1);
    if (at < 0) problems.push(`invented: ${key} never changed to ${change.to} by then`);
    else seenUpTo.set(key, at);
  }

  return {
    accept,
    /** An event that was refused at least once: it may end as a dead letter. */
    refuse: (id: string) => void lost.add(id),
    has: (id: string) => bodies.has(id),
    problems,
    /** Where the receiver's picture differs from the upstream's, for fields it has heard of. */
    differences(customers: readonly string[]): string[] {
      return customers.flatMap((customer) =>
        upstream.snapshot(customer).flatMap((item) =>
          Object.entries(WATCHED_FIELDS).flatMap(([field, name]) => {
            const value = known.get(`${item.PhoneNumber}.${field}`);
            return value === undefined || value === item[name]
              ? []
              : [
                  `at the end ${item.PhoneNumber}.${field} is ${value} here, ${item[name]} upstream`,
                ];
          }),
        ),
      );
    },
  };
}

export type ReceiverModel = ReturnType<typeof createReceiverModel>;

/** Requests that arrive although their sender has given them up. */
export type LateArrivals = OutgoingEvent[];

export function sendOf(
  owner: Process,
  receiver: ReceiverModel,
  scheduler: Scheduler,
  random: Random,
  late: LateArrivals,
  rules: { isCalm: () => boolean; isPoison: (id: string) => boolean },
): Send {
  const lostAnswer: AttemptResult = { kind: "failed", reason: "timeout" };
  return async (event) => {
    await scheduler.step(owner);
    if (rules.isPoison(event.id)) {
      receiver.refuse(event.id);
      await scheduler.step(owner);
      return { kind: "refused", status: 400 };
    }
    const luck = rules.isCalm() ? 0 : random();
    if (luck < 0.6) {
      receiver.accept(event);
      await scheduler.step(owner);
      return { kind: "delivered", status: 204 };
    }
    if (luck < 0.75) receiver.accept(event);
    else if (luck < 0.85) late.push(event);
    await scheduler.step(owner);
    if (luck >= 0.95) return { kind: "failed", reason: "status", status: 503 };
    return lostAnswer;
  };
}
