import type { ScanState } from "../schemas/watch-rows.ts";
import type { Row, Store } from "../store/store.ts";

const PAGE = 50;

export type ScanOptions = {
  readonly store: Pick<Store, "scan">;
  readonly prefix: string;
  /** Where an earlier run left off. */
  readonly pass: ScanState;
  /** A pass begins no sooner than this after the one before it began, in ms. */
  readonly everyMs: number;
  readonly now: () => number;
  /** Waits until the next pass is due, or answers false: it is left to a later run. */
  readonly wait: (ms: number) => Promise<boolean>;
  readonly accept: (row: Row) => boolean;
};

export type ResumableScan = {
  /** The next row, or undefined when there is none left for now. */
  next(): Promise<Row | undefined>;
  /** Says that a row has been dealt with, well or not. */
  finish(row: Row): void;
  /** Where to go on: no row before the cursor is unfinished, so a run that dies skips none. */
  progress(): ScanState;
  /**
   * Whether a pass that an earlier run began has come to its end, so that `next` may begin another
   * one. Only then: a run never begins two passes, however short the interval is.
   */
  restartIfDone(): boolean;
  /** Says that customers of this pass failed without a note of it: it proves nothing when it ends. */
  invalidate(): void;
};

/** Walks the rows of a prefix in key order, over as many runs as it takes. */
export function createResumableScan(options: ScanOptions): ResumableScan {
  const { store, prefix, now } = options;
  let pass = options.pass;
  let page: Row[] = [];
  let readTo = pass.cursor;
  let ended = false;
  let begun = false;
  let isOwn = false;
  let queue: Promise<unknown> = Promise.resolve();
  const open: string[] = [];
  const finished = new Set<string>();

  async function begin(): Promise<void> {
    begun = true;
    if (!pass.done) return;
    const age = now() - pass.startedAt;
    // A pass that began in the future tells of a clock that was wrong: it must not stop the reading.
    const due = age < 0 ? 0 : options.everyMs - age;
    if (due > 0 && !(await options.wait(due))) {
      ended = true;
      return;
    }
    isOwn = true;
    pass = { ...pass, cursor: "", startedAt: now(), done: false, tainted: undefined };
    readTo = "";
  }

  async function take(): Promise<Row | undefined> {
    if (!begun) await begin();
    while (!ended) {
      const row = page.shift();
      if (!row) {
        page = await store.scan(prefix, readTo, PAGE);
        readTo = page.at(-1)?.key ?? readTo;
        if (page.length === 0) ended = true;
      } else if (options.accept(row)) {
        open.push(row.key);
        return row;
      }
    }
    return undefined;
  }

  const isDone = () => pass.done || (ended && begun && open.length === 0 && page.length === 0);

  const inherited = !options.pass.done;
  let turned = false;
  /** Notes the end of a pass when it is first seen. */
  function settled(): ScanState {
    if (!pass.done && isDone()) {
      const full = { startedAt: pass.startedAt, endedAt: now() };
      pass = { ...pass, done: true, ...(pass.tainted ? {} : { full }) };
    }
    return pass;
  }

  return {
    next() {
      // One page is fetched at a time, whoever asks.
      const mine = queue.then(take);
      queue = mine.catch(() => undefined);
      return mine;
    },
    finish(row) {
      finished.add(row.key);
      while (open[0] !== undefined && finished.delete(open[0])) {
        pass = { ...pass, cursor: open.shift() ?? pass.cursor };
      }
    },
    progress: settled,
    invalidate() {
      if (!pass.done) pass = { ...pass, tainted: true };
    },
    restartIfDone() {
      if (isOwn || !inherited || turned || !settled().done) return false;
      turned = true;
      begun = false;
      ended = false;
      return true;
    },
  };
}
