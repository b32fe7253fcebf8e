import { newHealthProgress } from "../schemas/health.ts";
import { createHealthReads } from "./health-reads.ts";
import { createHintReads } from "./hint-reads.ts";
import { limitByLease } from "./lease.ts";
import { createReader } from "./reader.ts";
import type { Run } from "./start-run.ts";

export type Beside = {
  /** Resolves when nothing beside the reads is due any more in this run. */
  readonly ended: Promise<unknown>;
  /** Starts no further call. */
  stop(): void;
};

/** What runs beside the reads of the lane and the sweep: health reads, and reads for hints. */
export function startBeside(run: Run): Beside {
  const health = run.settings.health ? startHealth(run) : undefined;
  const hints = run.settings.hints ? startHints(run) : undefined;
  const ended = Promise.all([health?.ended, hints]);
  // It is awaited later. Until then its failure must not count as one that nobody handles.
  ended.catch(() => undefined);
  return { ended, stop: () => health?.stop() };
}

function startHealth(run: Run) {
  const { deps, settings, warm, lease, dispatcher, findings, progress } = run;
  const { source, pollIntervalMs, timerMs } = settings;
  const reads = createHealthReads(
    {
      ...{
        source,
        pollIntervalMs,
        timerMs,
        lease,
        limiter: run.healthLimiter,
        counts: findings.counts,
      },
      isDeferred: (customer) =>
        findings.firstValues.has(customer) ||
        findings.emptied.some((one) => one.customer === customer),
      saved: lease.progress.health ?? newHealthProgress(),
      backoff: warm.healthBackoff,
    },
    { ...deps, dispatcher },
  );
  progress.follow({ health: reads.progress });
  return { ended: reads.run(), stop: reads.stop };
}

function startHints(run: Run): Promise<void> {
  const { deps, settings, warm, lease, limiter, laneBudget, progress } = run;
  const { findings, dispatcher, deadlineAt } = run;
  const { release, wait, stop } = limiter;
  // The sweep always has calls waiting. A hint that waited behind them would be a second later.
  const urgent = limitByLease({ release, wait, stop, acquire: limiter.acquireUrgent }, lease);
  const access = { query: deps.upstream.query, limiter: urgent };
  const read = createReader(
    findings,
    { ...{ limiter, deadlineAt, warm }, access: { sweep: access, lane: access } },
    { ...deps, source: settings.source, dispatcher, isClockConfirmed: run.clock.isConfirmed },
  );
  const { hints: saved = [], pace, ranAt } = lease.progress;
  const calls = (settings.qps * settings.runMs) / 1_000;
  let taken = 0;
  const reads = createHintReads(
    {
      ...{ limiter, warm, saved },
      readElsewhereAt: pace?.run === warm.pace?.run ? undefined : ranAt,
      read: (customer) =>
        read({ customer, from: "sweep", dueIn: () => 0, finish: () => undefined }),
      // A fifth together with the lane, which may take a tenth.
      take() {
        if (taken >= Math.max(1, calls / 10, calls / 5 - laneBudget.taken())) return false;
        taken += 1;
        return true;
      },
      giveBack() {
        taken -= 1;
      },
    },
    deps,
  );
  progress.follow({ hints: reads.progress });
  return reads.run();
}
