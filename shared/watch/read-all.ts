import type { Row } from "../store/store.ts";
import type { PassWalk } from "./pass.ts";
import type { Visit } from "./visits.ts";

/** What is to be read, and under which condition. */
export type Stage = {
  readonly walk: PassWalk;
  /** Asks for leave to take one row; without it the stage is passed over, this time. */
  enter(): Leave | undefined;
};

/** Called when there was a row, and when there was none. */
export type Leave = (hadRow: boolean) => void;

export type ReadAllOptions = {
  /** In order of their urgency. A walk may stand in several of them. */
  readonly stages: readonly Stage[];
  /** Customers that are read at once. */
  readonly workers: number;
  readonly visit: Visit;
  readonly checkpoint: () => Promise<void>;
  readonly pace: { readonly stopped: boolean; stop(): void };
};

/**
 * Reads what the stages give. Whoever is free takes from the first stage that has something, so a
 * customer that hangs keeps one worker and holds up nobody else. A walk that comes to its end goes
 * on with its next pass if that is due.
 *
 * @throws what a visit throws, once all that is under way has ended
 */
export async function readAll(options: ReadAllOptions): Promise<void> {
  const { stages, workers, visit, checkpoint, pace } = options;
  const exhausted = new Set<PassWalk>();
  const turn = (walk: PassWalk) => {
    const isTurned = exhausted.has(walk) && walk.turn();
    if (isTurned) exhausted.delete(walk);
    return isTurned;
  };

  async function take(): Promise<{ readonly walk: PassWalk; readonly row: Row } | undefined> {
    for (const { walk, enter } of stages) {
      while (!exhausted.has(walk)) {
        const leave = enter();
        if (!leave) break;
        const row = await walk.next();
        leave(row !== undefined);
        if (row) return { walk, row };
        exhausted.add(walk);
        turn(walk);
      }
    }
    return undefined;
  }

  async function work(): Promise<void> {
    while (!pace.stopped) {
      const taken = await take();
      if (!taken) return;
      const { walk, row } = taken;
      if (await visit(row)) walk.finish(row);
      turn(walk);
      await checkpoint();
    }
  }

  const walks = new Set(stages.map(({ walk }) => walk));
  let goesOn = true;
  while (goesOn) {
    const results = await Promise.allSettled(
      Array.from({ length: workers }, () =>
        work().catch((error: unknown) => {
          pace.stop();
          throw error;
        }),
      ),
    );
    const failed = results.find((result) => result.status === "rejected");
    if (failed) throw failed.reason;
    goesOn = [...walks].filter(turn).length > 0;
  }
}
