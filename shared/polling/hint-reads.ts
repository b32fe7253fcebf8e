import { loadCustomer } from "../customers/customer.ts";
import { isAppError } from "../errors.ts";
import { describeError } from "../log.ts";
import type { RateLimiter } from "../pacing/rate-limiter.ts";
import { HINT_PREFIX, type HintRepeat, hintKey, hintRowSchema } from "../schemas/hint.ts";
import { decodeRow } from "../store/rows.ts";
import {
  afterUnchanged,
  type DueHint,
  type HintMark,
  isWorthRepeating,
  planHints,
} from "./hint-plan.ts";
import type { RunDeps } from "./settings.ts";
import type { WarmState } from "./warm-state.ts";

/** Between two looks for marks. */
const LOOK_MS = 1_000;
const PAGE_ROWS = 100;
/** Marks that one look takes in: more are left for the next looks. */
const MOST_MARKS = 1_000;
/** Kept from run to run, the newest. */
const MOST_REPEATS = 200;

export type HintReadsOptions = {
  /** The run's, which paces every call. */
  readonly limiter: Pick<RateLimiter, "wait">;
  readonly saved: readonly HintRepeat[];
  readonly warm: Pick<WarmState, "lastReads">;
  /** Until then another instance may have read anyone; wall clock, ms. */
  readonly readElsewhereAt: number | undefined;
  /** Takes one read of the share of the hints. False if it is used up. */
  readonly take: () => boolean;
  /** For a read that was not made. */
  readonly giveBack: () => void;
  /** Reads one customer. Resolves to false if the run ends before it. */
  readonly read: (customer: string) => Promise<boolean>;
};

/**
 * Reads customers that a hint names, until the run ends. The mark is removed before the read, so a
 * hint that comes later makes a new one. A read that saw no change is repeated. What a run cannot read
 * stays marked, or is kept as a repeat.
 */
export function createHintReads(
  { limiter, saved, warm, readElsewhereAt, take, giveBack, read }: HintReadsOptions,
  { store, now, log }: Pick<RunDeps, "store" | "now" | "log">,
) {
  const repeats = new Map(saved.map((repeat) => [repeat.customer, repeat]));
  const firstSeen = new Map<string, number>();
  const underWay = new Map<string, Promise<void>>();
  /** A fault of the program, which must not end as one that nobody handles. */
  let fault: unknown;

  async function look(): Promise<HintMark[]> {
    const marks: HintMark[] = [];
    for (let after = ""; marks.length < MOST_MARKS; ) {
      const rows = await store.scan(HINT_PREFIX, after, PAGE_ROWS);
      for (const row of rows) {
        const seenAt = firstSeen.get(row.version) ?? now();
        firstSeen.set(row.version, seenAt);
        const customer = row.key.slice(HINT_PREFIX.length);
        marks.push({ customer, at: timeOf(row), version: row.version, seenAt });
      }
      if (rows.length < PAGE_ROWS) break;
      after = rows.at(-1)?.key ?? "";
    }
    const versions = new Set(marks.map(({ version }) => version));
    for (const version of firstSeen.keys()) if (!versions.has(version)) firstSeen.delete(version);
    return marks;
  }

  /** Resolves to false if there was nobody to read. */
  async function readOne(due: DueHint): Promise<boolean> {
    const { customer, mark } = due;
    // If this fails, the mark is still there.
    const before = (await loadCustomer(store, customer).catch(unlessUnusable))?.value;
    if (mark && (await store.delete(hintKey(customer), mark.version)) === "conflict") return false;
    repeats.delete(customer);
    if (!before || before.removedAt) return false;
    const readAt = now();
    const isDone = await read(customer);
    // What did not come to its call is due at once: the mark of a new hint is gone.
    const left = isDone ? afterUnchanged(due, readAt) : (due.repeat ?? unread(due, readAt));
    const hasChanged = isDone && warm.lastReads.get(customer)?.seq !== before.seq;
    if (left && !hasChanged) repeats.set(customer, left);
    return true;
  }

  async function start(): Promise<void> {
    for (const [customer, repeat] of repeats) {
      if (!isWorthRepeating(repeat, now())) repeats.delete(customer);
    }
    const lastReadAt = (customer: string) =>
      Math.max(warm.lastReads.get(customer)?.at ?? 0, readElsewhereAt ?? 0);
    const due = planHints(await look(), [...repeats.values()], lastReadAt, now());
    for (const one of due) {
      if (underWay.has(one.customer)) continue;
      if (!take()) return;
      const reading = readOne(one)
        .catch(warn)
        .then((isRead) => {
          if (!isRead) giveBack();
          underWay.delete(one.customer);
        });
      underWay.set(one.customer, reading);
    }
  }

  const warn = (error: unknown) => {
    if (isAppError(error)) log.warn("hints could not be read", describeError(error));
    else fault ??= error;
  };

  return {
    /** Resolves when the run's time is over. */
    async run(): Promise<void> {
      do await start().catch(warn);
      while (await limiter.wait(LOOK_MS));
      await Promise.all(underWay.values());
      if (fault) throw fault;
    },
    /** What the next run continues with. */
    progress: (): HintRepeat[] =>
      [...repeats.values()].sort((one, other) => other.at - one.at).slice(0, MOST_REPEATS),
  };
}

/** As if it had been read so long ago that its first repeat is due. */
function unread({ customer, at }: DueHint, readAt: number): HintRepeat {
  return { customer, at, readAt: readAt - 15_000, reads: 1 };
}

/** An unreadable mark is a hint all the same. */
function timeOf(row: { readonly key: string; readonly value: string; readonly version: string }) {
  try {
    return decodeRow(row.key, row, hintRowSchema).at;
  } catch {
    return 0;
  }
}

function unlessUnusable(error: unknown): undefined {
  if (!isAppError(error) || error.code !== "ERR_STORE_ROW") throw error;
}
