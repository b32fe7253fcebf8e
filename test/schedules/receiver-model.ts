import { WATCHED_FIELDS, type WatchedField } from "../../shared/changes/watched-fields.ts";
import type { NumberEvent } from "../../shared/schemas/event.ts";
import type { AttemptResult, OutgoingEvent, Send } from "../../shared/webhook/attempt.ts";
import type { Process, Random, Scheduler } from "./scheduler.ts";
import { FIELDS, type UpstreamModel } from "./upstream-model.ts";

/** A request takes at least this long. */
const SEND_MS = 5;
/** An event becomes a dead letter after this many refusals, as the README promises. */
const REFUSALS_BEFORE_DEAD_LETTER = 10;

/**
 * A receiver that does what the README asks of one (it ignores a known id) and checks the promises.
 * Each field's values must form one unbroken chain from the baseline or the
 * discovery to the upstream's value at the end. Only a dead letter may be a link of it that was
 * not received.
 */
export function createReceiverModel(upstream: UpstreamModel) {
  const bodies = new Map<string, string>();
  const dead = new Set<string>();
  const refusals = new Map<string, number>();
  const lastSequence = new Map<string, string>();
  const chain = new Map<string, string>();
  const seenUpTo = new Map<string, number>();
  const problems: string[] = [];
  let received = 0;
  /** Customers of which the last word is that they cannot be read. */
  const stale = new Set<string>();
  /** Customers of which the store forgot writes: what was sent of them may come again. */
  const forgiven = new Set<string>();
  /** Events that the store forgot. Their requests may still arrive, after newer events. */
  const forgotten = new Set<string>();

  function accept({ id, body }: OutgoingEvent): void {
    received += 1;
    const before = bodies.get(id);
    if (before !== undefined) {
      if (before !== body) problems.push(`one id with two contents: ${id}`);
      return;
    }
    bodies.set(id, body);
    link(id, body);
  }

  /** An event that became a dead letter is a link of the chain as well. */
  function noteDeadLetter({ id, body }: OutgoingEvent): void {
    const count = refusals.get(id) ?? 0;
    if (count < REFUSALS_BEFORE_DEAD_LETTER)
      problems.push(`dead letter after ${count} refusals: ${id}`);
    if (dead.has(id) || bodies.has(id)) return;
    dead.add(id);
    link(id, body);
  }

  function link(id: string, body: string): void {
    const event = JSON.parse(body) as NumberEvent;
    if (!event.type.startsWith("whatsapp.")) return;
    if (event.id !== id) problems.push(`the body's id is not the request's: ${id}`);
    const last = lastSequence.get(event.partitionkey) ?? "";
    // A receiver ignores what is not newer, as the README asks.
    if (event.sequence <= last && forgotten.has(id)) return;
    if (event.sequence <= last) {
      problems.push(`out of order: ${event.sequence} first came after ${last}`);
    }
    lastSequence.set(event.partitionkey, event.sequence);
    if (event.type.startsWith("whatsapp.watch.")) checkWatch(event);
    for (const change of event.data.changes ?? []) checkChange(event, change);
    if (event.type.endsWith(".state")) begin(event.subject, event.data.current);
    if (event.type.endsWith(".discovered")) begin(event.subject, event.data.current);
  }

  /** Stale and recovered take turns. */
  function checkWatch({ type, partitionkey }: NumberEvent): void {
    const isStale = type.endsWith(".stale");
    if (isStale === stale.has(partitionkey) && !forgiven.has(partitionkey)) {
      problems.push(`${partitionkey}: ${type} comes twice in a row`);
    }
    if (isStale) stale.add(partitionkey);
    else stale.delete(partitionkey);
  }

  /** The values before a number's first change: its baseline, or its discovery. */
  function begin(phoneNumber: string, fields: Readonly<Record<string, string>>): void {
    for (const [field, value] of Object.entries(fields)) {
      const key = `${phoneNumber}.${field}`;
      chain.set(key, value);
      moveOn(key, phoneNumber, field, value, 0);
    }
  }

  function checkChange(event: NumberEvent, change: NumberEvent["data"]["changes"][number]): void {
    const key = `${event.subject}.${change.field}`;
    const expected = chain.get(key);
    if (expected !== change.from && !forgiven.has(event.partitionkey)) {
      problems.push(`gap: ${key} changes from ${change.from}, but was last ${expected}`);
    }
    if (change.from === change.to) problems.push(`no change at all: ${key}`);
    chain.set(key, change.to);
    const next = (seenUpTo.get(key) ?? 0) + 1;
    moveOn(key, event.subject, change.field, change.to, next);
  }

  /** A value must be one that the upstream had, in the upstream's order. */
  function moveOn(key: string, phoneNumber: string, field: string, to: string, next: number): void {
    const history = upstream.history(phoneNumber, WATCHED_FIELDS[field as WatchedField].upstream);
    const isForgiven = upstream.customerOf(phoneNumber, forgiven);
    const at = history.indexOf(to, isForgiven ? 0 : next);
    if (at < 0) problems.push(`invented: ${key} never changed to ${to} by then`);
    else seenUpTo.set(key, at);
  }

  return {
    /** Bodies of the received events, in order. */
    bodies: () => [...bodies.values()],
    accept,
    noteDeadLetter,
    forgetEvent: (id: string) => void forgotten.add(id),
    forgive: (customer: string) => void forgiven.add(customer),
    forgiven,
    begin,
    refuse: (id: string) => void refusals.set(id, (refusals.get(id) ?? 0) + 1),
    /** Requests, also with an event that came before. */
    received: () => received,
    has: (id: string) => bodies.has(id),
    deadLetters: () => dead.size,
    isDead: (id: string) => dead.has(id),
    problems,
    /** Where the end of a chain is not the upstream's value. */
    differences(customers: readonly string[]): string[] {
      return customers.flatMap((customer) =>
        upstream.snapshot(customer).flatMap((item) =>
          Object.entries(WATCHED_FIELDS).flatMap(([field, { upstream: name }]) => {
            if (!FIELDS.some((one) => one === name)) return [];
            const value = chain.get(`${item.PhoneNumber}.${field}`) ?? "never sent";
            return value === item[name]
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

export type SendRules = {
  readonly isCalm: () => boolean;
  /** The receiver's own answer to an event that it does not take, or not now. */
  readonly answer: (event: OutgoingEvent) => AttemptResult | undefined;
};

export function sendOf(
  owner: Process,
  receiver: ReceiverModel,
  scheduler: Scheduler,
  random: Random,
  late: LateArrivals,
  rules: SendRules,
): Send {
  const lostAnswer: AttemptResult = { kind: "failed", reason: "timeout" };
  return async (event) => {
    await scheduler.step(owner);
    scheduler.advance(SEND_MS);
    const answer = rules.answer(event);
    if (answer) {
      if (answer.kind === "refused") receiver.refuse(event.id);
      await scheduler.step(owner);
      return answer;
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
