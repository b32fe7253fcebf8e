import { isAppError } from "../errors.ts";
import type { Log } from "../log.ts";
import type { CallLimiter, Upstream } from "../signing/upstream.ts";
import { type BackoffState, createBackoff } from "./backoff.ts";
import type { RunDeps } from "./settings.ts";

/** A sync waits for the number's source as well, and must leave time for the plain query. */
const SYNC_LIMIT_MS = 10_000;
export type SyncReadDeps = Pick<RunDeps, "now" | "monotonic"> & {
  readonly upstream: Pick<Upstream, "query" | "sync">;
  readonly log: Pick<Log, "warn">;
};

export type SyncReadOptions = {
  /** The rate limiter of ChatappSyncPhoneNumber, which has a limit of its own. */
  readonly limiter: CallLimiter;
  readonly backoff: BackoffState;
};

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
  const { limiter } = options;
  const backoff = createBackoff(
    options.backoff,
    {
      denied: (facts) => log.warn("syncs pause: allow cams:ChatappSyncPhoneNumber", facts),
      down: (facts) => log.warn("syncs pause after failures in a row", facts),
    },
    deps.now,
  );

  return async (params, call) => {
    const { custSpaceId } = params;
    if (!custSpaceId || backoff.isPaused()) return upstream.query(params, call);
    const deadlineAt = Math.min(call.deadlineAt, deps.monotonic() + SYNC_LIMIT_MS);
    try {
      const reply = await upstream.sync({ custSpaceId }, { limiter, deadlineAt });
      backoff.noteSuccess();
      // The list is optional here, and a reply without one is no read.
      if (reply.items) return reply;
    } catch (error) {
      if (!isAppError(error) || !error.code.startsWith("ERR_UPSTREAM_")) throw error;
      backoff.noteFailure(error);
    }
    return upstream.query(params, call);
  };
}
