import { createRateLimiter, type RateLimiter } from "../pacing/rate-limiter.ts";
import { agePace, type Pace } from "../pacing/slots.ts";
import type { RunDeps } from "./settings.ts";

/** The paced operations. Each has a limit of its own upstream. */
const OPERATIONS = ["query", "sync", "list", "health"] as const;
export type PacedOperation = (typeof OPERATIONS)[number];

/** Of the 5 calls a second that the upstream allows for health. */
const HEALTH_LIMIT = 4;

/** Where the paces of a run's operations stood. */
type KeptPace = { readonly run: string; readonly operations: Readonly<Record<string, Pace>> };

/** The paces as this instance remembers them, exact by its own monotonic clock. */
export type WarmPace = KeptPace & { readonly at: number };

export type RunLimiters = Readonly<Record<PacedOperation, RateLimiter>> & {
  /** What the next run begins with, for the lease and for this instance. */
  keep(run: string): WarmPace;
};

/**
 * The limiters of a run. They begin where those of the last run ended, so that no second across the
 * seam holds more calls than the limit. What this instance remembers of its own last run is exact.
 * Of another's, the rests count from now on: its clock says nothing about when the lease changed.
 */
export function createRunLimiters(
  options: { readonly limit: number; readonly stopAt: number },
  kept: { readonly stored: KeptPace | undefined; readonly warm: WarmPace | undefined },
  deps: Pick<RunDeps, "monotonic" | "sleep">,
): RunLimiters {
  const { stored, warm } = kept;
  const isOwn = warm !== undefined && (!stored || stored.run === warm.run);
  const earlierOf = (operation: PacedOperation): Pace | undefined => {
    if (!isOwn) return stored?.operations[operation];
    const pace = warm.operations[operation];
    return pace && agePace(pace, Math.max(0, deps.monotonic() - warm.at));
  };
  const create = (operation: PacedOperation, limit = options.limit) =>
    createRateLimiter({ ...options, limit, earlier: earlierOf(operation) }, deps);
  const limiters = {
    ...{ query: create("query"), sync: create("sync"), list: create("list") },
    health: create("health", HEALTH_LIMIT),
  };
  return {
    ...limiters,
    keep(run) {
      const paces = OPERATIONS.map((operation) => [operation, limiters[operation].pace()] as const)
        // An operation that nobody has called has none.
        .filter(([, { trips, restMs }]) => trips || restMs.length > 0);
      return { run, at: deps.monotonic(), operations: Object.fromEntries(paces) };
    },
  };
}
