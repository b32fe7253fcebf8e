import { type AnyAppError, isAppError } from "../errors.ts";
import { describeError, type Log } from "../log.ts";
import type { CallLimiter, Upstream } from "../signing/upstream.ts";
import type { RunDeps } from "./settings.ts";

/** A sync waits for the number's source as well, and must leave time for the plain query. */
const SYNC_LIMIT_MS = 10_000;
const DENIED_PAUSE_MS = 3_600_000;
/** After so many failures in a row the source counts as down. */
const FAILURES_BEFORE_PAUSE = 3;
const DOWN_PAUSE_MS = 300_000;

/** What a warm instance remembers of earlier syncs. Losing it costs a few calls and a warning. */
export type SyncBackoff = {
  /** Until then the plain query is used, on the wall clock in ms. */
  pausedUntil: number;
  /** Failed syncs in a row. */
  failures: number;
};

export type SyncReadDeps = Pick<RunDeps, "now" | "monotonic"> & {
  readonly upstream: Pick<Upstream, "query" | "sync">;
  readonly log: Pick<Log, "warn">;
};

export type SyncReadOptions = {
  /** The rate limiter of ChatappSyncPhoneNumber, which has a limit of its own. */
  readonly limiter: CallLimiter;
  readonly backoff: SyncBackoff;
};

/** What says nothing about the source: a refusal concerns its customer, the others the pace. */
const NO_FAILURES = /* @__PURE__ */ new Set([
  "ERR_UPSTREAM_REJECTED",
  "ERR_UPSTREAM_NOT_SENT",
  "ERR_UPSTREAM_THROTTLED",
]);

export function newSyncBackoff(): SyncBackoff {
  return { pausedUntil: 0, failures: 0 };
}

/**
 * Reads a customer from the numbers' source (`ChatappSyncPhoneNumber`), where `query` may answer
 * from a stale copy. The plain query reads the account itself, which has no CustSpaceId, and
 * every customer whose sync fails. The call's own limiter paces the plain query alone.
 *
 * Without the RAM action `cams:ChatappSyncPhoneNumber` syncs pause for an hour. After three
 * failures in a row they pause for five minutes. Each pause is one warning. A refusal concerns its
 * customer alone.
 *
 * @throws what `query` throws
 */
export function createSyncRead(deps: SyncReadDeps, options: SyncReadOptions): Upstream["query"] {
  const { upstream, log } = deps;
  const { limiter, backoff } = options;

  /** A pause that is longer than any was set by a wrong clock, and is over. */
  const isPaused = () => {
    const left = backoff.pausedUntil - deps.now();
    return left > 0 && left <= DENIED_PAUSE_MS;
  };

  const pause = (ms: number, message: string, error: unknown) => {
    // Reads that are under way together fail together.
    if (isPaused()) return;
    log.warn(message, { ...describeError(error), pauseMs: ms });
    backoff.pausedUntil = deps.now() + ms;
    backoff.failures = 0;
  };

  function noteFailure(error: AnyAppError): void {
    if (error.code === "ERR_UPSTREAM_ACCOUNT") {
      pause(DENIED_PAUSE_MS, "syncs pause: allow cams:ChatappSyncPhoneNumber", error);
    } else if (!NO_FAILURES.has(error.code)) {
      backoff.failures += 1;
      if (backoff.failures < FAILURES_BEFORE_PAUSE) return;
      pause(DOWN_PAUSE_MS, "syncs pause after failures in a row", error);
    }
  }

  return async (params, call) => {
    const { custSpaceId } = params;
    if (!custSpaceId || isPaused()) return upstream.query(params, call);
    const deadlineAt = Math.min(call.deadlineAt, deps.monotonic() + SYNC_LIMIT_MS);
    try {
      const reply = await upstream.sync({ custSpaceId }, { limiter, deadlineAt });
      backoff.failures = 0;
      // The list is optional here, and a reply without one is no read.
      if (reply.items) return reply;
    } catch (error) {
      if (!isAppError(error) || !error.code.startsWith("ERR_UPSTREAM_")) throw error;
      noteFailure(error);
    }
    return upstream.query(params, call);
  };
}
