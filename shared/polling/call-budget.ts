import { observeAcquire } from "../pacing/rate-limiter.ts";
import type { CallLimiter } from "../signing/upstream.ts";

/** What a source may use of a run's calls. It counts customers, and calls if they need several. */
export type CallBudget = {
  /** Reserves a read, or returns false if no more may be taken. */
  take(): boolean;
  isSpent(): boolean;
  /** Reads taken so far. */
  taken(): number;
  /** The limiter for these reads' calls, which counts them. */
  countCalls(limiter: CallLimiter): CallLimiter;
};

/** @param calls of the whole run, at least one */
export function createCallBudget(calls: number): CallBudget {
  const most = Math.max(1, Math.floor(calls));
  let reads = 0;
  let used = 0;
  const isSpent = () => Math.max(reads, used) >= most;
  return {
    take() {
      if (isSpent()) return false;
      reads += 1;
      return true;
    },
    isSpent,
    taken: () => reads,
    countCalls: (limiter) =>
      observeAcquire(limiter, (isGranted) => {
        if (isGranted) used += 1;
      }),
  };
}
