import { describeError } from "../log.ts";
import type { DiscoverProgress } from "../schemas/discovery.ts";
import type { LaneSource } from "./lane.ts";
import type { Lease, Progress } from "./lease.ts";
import type { WarmPace } from "./run-limiters.ts";
import type { ExpiryPlace, RunDeps } from "./settings.ts";
import type { SweepSource } from "./sweep.ts";
import type { WarmState } from "./warm-state.ts";

const RENEWAL_MS = 5_000;

/** Where the health reads and the reads for hints are. */
type BesideProgress = {
  readonly health: () => Progress["health"];
  readonly hints: () => Progress["hints"];
};

/** Collects how far a run has come, for the lease to save. */
export function trackProgress(
  earlier: Progress,
  sources: {
    readonly sweep: Pick<SweepSource, "progress">;
    readonly lane: Pick<LaneSource, "progress">;
  },
  warm: Pick<WarmState, "lastGoodAt" | "blindSince" | "pace">,
  keepPace: () => WarmPace,
  now: () => number,
) {
  let { expiryCursor, retention, discovery } = earlier;
  // What is switched off keeps no place, which may name a customer that is erased since.
  let beside: BesideProgress = { health: () => undefined, hints: () => undefined };
  let areFailuresStored = false;
  return {
    setExpiry(place: ExpiryPlace): void {
      ({ expiryCursor, retention } = place);
    },
    setDiscovery(progress: DiscoverProgress): void {
      discovery = progress;
    },
    /** Has what runs beside the reads saved as well. */
    follow(places: Partial<BesideProgress>): void {
      beside = { ...beside, ...places };
    },
    /** A full pass confirms what was read in it only once the failures among its reads are stored. */
    confirmCompletions(): void {
      areFailuresStored = true;
    },
    current(): Progress {
      const reached = sources.sweep.progress();
      const { sweeps, lane } = earlier;
      const confirmed = areFailuresStored
        ? { ...reached, lane: sources.lane.progress() }
        : { ...reached, sweep: { ...reached.sweep, full: earlier.sweep.full }, sweeps, lane };
      warm.pace = keepPace();
      const { run, operations } = warm.pace;
      return {
        ...confirmed,
        ...{
          discovery,
          health: beside.health(),
          hints: beside.hints(),
          expiryCursor,
          retention,
          ranAt: now(),
          lastGoodAt: warm.lastGoodAt,
          blindSince: warm.blindSince,
        },
        pace: { run, operations },
      };
    },
  };
}

export type RenewingDeps = Pick<RunDeps, "sleep" | "log">;

/**
 * Saves the progress every 5 s by renewing the lease, however long a read takes. If the lease is
 * lost, no further call starts. A renewal that fails is tried again.
 *
 * @returns ends the renewing, and resolves once none is under way
 */
export function keepRenewing(
  lease: Pick<Lease, "renew">,
  limiter: { stop(): void },
  progress: () => Progress,
  { sleep, log }: RenewingDeps,
): () => Promise<void> {
  const ending = new AbortController();
  const { signal } = ending;

  async function renewUntilEnd(): Promise<void> {
    for (;;) {
      await sleep(RENEWAL_MS, signal);
      if (signal.aborted) return;
      try {
        if (await lease.renew(progress())) continue;
        limiter.stop();
        return;
      } catch (error) {
        log.warn("lease could not be renewed", describeError(error));
      }
    }
  }

  const renewing = renewUntilEnd();
  return () => {
    ending.abort();
    return renewing;
  };
}
