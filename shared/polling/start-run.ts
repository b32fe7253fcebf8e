import { sweepsOf } from "../customers/sweeps.ts";
import type { Dispatcher } from "../outbox/dispatcher.ts";
import type { Upstream } from "../signing/upstream.ts";
import { retryRead } from "../store/retry-read.ts";
import { createCallBudget } from "./call-budget.ts";
import type { ClockCheck } from "./clock-check.ts";
import { newFindings } from "./findings.ts";
import { createLane } from "./lane.ts";
import { type Lease, limitByLease } from "./lease.ts";
import { createNewCustomers } from "./new-customers.ts";
import { trackProgress } from "./progress.ts";
import { createReader } from "./reader.ts";
import { createRunLimiters } from "./run-limiters.ts";
import type { RunDeps, RunSettings } from "./settings.ts";
import { createSweep } from "./sweep.ts";
import { createSyncRead } from "./sync-read.ts";
import type { WarmState } from "./warm-state.ts";

/**
 * The priority lane may use this share of a run's calls. More of them costs all other customers more
 * than it wins for those in trouble, by `npm run bench:freshness` at 100,000 customers.
 */
export const LANE_CALL_RATIO = 0.03;
/** A store that failed is asked again after this. */
const STORE_WAIT_MS = 1_000;

/** Every upstream call of a run has ended by then, counted from its beginning… */
const CALLS_DEADLINE_MS = 65_000;
/** …and everything else by then. The function's timeout is 75 s. */
export const RUN_DEADLINE_MS = 70_000;

export type Run = ReturnType<typeof startRun>;

type RunParts = {
  readonly beganAt: number;
  readonly dispatcher: Dispatcher;
  readonly clock: ClockCheck;
};

/** Takes the newest of what this instance and the last run know. Another may have read since. */
function takeOver(warm: WarmState, saved: Lease["progress"], now: number): void {
  const past = (...times: (number | undefined)[]) =>
    times.flatMap((at) => (at !== undefined && at <= now ? [at] : []));
  const goodAt = Math.max(0, ...past(warm.lastGoodAt, saved.lastGoodAt));
  const failedAt = past(warm.blindSince, saved.blindSince).filter((at) => at > goodAt);
  warm.lastGoodAt = goodAt || undefined;
  warm.blindSince = failedAt.length > 0 ? Math.min(...failedAt) : undefined;
}

/** Puts the parts of a run that has the lease together. */
export function startRun(
  lease: Lease,
  { beganAt, dispatcher, clock }: RunParts,
  deps: RunDeps,
  settings: RunSettings,
  warm: WarmState,
) {
  const { qps, runMs, source } = settings;
  const stopAt = beganAt + runMs;
  const deadlineAt = beganAt + CALLS_DEADLINE_MS;
  const kept = { stored: lease.progress.pace, warm: warm.pace };
  const limiters = createRunLimiters({ limit: qps, stopAt }, kept, deps);
  const { query: limiter, list: listingLimiter, health: healthLimiter } = limiters;
  const leftMs = () => stopAt - deps.monotonic();
  const store: RunDeps["store"] = {
    ...deps.store,
    scan: (...page) =>
      retryRead(
        () => deps.store.scan(...page),
        () => limiter.wait(STORE_WAIT_MS),
      ),
  };
  const { pollIntervalMs, timerMs } = settings;
  const sweepSource = createSweep({
    ...{ store, everyMs: pollIntervalMs, timerMs, saved: lease.progress, now: deps.now, leftMs },
  });
  const laneBudget = createCallBudget((qps * runMs * LANE_CALL_RATIO) / 1_000);
  const laneSource = createLane(
    {
      ...{ budget: laneBudget, callsPerSecond: qps * LANE_CALL_RATIO },
      ...{ pollIntervalMs, leftMs, warm, saved: lease.progress.lane },
    },
    { ...deps, store, isClockConfirmed: clock.isConfirmed },
  );
  const findings = newFindings();
  takeOver(warm, lease.progress, deps.now());

  const { query } = deps.upstream;
  const syncRead = (): Upstream["query"] =>
    createSyncRead(deps, {
      limiter: limitByLease(limiters.sync, lease),
      backoff: warm.syncBackoff,
    });
  const sweep = { query, limiter: limitByLease(limiter, lease) };
  const lane = {
    query: settings.sync === "off" ? query : syncRead(),
    limiter: laneBudget.countCalls(sweep.limiter),
  };
  const read = createReader(
    findings,
    { limiter, access: { sweep, lane }, deadlineAt, warm },
    { ...deps, source, dispatcher, isClockConfirmed: clock.isConfirmed },
  );
  return {
    ...{ deps, settings, warm, lease, beganAt, stopAt, deadlineAt },
    ...{ limiter, listingLimiter, healthLimiter, dispatcher, clock, findings, read },
    ...{ sweep: sweepSource, lane: laneSource, laneBudget, newCustomers: createNewCustomers() },
    /** The whole sweeps before this run. */
    sweepsBefore: sweepsOf(lease.progress),
    progress: trackProgress(
      lease.progress,
      { sweep: sweepSource, lane: laneSource },
      warm,
      () => limiters.keep(lease.owner),
      deps.now,
    ),
  };
}
