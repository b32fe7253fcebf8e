import {
  type Divisor,
  divisorOf,
  includes,
  mostOf,
  sweepsOf,
  withSweep,
} from "../customers/sweeps.ts";
import { CUSTOMER_PREFIX, type CustomerRow, customerRowSchema } from "../schemas/customer-row.ts";
import type { LeaseRow, ScanState } from "../schemas/watch-rows.ts";
import { decodeRow } from "../store/rows.ts";
import type { Row, Store } from "../store/store.ts";
import { dueInMs, patienceMs } from "./due.ts";
import { NOTHING_LEFT, type Outlook, type ReadRequest, type ReadSource } from "./read-source.ts";
import type { LastRead } from "./warm-state.ts";

/** Rows of a page that are read. A failing store is noticed when a page is used up, so it is small. */
const PAGE_READS = 10;
const MAX_PAGE_ROWS = 4 * PAGE_READS;
/** Rows of the watch itself. No customer's id begins so. */
const OTHER_ROWS = `${CUSTOMER_PREFIX}~`;
/** Below this interval, in ms, a run stays for its next pass. */
const TIMER_MS = 60_000;

export type SweepProgress = Pick<LeaseRow, "sweep" | "sweeps" | "plan">;

export type SweepOptions = {
  readonly store: Pick<Store, "scan">;
  /** Where an earlier run left off. */
  readonly saved: SweepProgress;
  /** No customer is read again before, in ms. */
  readonly everyMs: number;
  /** How often the timer fires, in ms: a run stays for the passes in between. A minute without it. */
  readonly timerMs?: number | undefined;
  readonly now: () => number;
  /** How long the run may still work, in ms. */
  readonly leftMs: () => number;
};

export type SweepSource = ReadSource & {
  /** Where the next run continues. No row before the cursor is unfinished, so a crash skips none. */
  progress(): SweepProgress;
  /** Keeps the run's sweeps from confirming anything: failures among their reads were not stored. */
  invalidate(): void;
};

type SweepRow = Pick<ReadRequest, "customer" | "known"> & {
  readonly key: string;
  /** How often it needs a read; undefined for a row that is not read upstream. */
  readonly divisor?: Divisor;
  readonly isIncluded: boolean;
};

/** Where a sweep stands within its run. */
type Phase =
  /** No row was taken since the run began, or since the last sweep was done. */
  | { readonly kind: "idle" }
  | {
      readonly kind: "reading";
      /** Rows that were fetched and not handed out. */
      readonly page: SweepRow[];
      /** The last key that was fetched. */
      readonly readTo: string;
      /** The page was short: no row is behind it. */
      readonly isLast: boolean;
    }
  /** Every row is handed out. */
  | { readonly kind: "drained" };

