import type { Dispatcher } from "../outbox/dispatcher.ts";
import type { Upstream } from "../signing/upstream.ts";
import type { ClockCheck } from "./clock-check.ts";
import { newFindings } from "./findings.ts";
import { createLaneBudget } from "./lane-budget.ts";
import { type Lease, limitByLease } from "./lease.ts";
import { trackProgress } from "./progress.ts";
import { createReader } from "./reader.ts";
import { createRunLimiters } from "./run-limiters.ts";
import { startScans } from "./scans.ts";
import type { RunDeps, RunSettings } from "./settings.ts";
import { createSyncRead } from "./sync-read.ts";
import type { WarmState } from "./warm-state.ts";

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
  const { query: limiter, list: listingLimiter } = limiters;
  const scans = startScans(lease.progress, settings.pollIntervalMs, { ...deps, limiter });
  const lanes = createLaneBudget(qps, runMs);
  const findings = newFindings();
  // Another instance may have read since this one did.
  const times = [warm.lastGoodAt ?? 0, lease.progress.lastGoodAt ?? 0];
  warm.lastGoodAt = Math.max(...times.filter((at) => at <= deps.now()), 0) || undefined;

  const { query } = deps.upstream;
  const syncRead = (): Upstream["query"] =>
    createSyncRead(deps, {
      limiter: limitByLease(limiters.sync, lease),
      backoff: warm.syncBackoff,
    });
  const sweep = { query, limiter: limitByLease(limiter, lease) };
  const lane = {
    query: settings.sync === "off" ? query : syncRead(),
    limiter: lanes.countCalls(sweep.limiter),
  };
  const read = createReader(
    findings,
    { limiter, sweep, lane, deadlineAt, warm },
    { ...deps, source, dispatcher, isClockConfirmed: clock.isConfirmed },
  );
  return {
    ...{ deps, settings, warm, lease, beganAt, stopAt, deadlineAt },
    ...{ limiter, listingLimiter, dispatcher, clock, scans, lanes, findings, read },
    /** When the last whole sweep before this run began, on the wall clock in ms. */
    sweptAt: lease.progress.sweep.full?.startedAt,
    progress: trackProgress(
      lease.progress,
      scans,
      warm,
      () => limiters.keep(lease.owner),
      deps.now,
    ),
  };
}
