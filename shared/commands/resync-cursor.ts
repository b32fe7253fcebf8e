import { createHash } from "node:crypto";

/** Few enough bits that thousands of numbers share each value. */
const CHECK_DIGITS = 4;
const FORM = /^(\d{1,9})-([0-9a-f]{4})$/;

/**
 * Where a resync of one customer ended: how many of its numbers, in their order, are done, and a
 * check of the last one. Operators see it, so it must not reveal a number. "" is the beginning.
 */
export function cursorAfter(customer: string, numbers: readonly string[], done: number): string {
  const last = numbers[done - 1];
  return last === undefined ? "" : `${done}-${checkOf(customer, last)}`;
}

/**
 * The index to continue from. New numbers may have moved the last one back, so it is searched from
 * its old place on, then from the start. If it is gone, or the cursor is invalid, all numbers are
 * sent again: a second full-state event does no harm, a missing one would.
 */
export function resumeIndex(customer: string, numbers: readonly string[], cursor: string): number {
  const [, done, check] = FORM.exec(cursor) ?? [];
  if (done === undefined) return 0;
  const isLast = (phoneNumber: string) => checkOf(customer, phoneNumber) === check;
  const oldPlace = Math.max(0, Number(done) - 1);
  const shift = numbers.slice(oldPlace).findIndex(isLast);
  return shift >= 0 ? oldPlace + shift + 1 : numbers.findIndex(isLast) + 1;
}

function checkOf(customer: string, phoneNumber: string): string {
  const hash = createHash("sha256").update(`${customer}/${phoneNumber}`).digest("hex");
  return hash.slice(0, CHECK_DIGITS);
}
