import type { Row } from "../store/store.ts";
import type { ReadIfDue } from "./read-if-due.ts";
import type { ResumableScan } from "./resumable-scan.ts";

/** A scan to read from, and how much of it may be taken. */
export type ReadSource = {
  readonly scan: ResumableScan;
  /** Reserves one row, or returns false if no more may be taken for now. */
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
  const { workers, readIfDue, limiter } = options;
  /** Workers that found no row wait for a scan to begin its next pass, or for the end. */
  const idle: (() => void)[] = [];
  const wakeIdle = () => {
    for (const wake of idle.splice(0)) wake();
  };
  const supply = createSupply(options.sources, wakeIdle);
  let isOver = false;

  async function work(): Promise<void> {
    while (!limiter.stopped && !isOver) {
      const taken = await supply.take();
      if (taken) {
        if (await readIfDue(taken.row)) taken.scan.finish(taken.row);
        supply.restart(taken.scan);
      } else if (idle.length === workers - 1) {
        isOver = true;
      } else if (!limiter.stopped) {
        await new Promise<void>((resolve) => void idle.push(resolve));
      }
    }
  }

  const stopAll = (error: unknown) => {
    limiter.stop();
    throw error;
  };
  const ends = await Promise.allSettled(
    Array.from({ length: workers }, () => work().catch(stopAll).finally(wakeIdle)),
  );
  const failed = ends.find((end) => end.status === "rejected");
  if (failed) throw failed.reason;
}

/** Rows of several sources, and which of their scans have none left. */
function createSupply(sources: readonly ReadSource[], onRestart: () => void) {
  const exhausted = new Set<ResumableScan>();

  function restart(scan: ResumableScan): void {
    if (!exhausted.has(scan) || !scan.restartIfDone()) return;
    exhausted.delete(scan);
    onRestart();
  }

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

  return { take, restart };
}
