import type { Log } from "../log.ts";
import type { Store } from "../store/store.ts";
import type { OutgoingEvent, Send } from "../webhook/attempt.ts";

/** No step of a command starts later than this after its beginning… */
const WORK_MS = 20_000;
/** …and no call to the receiver runs past this: the caller is waiting. */
const DEADLINE_MS = 36_000;

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
  readonly testEvent: () => OutgoingEvent;
  /** Customers of the environment's list. */
  readonly listed: readonly string[];
  /**
   * What this instance knows of its own reads: when the last one began that showed all of a
   * customer's stored values, on the wall clock in ms.
   */
  readonly lastReads: ReadonlyMap<string, { readonly seenAt: number | undefined }>;
  /** The time that this one command may take. */
  readonly budget: Budget;
};

export type Budget = {
  /** From then on a command answers with what it has and with where to go on. */
  isOver(): boolean;
  /** On the monotonic clock, ms. */
  readonly deadlineAt: number;
};

/** Commands take no lease, so they are kept short: the caller asks again with the cursor. */
export function createBudget(monotonic: () => number): Budget {
  const beganAt = monotonic();
  return {
    isOver: () => monotonic() - beganAt >= WORK_MS,
    deadlineAt: beganAt + DEADLINE_MS,
  };
}

/** The end of an answer: whether there is more, and the `after` to ask for it with. */
export type Page = { readonly more: false } | { readonly more: true; readonly after: string };
