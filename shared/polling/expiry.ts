import { removeTombstone } from "../customers/erase.ts";
import { describeError } from "../log.ts";
import { isStoreFailure } from "../store/retry-read.ts";
import { dueInMs } from "./due.ts";
import type { ReadOne } from "./reader.ts";
import type { Run } from "./start-run.ts";

/** Old rows are looked for this often. */
const EVERY_MS = 600_000;

export type Expiry = {
  readonly read: ReadOne;
  /** Removes the tombstones that the reads found. Resolves when nothing of it runs any more. */
  end(): Promise<void>;
};

/** Deletes what is too old, once in a run, beside the reads: from the first that confirms the clock. */
export function expireBeside(read: ReadOne, run: Run): Expiry {
  const { deps, lease, progress, clock, warm, findings, deadlineAt } = run;
  let running: Promise<void> | undefined;

  async function expire(): Promise<void> {
    progress.setExpiry(await deps.expire(lease.progress));
    warm.expiredAt = deps.now();
  }

  async function removeTombstones(): Promise<void> {
    if (!clock.isConfirmed()) return;
    for (const tombstone of findings.tombstones) {
      if (deps.monotonic() >= deadlineAt) return;
      await removeTombstone(deps.store, tombstone);
    }
  }

  async function tolerate(work: () => Promise<void>): Promise<void> {
    try {
      await work();
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
    if (!running && clock.isConfirmed() && isDue()) running = tolerate(expire);
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
      await tolerate(removeTombstones);
    },
  };
}
