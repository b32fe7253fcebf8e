import { describeError } from "../log.ts";
import { isStoreFailure } from "../store/retry-read.ts";
import type { ReadOne } from "./reader.ts";
import type { Run } from "./start-run.ts";

export type Expiry = {
  readonly read: ReadOne;
  /** Resolves when nothing of it runs any more. */
  end(): Promise<void>;
};

/** Deletes what is too old, once in a run, beside the reads: from the first that confirms the clock. */
export function expireBeside(read: ReadOne, { deps, lease, progress, clock }: Run): Expiry {
  let running: Promise<void> | undefined;

  async function expire(): Promise<void> {
    try {
      progress.setExpiry(await deps.expire(lease.progress));
    } catch (error) {
      // The next run does it again.
      deps.log.warn("old rows could not be deleted", describeError(error));
      if (!isStoreFailure(error)) throw error;
    }
  }

  function startOnce(): void {
    if (!running && clock.isConfirmed()) running = expire();
    running?.catch(() => undefined);
  }

  return {
    async read(customer, laneRow) {
      const isDone = await read(customer, laneRow);
      startOnce();
      return isDone;
    },
    async end() {
      await running;
    },
  };
}
