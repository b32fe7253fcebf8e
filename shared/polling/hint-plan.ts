import { HINT_MEMORY_MS } from "../customers/hints.ts";
import type { HintRepeat } from "../schemas/hint.ts";

/** A customer is read for hints once in this time. A hint in between waits for its end. */
const GAP_MS = 10_000;
/** A read that saw no change is made again so long after the first: the copy may change later. */
const REPEATS_MS = [15_000, 60_000] as const;
/** A repeat that is later than this is dropped: another read has come, or there is no time. */
const MOST_LATE_MS = 60_000;

/** A customer's mark in the store. */
export type HintMark = {
  readonly customer: string;
  readonly at: number;
  readonly version: string;
  /** When this run first saw it, by its own clock. */
  readonly seenAt: number;
};

export type DueHint = {
  readonly customer: string;
  readonly at: number;
  /** Of a new hint: its mark, which is removed before the read. */
  readonly mark?: HintMark;
  /** Of a repeat. */
  readonly repeat?: HintRepeat;
};

/**
 * Whom to read now: new hints before repeats, the newest first. A mark is left alone for as long as
 * its instance answers from memory, by the clock of the mark or, if that is ahead, by one's own.
 *
 * @param lastReadAt when the last read of a customer ended, whatever asked for it
 */
export function planHints(
  marks: readonly HintMark[],
  repeats: readonly HintRepeat[],
  lastReadAt: (customer: string) => number,
  now: number,
): DueHint[] {
  const isSettled = ({ at, seenAt }: HintMark) =>
    now - (at > now ? seenAt : Math.min(at, seenAt)) >= HINT_MEMORY_MS;
  const isRested = (customer: string) => {
    const age = now - lastReadAt(customer);
    return age < 0 || age >= GAP_MS;
  };
  const fresh = marks.filter((mark) => isSettled(mark) && isRested(mark.customer));
  const hinted = new Set(marks.map(({ customer }) => customer));
  const again = repeats.filter(
    (repeat) =>
      !hinted.has(repeat.customer) && repeatDueAt(repeat) <= now && isRested(repeat.customer),
  );
  const byNewest = (one: { at: number }, other: { at: number }) => other.at - one.at;
  return [
    ...fresh.toSorted(byNewest).map((mark) => ({ customer: mark.customer, at: mark.at, mark })),
    ...again.toSorted(byNewest).map((repeat) => ({ ...pick(repeat), repeat })),
  ];
}

const pick = ({ customer, at }: HintRepeat) => ({ customer, at });

/** When it is read again; wall clock, ms. */
function repeatDueAt({ readAt, reads }: HintRepeat): number {
  return readAt + (REPEATS_MS[reads - 1] ?? Number.POSITIVE_INFINITY);
}

/** What is left to repeat after a read that saw no change; undefined if that was the last. */
export function afterUnchanged({ customer, at, repeat }: DueHint, readAt: number) {
  const reads = (repeat?.reads ?? 0) + 1;
  return reads > REPEATS_MS.length
    ? undefined
    : { customer, at, readAt: repeat?.readAt ?? readAt, reads };
}

/** Whether a repeat still makes sense. One from a wrong clock does not. */
export function isWorthRepeating(repeat: HintRepeat, now: number): boolean {
  const lateMs = now - repeatDueAt(repeat);
  return lateMs <= MOST_LATE_MS && repeat.readAt <= now + GAP_MS;
}
