import type { DiscoverProgress } from "../schemas/discovery.ts";
import type { Progress } from "./lease.ts";
import { type Scans, withoutNewCompletions } from "./scans.ts";

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
