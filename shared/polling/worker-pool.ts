import type { Row } from "../store/store.ts";
import type { ReadIfDue } from "./read-if-due.ts";
import type { ResumableScan } from "./resumable-scan.ts";

/** A scan to read from, and how much of it may be taken. */
export type ReadSource = {
  readonly scan: ResumableScan;
  /** Reserves one row; false when no more may be taken for now. */
  reserve(): boolean;
  /** Gives a reservation back for which there was no row. */
  cancel(): void;
};

export type ReadAllOptions = {
  /** The most urgent first. A scan may stand in several of them. */
  readonly sources: readonly ReadSource[];
  /** Customers that are read at once. */
  readonly workers: number;
  readonly readIfDue: ReadIfDue;
  readonly checkpoint: () => Promise<void>;
  readonly limiter: { readonly stopped: boolean; stop(): void };
};

/** A source without a limit of its own. */
export function unlimited(scan: ResumableScan): ReadSource {
  return { scan, reserve: () => true, cancel: () => undefined };
}

/**
 * Reads what the sources hold. A free worker takes from the first source that has something, so a
 * customer that hangs keeps one worker and holds up nobody else. A scan at its end continues with
 * its next pass if that is due.
 *
 * @throws what a read throws, once all reads under way have ended
 */
export async function readAll(options: ReadAllOptions): Promise<void> {
  const { workers, readIfDue, checkpoint, limiter } = options;
  const supply = createSupply(options.sources);

  async function work(): Promise<void> {
    while (!limiter.stopped) {
      const taken = await supply.take();
      if (!taken) return;
      const { scan, row } = taken;
      if (await readIfDue(row)) scan.finish(row);
      supply.restart(scan);
      await checkpoint();
    }
  }

  const workOrStopAll = () =>
    work().catch((error: unknown) => {
      limiter.stop();
      throw error;
    });

  do {
    const ends = await Promise.allSettled(Array.from({ length: workers }, workOrStopAll));
    const failed = ends.find((end) => end.status === "rejected");
    if (failed) throw failed.reason;
  } while (supply.restartAny());
}

/** Rows of several sources, and which of their scans have none left. */
function createSupply(sources: readonly ReadSource[]) {
  const exhausted = new Set<ResumableScan>();
  /** Whether a scan that had no row left has begun its next pass. */
  const restart = (scan: ResumableScan) =>
    exhausted.has(scan) && scan.restartIfDone() && exhausted.delete(scan);

  async function take(): Promise<{ readonly scan: ResumableScan; readonly row: Row } | undefined> {
    for (const { scan, reserve, cancel } of sources) {
      while (!exhausted.has(scan) && reserve()) {
        const row = await scan.next();
        if (row) return { scan, row };
        cancel();
        exhausted.add(scan);
        restart(scan);
      }
    }
    return undefined;
  }

  const scans = new Set(sources.map(({ scan }) => scan));
  return { take, restart, restartAny: () => [...scans].filter(restart).length > 0 };
}
