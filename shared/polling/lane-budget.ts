import type { CallLimiter } from "../signing/upstream.ts";
import type { ResumableScan } from "./resumable-scan.ts";
import type { Scans } from "./scans.ts";
import type { Leave, ReadSource } from "./worker-pool.ts";

/** The lanes together may use this share of a run's calls… */
const LANE_CALL_RATIO = 0.5;
/** …of which the first, and the first two, leave something to those behind them. */
const FIRST_SHARE = 0.6;
const FIRST_TWO_SHARE = 0.85;

/**
 * What the priority lane may take of a run. Calls count, and not customers, as one in trouble is asked
 * up to three times.
 *
 * @param qps calls per second
 */
export function createLaneBudget(qps: number, runMs: number) {
  const budget = Math.floor((qps * runMs * LANE_CALL_RATIO) / 1_000);
  let taken = 0;
  let calls = 0;
  const leave: Leave = (hadRow) => {
    if (!hadRow) taken -= 1;
  };
  const upTo =
    (share: number) =>
    (scan: ResumableScan): ReadSource => ({
      scan,
      enter() {
        if (Math.max(taken, calls) >= Math.floor(budget * share)) return undefined;
        taken += 1;
        return leave;
      },
    });

  return {
    /** What is left over by the later lanes goes back to the first. */
    stages({
      onboarding,
      worse,
      asked,
    }: Omit<Scans, "sweep" | "progress" | "invalidate">): ReadSource[] {
      const all = upTo(1);
      return [
        upTo(FIRST_SHARE)(onboarding),
        upTo(FIRST_TWO_SHARE)(worse),
        all(asked),
        all(onboarding),
        all(worse),
      ];
    },
    /** The rate limiter for the lanes' calls, which counts them. */
    limiter: (limiter: CallLimiter): CallLimiter => ({
      async acquire() {
        const isOpen = await limiter.acquire();
        if (isOpen) calls += 1;
        return isOpen;
      },
      release: limiter.release,
    }),
    /** Customers taken so far. */
    taken: () => taken,
  };
}
