import type { Log } from "../log.ts";
import type { Dispatcher } from "../outbox/dispatcher.ts";
import type { LeaseRow } from "../schemas/watch-rows.ts";
import type { Upstream } from "../signing/upstream.ts";
import type { Store } from "../store/store.ts";
import type { OutgoingEvent, Send } from "../webhook/attempt.ts";

export type RunDeps = {
  readonly store: Store;
  readonly upstream: Upstream;
  readonly send: Send;
  readonly testEvent: () => OutgoingEvent;
  readonly now: () => number;
  readonly monotonic: () => number;
  readonly sleep: (ms: number, signal?: AbortSignal) => Promise<void>;
  readonly random: () => number;
  readonly newId: () => string;
  readonly log: Log;
  /** Deletes what is too old. Resolves to where the next run continues. */
  readonly expire: (place: ExpiryPlace) => Promise<ExpiryPlace>;
};

/** Where the deletion of expired idempotency rows, and that of old events, stand. */
export type ExpiryPlace = Pick<LeaseRow, "expiryCursor" | "retention">;

/** What storing a customer's next row takes: its events go to the dispatcher. */
export type CommitDeps = Pick<RunDeps, "store" | "now" | "log"> & {
  readonly dispatcher: Pick<Dispatcher, "enqueue">;
};

export type RunSettings = {
  readonly source: string;
  readonly receiverId: string;
  /** Calls per second. */
  readonly qps: number;
  readonly runMs: number;
  readonly pollIntervalMs: number;
  /** How often the timer fires, in ms. A minute without it. */
  readonly timerMs?: number | undefined;
  /** Customers of the environment's list. */
  readonly watch: readonly string[];
  /** Whether customer spaces are listed and watched by themselves. */
  readonly discover: boolean;
  /** Whether connected numbers are asked whether they can send. */
  readonly health: boolean;
  /** Whether customers are read for hints. */
  readonly hints: boolean;
  /** Whether the priority lane reads from the numbers' source. */
  readonly sync: "off" | "lane";
};
