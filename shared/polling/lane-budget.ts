import type { LaneKind } from "../customers/priority-lane.ts";
import { observeAcquire } from "../pacing/rate-limiter.ts";
import type { CallLimiter } from "../signing/upstream.ts";
import type { Scans } from "./scans.ts";
import type { ReadSource } from "./worker-pool.ts";

/** The lanes together may use this share of a run's calls. */
const LANE_CALL_RATIO = 0.5;

/**
 * The lanes in the order in which they take from the budget, each up to a share of all of it. The
 * first two leave something to those behind them, and get what is left over at the end.
 */
const TURNS: readonly { readonly lane: LaneKind; readonly upTo: number }[] = [
  { lane: "onboarding", upTo: 0.6 },
  { lane: "worse", upTo: 0.85 },
  { lane: "asked", upTo: 1 },
  { lane: "onboarding", upTo: 1 },
  { lane: "worse", upTo: 1 },
];

/**
 * What the priority lane may use of a run. It counts calls as well as customers, because a customer
 * in trouble takes up to three calls.
 *
 * @param qps calls per second
 */
export function createLaneBudget(qps: number, runMs: number) {
  const budget = Math.floor((qps * runMs * LANE_CALL_RATIO) / 1_000);
  let customers = 0;
  let calls = 0;

  return {
    sources: (lanes: Scans["lanes"]): ReadSource[] =>
      TURNS.map(({ lane, upTo }) => ({
        scan: lanes[lane],
        reserve() {
          if (Math.max(customers, calls) >= Math.floor(budget * upTo)) return false;
          customers += 1;
          return true;
        },
        cancel() {
          customers -= 1;
        },
      })),
    /** The limiter for the lanes' calls, which counts them. */
    countCalls: (limiter: CallLimiter): CallLimiter =>
      observeAcquire(limiter, (isGranted) => {
        if (isGranted) calls += 1;
      }),
    /** Customers taken so far. */
    customers: () => customers,
  };
}
