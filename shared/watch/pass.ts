import type { Pass } from "../schemas/watch-rows.ts";
import type { Row, Store } from "../store/store.ts";

const PAGE = 50;

export type PassOptions = {
  readonly store: Pick<Store, "scan">;
  readonly prefix: string;
  /** Where an earlier tick left off. */
  readonly pass: Pass;
  /** Wall clock, ms: a pass that has ended is followed by the next one from then on. */
  readonly nextStartAt: number;
  readonly now: () => number;
  readonly sleep: (ms: number) => Promise<void>;
  /** How long to wait for the next pass to be due rather than leave it to the next tick, in ms. */
  readonly patienceMs: number;
  readonly accept: (row: Row) => boolean;
};

export type PassWalk = {
  /** The next row, or undefined when the pass has none left for this tick. */
  next(): Promise<Row | undefined>;
  /** Says that a row has been dealt with, well or not. */
  finish(row: Row): void;
  /** Where to go on: no row before the cursor is unfinished, so a tick that dies skips none. */
  progress(): Pass;
};

/** Walks the rows of a prefix in key order, over as many ticks as it takes. */
export function startPass(options: PassOptions): PassWalk {
  const { store, prefix, now } = options;
  let pass = options.pass;
  let page: Row[] = [];
  let readTo = pass.cursor;
  let ended = false;
  let begun = false;
  let turn: Promise<unknown> = Promise.resolve();
  const open: string[] = [];
  const finished = new Set<string>();

  async function begin(): Promise<void> {
    begun = true;
    if (!pass.done) return;
    const wait = options.nextStartAt - now();
    if (wait > options.patienceMs) {
      ended = true;
      return;
    }
    if (wait > 0) await options.sleep(wait);
    pass = { ...pass, cursor: "", startedAt: now(), done: false };
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

  return {
    next() {
      // One page is fetched at a time, whoever asks.
      const mine = turn.then(take);
      turn = mine.catch(() => undefined);
      return mine;
    },
    finish(row) {
      finished.add(row.key);
      while (open[0] !== undefined && finished.delete(open[0])) {
        pass = { ...pass, cursor: open.shift() ?? pass.cursor };
      }
    },
    progress() {
      const isDone = pass.done || (ended && begun && open.length === 0 && page.length === 0);
      return { ...pass, done: isDone };
    },
  };
}
