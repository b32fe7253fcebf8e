import type { CustomerRow } from "../schemas/customer-row.ts";
import { countAbsence } from "./absent-numbers.ts";
import type { CustomerRead } from "./customer-read.ts";
import { mergeState } from "./number-state.ts";

/**
 * The row after a first read: its numbers are stored without events. Undefined when there is
 * nothing to write.
 *
 * A customer is known to have no numbers only as slowly as a number is known to be missing.
 * Otherwise one empty first answer would make every number look discovered.
 */
export function baselineRow(read: CustomerRead): CustomerRow | undefined {
  const { row, seen, unclear, observedAt, isComplete } = read;
  if (seen.size === 0 && !isComplete) return undefined;
  const hasNumbers = seen.size + unclear.size > 0;
  if (!hasNumbers) {
    const { isProven, ...absence } = countAbsence(row.emptyAtFirst, read);
    const { reads, since } = row.emptyAtFirst ?? {};
    const isCounted = absence.reads === reads && absence.since === since;
    if (!isProven) return isCounted ? undefined : { ...row, emptyAtFirst: absence };
  }
  const numbers = [...seen].map(([phoneNumber, observation]) => [
    phoneNumber,
    mergeState(undefined, observation, observedAt),
  ]);
  return {
    ...withoutIntents(row, hasNumbers),
    emptyAtFirst: undefined,
    baselineAt: observedAt,
    observedAt,
    numbers: Object.fromEntries(numbers),
    partialBaseline: isComplete ? undefined : true,
    unread: isComplete ? undefined : unreadOf(read),
  };
}

/** What a list that is not complete leaves open. */
export function unreadOf({ row, seen, unclear, reply }: CustomerRead) {
  const isLacking = (number: string) => !seen.has(number) && !unclear.has(number);
  return { rows: reply.malformed, lacks: Object.keys(row.numbers).filter(isLacking) };
}

/**
 * Whether a new number may have been listed since the first read, in a row that could not be read.
 * It was not if all of those rows are still there: as many as before, beside those of numbers that
 * the list lacks for the first time.
 */
export function mayHaveBeenUnread(read: CustomerRead, phoneNumber: string): boolean {
  const { partialBaseline, unread: last } = read.row;
  if (!partialBaseline) return false;
  if (!last || read.wasUnclear?.[phoneNumber]) return true;
  const { rows, lacks } = unreadOf(read);
  return rows - lacks.filter((number) => !last.lacks.includes(number)).length < last.rows;
}

/** A customer that has numbers stands on its own: no refused add may remove it any more. */
export function withoutIntents(row: CustomerRow, sawNumbers: boolean): CustomerRow {
  if (!sawNumbers || !row.addIntents) return row;
  return { ...row, addIntents: undefined, revivedFrom: undefined };
}
