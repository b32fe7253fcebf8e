import type { DiscoverProgress } from "../schemas/discovery.ts";
import type { Lease, Progress } from "./lease.ts";
import { type Scans, withoutNewCompletions } from "./scans.ts";

const CHECKPOINT_MS = 5_000;

/** Collects how far a run has come, for the lease to save. */
export function trackProgress(earlier: Progress, scans: Pick<Scans, "progress">) {
  let { expiryCursor, discovery } = earlier;
  let areFailuresStored = false;
  return {
    setExpiryCursor(cursor: string): void {
      expiryCursor = cursor;
    },
    setDiscovery(progress: DiscoverProgress): void {
      discovery = progress;
    },
    /** A full pass confirms what was read in it only once the failures among its reads are stored. */
    confirmCompletions(): void {
      areFailuresStored = true;
    },
    current(): Progress {
      const reached = scans.progress();
      const confirmed = areFailuresStored ? reached : withoutNewCompletions(reached, earlier);
      return { ...confirmed, discovery, expiryCursor };
    },
  };
}

/**
 * Saves the progress every few seconds by renewing the lease. If the lease is lost, no further call
 * starts.
 */
export function createCheckpoint(
  lease: Pick<Lease, "renew">,
  limiter: { stop(): void },
  progress: () => Progress,
  monotonic: () => number,
): () => Promise<void> {
  let savedAt = monotonic();
  let isSaving = false;
  return async () => {
    if (isSaving || monotonic() - savedAt < CHECKPOINT_MS) return;
    isSaving = true;
    if (!(await lease.renew(progress()))) limiter.stop();
    savedAt = monotonic();
    isSaving = false;
  };
}
