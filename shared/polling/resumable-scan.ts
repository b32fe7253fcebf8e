import type { ScanState } from "../schemas/watch-rows.ts";
import type { Row, Store } from "../store/store.ts";
import { dueInMs } from "./due.ts";

const PAGE_ROWS = 50;

export type ScanOptions = {
  readonly store: Pick<Store, "scan">;
  readonly prefix: string;
  /** Where an earlier run left off. */
  readonly saved: ScanState;
  /** Two passes begin at least this far apart, in ms. */
  readonly everyMs: number;
  readonly now: () => number;
  /** Waits until the next pass is due. Resolves to false to leave that pass to a later run. */
  readonly wait: (ms: number) => Promise<boolean>;
  readonly accept: (row: Row) => boolean;
};

export type ResumableScan = {
  /** The next row, or undefined when there is none left for now. */
  next(): Promise<Row | undefined>;
  /** Marks a row as done, whether its read was good or failed. */
  finish(row: Row): void;
  /** Where the next run continues. No row before the cursor is unfinished, so a crash skips none. */
  progress(): ScanState;
  /**
   * Whether the pass that an earlier run began is done, so that `next` may begin another one. A run
   * begins at most one pass, however short the interval is.
   */
  restartIfDone(): boolean;
  /** Keeps this pass from confirming anything: failures among its reads were not stored. */
  invalidate(): void;
};

/** Where a scan stands within its run. */
type Phase =
  /** No row was taken since the run began, or since the last pass was done. */
  | { readonly kind: "idle" }
  | {
      readonly kind: "reading";
      /** This run began the pass. */
      readonly isOwn: boolean;
      /** Rows that were fetched and not handed out. */
      readonly page: Row[];
      /** The last key that was fetched. */
      readonly readTo: string;
    }
  /** Every row of an earlier run's pass is handed out. */
  | { readonly kind: "drained" }
  /** This run hands out no more rows. */
  | { readonly kind: "ended" };

/** Reads the rows of a prefix in key order, over as many runs as it takes. */
export function createResumableScan(options: ScanOptions): ResumableScan {
  const { store, prefix, now } = options;
  let state = options.saved;
  let phase: Phase = { kind: "idle" };
  let queue: Promise<unknown> = Promise.resolve();
  const unfinished = createUnfinished();

  async function begin(): Promise<Phase> {
    if (!state.done) return { kind: "reading", isOwn: false, page: [], readTo: state.cursor };
    const waitMs = dueInMs(state.startedAt, options.everyMs, now());
    if (waitMs > 0 && !(await options.wait(waitMs))) return { kind: "ended" };
    state = { ...state, cursor: "", startedAt: now(), done: false, tainted: undefined };
    return { kind: "reading", isOwn: true, page: [], readTo: "" };
  }

  async function take(): Promise<Row | undefined> {
    if (phase.kind === "idle") phase = await begin();
    while (phase.kind === "reading") {
      const row = phase.page.shift();
      if (!row) {
        phase = await fetchPage(phase);
      } else if (options.accept(row)) {
        unfinished.add(row.key);
        return row;
      }
    }
    return undefined;
  }

  async function fetchPage({ isOwn, readTo }: Phase & { kind: "reading" }): Promise<Phase> {
    const page = await store.scan(prefix, readTo, PAGE_ROWS);
    const last = page.at(-1);
    if (!last) return { kind: isOwn ? "ended" : "drained" };
    return { kind: "reading", isOwn, page, readTo: last.key };
  }

  /** Notes the end of a pass when it is first seen. */
  function settle(): ScanState {
    const isHandedOut = phase.kind === "drained" || phase.kind === "ended";
    if (!state.done && isHandedOut && unfinished.isEmpty()) {
      const full = { startedAt: state.startedAt, endedAt: now() };
      state = { ...state, done: true, full: state.tainted ? state.full : full };
    }
    return state;
  }

  return {
    next() {
      // Rows are taken one after the other, so that a page is fetched once.
      const row = queue.then(take);
      queue = row.catch(() => undefined);
      return row;
    },
    finish(row) {
      state = { ...state, cursor: unfinished.finish(row.key) ?? state.cursor };
    },
    progress: settle,
    invalidate() {
      if (!state.done) state = { ...state, tainted: true };
    },
    restartIfDone() {
      if (phase.kind !== "drained" || !settle().done) return false;
      phase = { kind: "idle" };
      return true;
    },
  };
}

/** Keys that were handed out, in order, until they and all before them are finished. */
function createUnfinished() {
  const open: string[] = [];
  const finished = new Set<string>();
  return {
    add: (key: string) => void open.push(key),
    isEmpty: () => open.length === 0,
    /** The last key up to which all are finished, or undefined while an earlier one is open. */
    finish(key: string): string | undefined {
      finished.add(key);
      let reached: string | undefined;
      while (open[0] !== undefined && finished.delete(open[0])) reached = open.shift();
      return reached;
    },
  };
}
