import type { Row } from "../store/store.ts";
import type { ReadIfDue } from "./read-if-due.ts";
import type { ResumableScan } from "./resumable-scan.ts";

/** What is to be read, and under which condition. */
export type ReadSource = {
  readonly scan: ResumableScan;
  /** Asks for leave to take one row; without it the stage is passed over, this time. */
  enter(): Leave | undefined;
};

/** Called when there was a row, and when there was none. */
export type Leave = (hadRow: boolean) => void;

export type ReadAllOptions = {
  /** In order of their urgency. A walk may stand in several of them. */
  readonly stages: readonly ReadSource[];
  /** Customers that are read at once. */
  readonly workers: number;
  readonly readIfDue: ReadIfDue;
  readonly checkpoint: () => Promise<void>;
  readonly limiter: { readonly stopped: boolean; stop(): void };
};

/**
 * Reads what the stages give. Whoever is free takes from the first stage that has something, so a
 * customer that hangs keeps one worker and holds up nobody else. A walk that comes to its end goes
 * on with its next pass if that is due.
 *
 * @throws what a visit throws, once all that is under way has ended
 */
export async function readAll(options: ReadAllOptions): Promise<void> {
  const { stages, workers, readIfDue, checkpoint, limiter } = options;
  const exhausted = new Set<ResumableScan>();
  const turn = (scan: ResumableScan) => {
    const isTurned = exhausted.has(scan) && scan.restartIfDone();
    if (isTurned) exhausted.delete(scan);
    return isTurned;
  };

  async function take(): Promise<{ readonly scan: ResumableScan; readonly row: Row } | undefined> {
    for (const { scan, enter } of stages) {
      while (!exhausted.has(scan)) {
        const leave = enter();
        if (!leave) break;
        const row = await scan.next();
        leave(row !== undefined);
        if (row) return { scan, row };
        exhausted.add(scan);
        turn(scan);
      }
    }
    return undefined;
  }

  async function work(): Promise<void> {
    while (!limiter.stopped) {
      const taken = await take();
      if (!taken) return;
      const { scan, row } = taken;
      if (await readIfDue(row)) scan.finish(row);
      turn(scan);
      await checkpoint();
    }
  }

  const scans = new Set(stages.map(({ scan }) => scan));
  let goesOn = true;
  while (goesOn) {
    const results = await Promise.allSettled(
      Array.from({ length: workers }, () =>
        work().catch((error: unknown) => {
          limiter.stop();
          throw error;
        }),
      ),
    );
    const failed = results.find((result) => result.status === "rejected");
    if (failed) throw failed.reason;
    goesOn = [...scans].filter(turn).length > 0;
  }
}
