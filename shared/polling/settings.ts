import type { Log } from "../log.ts";
import type { Upstream } from "../signing/upstream.ts";
import type { Store } from "../store/store.ts";
import type { OutgoingEvent, Send } from "../webhook/attempt.ts";
import type { ReadMemory } from "./reader.ts";
import { newSyncBackoff, type SyncBackoff } from "./sync-read.ts";

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
  /** Removes idempotency rows that have expired, from a cursor on; returns the next cursor. */
  readonly expire: (after: string, limit: number) => Promise<string>;
};

export type RunSettings = {
  readonly source: string;
  readonly receiverId: string;
  /** Calls per second. */
  readonly qps: number;
  readonly runMs: number;
  readonly pollIntervalMs: number;
  /** Customers of the environment's list. */
  readonly watch: readonly string[];
  /** Whether customer spaces are listed and watched by themselves. */
  readonly discover: boolean;
  /** Whether the priority lane reads from the numbers' source. */
  readonly sync: "off" | "lane";
};

/** What a warm instance knows from earlier runs; losing it costs nothing but accuracy. */
export type WarmState = ReadMemory & {
  readonly ensured: Set<string>;
  readonly fresh: SyncBackoff;
};

/** What an instance knows before its first run: nothing. */
export function newWarmState(): WarmState {
  return {
    lastReads: new Map(),
    lastGood: { at: undefined },
    ensured: new Set(),
    fresh: newSyncBackoff(),
  };
}
