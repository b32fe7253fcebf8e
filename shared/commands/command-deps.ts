import type { Log } from "../log.ts";
import type { Secret } from "../secret.ts";
import type { Store } from "../store/store.ts";
import type { OutgoingEvent, Send } from "../webhook/attempt.ts";

/** A command starts no step later than this. */
const WORK_MS = 20_000;
/** The caller is waiting, so no call to the receiver runs past this. */
const DEADLINE_MS = 36_000;

type LastSeen = {
  readonly seenAt: number | undefined;
  /** A sight of the row of this version, which counts if the row still has it. */
  readonly sighting?: { readonly at: number; readonly version: string } | undefined;
};

export type CommandDeps = {
  readonly store: Store;
  readonly send: Send;
  readonly now: () => number;
  readonly monotonic: () => number;
  readonly log: Log;
  /** `urn:waba-numbers:<account>:<stage>` */
  readonly source: string;
  /** Names the receiver's row. */
  readonly receiverId: string;
  readonly testEvent: (options?: { redelivery: boolean }) => OutgoingEvent;
  /** Customers of the environment's list. */
  readonly listed: readonly string[];
  /** Those of hint, the newest first. */
  readonly hintSecrets: readonly Secret[];
  /** Whether discovery would bring a customer back. */
  readonly isDiscovering: boolean;
  /** How long a dead letter is kept, in ms. */
  readonly retentionMs: number;
  /**
   * By customer: when this instance's last read that showed all stored values began, on the wall
   * clock in ms.
   */
  readonly lastReads: ReadonlyMap<string, LastSeen>;
  /** The time that this one command may take. */
  readonly budget: Budget;
};

export type Budget = {
  /** From then on a command answers with what it has, and with a cursor to continue from. */
  isOver(): boolean;
  /** On the monotonic clock, ms. */
  readonly deadlineAt: number;
};

/** Commands take no lease, so they are short: the caller repeats them with the cursor. */
export function createBudget(monotonic: () => number): Budget {
  const beganAt = monotonic();
  return {
    isOver: () => monotonic() - beganAt >= WORK_MS,
    deadlineAt: beganAt + DEADLINE_MS,
  };
}
