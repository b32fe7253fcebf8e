import type { OutgoingEvent } from "../../../shared/webhook/attempt.ts";
import type { ChangeTimes } from "./change-times.ts";
import { toEventView } from "./event-view.ts";
import type { AttemptView, DeliveryState, EventView } from "./state.ts";

/** What the page is sent. */
const KEPT = 100;
const KEPT_ATTEMPTS = 50;
/** Of events that were not tried yet: a backlog has more, and they come as others leave. */
const KEPT_UNTRIED = 50;

export type EventFeed = {
  /** An attempt to deliver the event has ended. */
  take(event: OutgoingEvent, attempt: AttemptView): void;
  /** All events that wait in the store now. One that waited before and was not accepted is unsent. */
  wait(pending: readonly OutgoingEvent[]): void;
  /** How many were accepted, since the start. */
  delivered(): number;
  lastAttempt(): AttemptView | undefined;
  /** The last hundred, the oldest first. */
  events(): readonly EventView[];
  /** With the bytes that were sent. */
  find(id: string): OutgoingEvent | undefined;
};

export type FeedOptions = {
  readonly changeTimes: Pick<ChangeTimes, "find">;
  /** How a number may be shown. */
  readonly show: (phoneNumber: string) => string;
};

type Entry = {
  readonly event: OutgoingEvent;
  readonly key: number;
  attempts: readonly AttemptView[];
  state: DeliveryState;
  /** Whether the store has shown it as waiting. */
  hasWaited: boolean;
  view: EventView;
};

/** What became of each event, from the sender's side: so it is the same for any receiver. */
export function createEventFeed(options: FeedOptions): EventFeed {
  const entries = new Map<string, Entry>();
  let keys = 0;
  let revision = 0;
  let delivered = 0;
  let last: AttemptView | undefined;

  function update(entry: Entry, over: Partial<Entry>): void {
    Object.assign(entry, over);
    revision += 1;
    const { event, key, attempts, state } = entry;
    entry.view = toEventView(event, { key, revision, attempts, state }, options);
  }

  function open(event: OutgoingEvent): Entry {
    const known = entries.get(event.id);
    if (known) return known;
    keys += 1;
    const facts = { key: keys, attempts: [], state: "waiting" } as const;
    const view = toEventView(event, { ...facts, revision: 0 }, options);
    const entry: Entry = { ...facts, event, hasWaited: false, view };
    entries.set(event.id, entry);
    if (entries.size > KEPT) forgetOne();
    return entry;
  }

  /** The oldest that is over, else the oldest. */
  function forgetOne(): void {
    const all = [...entries.values()];
    const oldest = all.find(({ state }) => state !== "waiting") ?? all[0];
    if (oldest) entries.delete(oldest.event.id);
  }

  return {
    take(event, attempt) {
      const entry = open(event);
      last = attempt;
      if (attempt.isAccepted) delivered += 1;
      const attempts = [...entry.attempts, attempt].slice(-KEPT_ATTEMPTS);
      const isDelivered = attempt.isAccepted || entry.state === "delivered";
      // A probe waits for nothing: poll makes a new one.
      const isProbe = entry.view.customer === null;
      update(entry, {
        attempts,
        state: isDelivered ? "delivered" : isProbe ? "unsent" : entry.state,
      });
    },
    wait(pending) {
      const ids = new Set(pending.map(({ id }) => id));
      for (const entry of entries.values()) {
        const isGone = entry.hasWaited && !ids.has(entry.event.id);
        if (isGone && entry.state === "waiting") update(entry, { state: "unsent" });
      }
      const waiting = [...entries.values()].filter(({ state }) => state === "waiting");
      let room = KEPT_UNTRIED - waiting.length;
      for (const event of pending) {
        const known = entries.get(event.id);
        if (known) known.hasWaited = true;
        else if (room > 0) {
          room -= 1;
          update(open(event), { hasWaited: true });
        }
      }
    },
    delivered: () => delivered,
    lastAttempt: () => last,
    events: () => [...entries.values()].map(({ view }) => view),
    find: (id) => entries.get(id)?.event,
  };
}
