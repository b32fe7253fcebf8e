import { describeError } from "../log.ts";
import { isStoreFailure } from "../store/retry-read.ts";
import { dueInMs } from "./due.ts";
import type { ReadOne } from "./reader.ts";
import type { Run } from "./start-run.ts";

/** Old rows are looked for this often. */
const EVERY_MS = 600_000;

export type Expiry = {
  readonly read: ReadOne;
  /** Resolves when nothing of it runs any more. */
  end(): Promise<void>;
};

/** Deletes what is too old, once in a run, beside the reads: from the first that confirms the clock. */
export function expireBeside(read: ReadOne, { deps, lease, progress, clock, warm }: Run): Expiry {
  let running: Promise<void> | undefined;

  async function expire(): Promise<void> {
    try {
      progress.setExpiry(await deps.expire(lease.progress));
      warm.expiredAt = deps.now();
    } catch (error) {
      // The next run does it again.
      deps.log.warn("old rows could not be deleted", describeError(error));
      if (!isStoreFailure(error)) throw error;
    }
  }

  const { expiryCursor, retention } = lease.progress;
  const isUnfinished = expiryCursor !== "" || (retention?.cursor ?? "") !== "";
  const isDue = () => isUnfinished || dueInMs(warm.expiredAt, EVERY_MS, deps.now()) === 0;

  function startOnce(): void {
    if (!running && clock.isConfirmed() && isDue()) running = expire();
    running?.catch(() => undefined);
  }

  return {
    async read(request) {
      const isDone = await read(request);
      startOnce();
      return isDone;
    },
    async end() {
      await running;
    },
  };
}
