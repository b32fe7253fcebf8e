import type { Lease, Progress } from "./lease.ts";

const CHECKPOINT_MS = 5_000;

export type CheckpointOptions = {
  readonly lease: Pick<Lease, "renew">;
  readonly limiter: { stop(): void };
  readonly progress: () => Progress;
  readonly monotonic: () => number;
};

/**
 * Saves the progress every few seconds by renewing the lease. If the lease is lost, no further call
 * starts.
 */
export function createCheckpoint(options: CheckpointOptions): () => Promise<void> {
  const { lease, limiter, progress, monotonic } = options;
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
