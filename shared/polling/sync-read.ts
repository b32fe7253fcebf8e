import { isAppError } from "../errors.ts";
import { describeError, type Log } from "../log.ts";
import { observeAcquire } from "../pacing/rate-limiter.ts";
import type { CallLimiter, Upstream } from "../signing/upstream.ts";

/** A sync waits for the number's source as well: it must leave time for the plain query. */
const SYNC_LIMIT_MS = 10_000;
const DENIED_PAUSE_MS = 3_600_000;
/** After so many failures in a row the source is taken to be down… */
const FAILURES = 3;
/** …and left alone for this long, in ms. */
const DOWN_PAUSE_MS = 300_000;

/** What a warm instance knows of earlier syncs; losing it costs a few calls and a warning. */
export type SyncBackoff = {
  /** Wall clock, ms: until then the plain query is used. */
  pausedUntil: number;
  /** Failed syncs in a row. */
  failures: number;
};

export type SyncReadDeps = {
  readonly upstream: Pick<Upstream, "query" | "sync">;
  readonly now: () => number;
  readonly monotonic: () => number;
  readonly log: Pick<Log, "warn">;
};

export type SyncReadOptions = {
  /** The rate limiter of ChatappSyncPhoneNumber, which has a limit of its own. */
  readonly limiter: CallLimiter;
  readonly backoff: SyncBackoff;
};

/** Nothing is known of the source, so it is asked. */
export function newSyncBackoff(): SyncBackoff {
  return { pausedUntil: 0, failures: 0 };
}

/**
 * A read that takes the place of `query` for customers that must not be seen through a stale copy:
 * `ChatappSyncPhoneNumber`, and the plain query where that cannot be had: for the account itself,
 * which has no CustSpaceId, and whenever a sync fails, so that trouble with the source is neither a
 * failed read nor the end of the run. The call's own call limiter paces the plain query alone.
 *
 * Without the RAM action `cams:ChatappSyncPhoneNumber` syncs pause for an hour, after three
 * failures in a row for five minutes, with one warning each. A refusal is its customer's own.
 *
 * @throws what `query` throws
 */
export function createSyncRead(deps: SyncReadDeps, options: SyncReadOptions): Upstream["query"] {
  const { upstream, log } = deps;
  const { limiter, backoff } = options;

  /** The wait is over when it could not have been asked for: the clock was wrong. */
  const isPaused = () => {
    const left = backoff.pausedUntil - deps.now();
    return left > 0 && left <= DENIED_PAUSE_MS;
  };

  const pause = (ms: number, message: string, error: unknown) => {
    // Reads that were under way together fail together.
    if (isPaused()) return;
    log.warn(message, { ...describeError(error), pauseMs: ms });
    backoff.pausedUntil = deps.now() + ms;
    backoff.failures = 0;
  };

  function noteFailure(error: unknown, code: string): void {
    if (code === "ERR_UPSTREAM_ACCOUNT") {
      pause(DENIED_PAUSE_MS, "syncs pause: allow cams:ChatappSyncPhoneNumber", error);
      return;
    }
    if (code === "ERR_UPSTREAM_REJECTED") return;
    backoff.failures += 1;
    if (backoff.failures < FAILURES) return;
    pause(DOWN_PAUSE_MS, "syncs pause after failures in a row", error);
  }

  return async (params, call) => {
    const { custSpaceId } = params;
    if (!custSpaceId || isPaused()) return upstream.query(params, call);
    let isRefused = false;
    const observed = observeAcquire(limiter, (isGranted) => {
      isRefused = !isGranted;
    });
    const deadlineAt = Math.min(call.deadlineAt, deps.monotonic() + SYNC_LIMIT_MS);
    try {
      const reply = await upstream.sync({ custSpaceId }, { limiter: observed, deadlineAt });
      backoff.failures = 0;
      return reply;
    } catch (error) {
      if (!isAppError(error) || !error.code.startsWith("ERR_UPSTREAM_")) throw error;
      if (!isRefused) noteFailure(error, error.code);
    }
    return upstream.query(params, call);
  };
}