/** Reads all customers in key order, over as many runs as it takes, and then again. */
export function createSweep(options: SweepOptions): SweepSource {
  const { store, everyMs, now } = options;
  let { sweep: state, plan } = options.saved;
  let sweeps = sweepsOf(options.saved);
  let phase: Phase = { kind: "idle" };
  let queue: Promise<unknown> = Promise.resolve();
  let pageRows = PAGE_READS;
  let unfinished = createUnfinished();

  const untilDueMs = () => dueInMs(state.startedAt, everyMs, now());

  /** Whether there is a sweep to read: one of an earlier run, or the next one, which is due. */
  function begin(): boolean {
    if (!state.done) return true;
    if (untilDueMs() > 0) return false;
    const { full, number = 0 } = state;
    const most = mostOf(plan, everyMs);
    state = { cursor: "", startedAt: now(), done: false, full, number: number + 1, most };
    return true;
  }

  async function take(): Promise<ReadRequest | undefined> {
    if (phase.kind === "drained" && settle().done) phase = { kind: "idle" };
    if (phase.kind === "idle") {
      if (!begin()) return undefined;
      unfinished = createUnfinished();
      phase = { kind: "reading", page: [], readTo: state.cursor, isLast: false };
    }
    while (phase.kind === "reading") {
      const row = phase.page.shift();
      const request = row && toRequest(row);
      if (request) return request;
      if (row) continue;
      phase = phase.isLast ? { kind: "drained" } : await fetchPage(phase.readTo);
    }
    settle();
    return undefined;
  }

  async function fetchPage(after: string): Promise<Phase> {
    const rows = await store.scan(CUSTOMER_PREFIX, after, pageRows);
    const readTo = rows.at(-1)?.key ?? after;
    const isLast = rows.length < pageRows;
    const page = rows.filter(({ key }) => !key.startsWith(OTHER_ROWS)).map(toSweepRow);
    // So many rows that about the same number is read whatever the sweep skips.
    const read = page.filter(({ isIncluded }) => isIncluded).length;
    const ratio = page.length / Math.max(1, read);
    pageRows = Math.min(MAX_PAGE_ROWS, Math.ceil(PAGE_READS * Math.max(1, ratio)));
    return { kind: "reading", page, readTo, isLast };
  }

  function toSweepRow(row: Row): SweepRow {
    const customer = row.key.slice(CUSTOMER_PREFIX.length);
    const value = tryDecode(row);
    const sweep = { number: 0, most: 1, ...state };
    const known = value && { value, version: row.version };
    if (!value || value.removedAt) return { key: row.key, customer, known, isIncluded: true };
    const divisor = divisorOf(value, state.startedAt);
    return { key: row.key, customer, known, divisor, isIncluded: includes(sweep, customer, value) };
  }

  function toRequest({ key, customer, known, divisor, isIncluded }: SweepRow) {
    unfinished.add(key);
    const finish = () => {
      const customers = [...(state.customers ?? [0, 0, 0])];
      if (divisor) customers[divisor >> 1] = (customers[divisor >> 1] ?? 0) + 1;
      const cursor = unfinished.finish(key) ?? state.cursor;
      state = { ...state, cursor, customers, reads: (state.reads ?? 0) + (isIncluded ? 1 : 0) };
    };
    if (!isIncluded) return void finish();
    const { startedAt } = state;
    return {
      customer,
      known,
      from: "sweep",
      dueIn(last: LastRead | undefined) {
        if (!last || last.beganAt > now()) return 0;
        if (last.beganAt >= startedAt) return "skip";
        const ms = dueInMs(last.at, everyMs, now());
        if (ms <= patienceMs(everyMs)) return ms;
        state = { ...state, since: Math.min(state.since ?? last.beganAt, last.beganAt) };
        return "skip";
      },
      finish,
    } satisfies ReadRequest;
  }

  /** Notes the end of a sweep when it is first seen. */
  function settle(): ScanState {
    if (state.done || phase.kind !== "drained" || !unfinished.isEmpty()) return state;
    const { startedAt, number = 0, most = 1, since, customers, reads = 0 } = state;
    const full = { startedAt, endedAt: now() };
    if (!state.tainted) sweeps = withSweep(sweeps, { ...full, number, most, since });
    if (customers && reads > 0) {
      plan = { customers, msPerRead: (full.endedAt - startedAt) / reads };
    }
    state = { ...state, done: true, full: state.tainted ? state.full : full };
    return state;
  }

  function outlook(): Outlook {
    if (!settle().done) return NOTHING_LEFT;
    const inMs = untilDueMs();
    const isSoon = inMs <= patienceMs(everyMs) || everyMs < (options.timerMs ?? TIMER_MS);
    return { inMs, isAwaited: isSoon && inMs < options.leftMs() };
  }

  return {
    next() {
      // Rows are taken one after the other, so that a page is fetched once.
      const request = queue.then(take);
      queue = request.catch(() => undefined);
      return request;
    },
    outlook,
    progress: () => ({ sweep: settle(), sweeps: [...sweeps], plan }),
    invalidate() {
      // What this run has ended counts as little as what it leaves to the next one.
      const { full } = options.saved.sweep;
      sweeps = sweepsOf(options.saved);
      state = { ...state, full, tainted: state.done ? state.tainted : true };
    },
  };
}

/** An unreadable row has no value. It is read again, which reports it. */
function tryDecode(row: Row): CustomerRow | undefined {
  try {
    return decodeRow(row.key, row, customerRowSchema);
  } catch {
    return undefined;
  }
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
