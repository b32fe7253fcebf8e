import type { CustomerRow } from "../schemas/customer-row.ts";
import { mergeState, type Observation } from "./observation.ts";

/** A number is missing after this many good reads without it, over at least this long. */
const MISSING_READS = 3;
const MISSING_AFTER_MS = 600_000;

/**
 * The first numbers are taken in without events. A customer that shows none is believed to have
 * none only as slowly as a number is believed to be missing: otherwise one empty answer to the
 * first read would make every number look newly discovered. After a first answer that was not
 * whole, numbers stay baselines until one is.
 */
export function baseline(
  row: CustomerRow,
  seen: ReadonlyMap<string, Observation>,
  whole: boolean,
  readAt: number,
): CustomerRow | undefined {
  const observedAt = new Date(readAt).toISOString();
  if (seen.size === 0) {
    if (!whole) return undefined;
    const count = countAbsence(row.emptyAtFirst, readAt, observedAt);
    if (!count.believed) {
      if (count.reads === row.emptyAtFirst?.reads) return undefined;
      const emptyAtFirst = { reads: count.reads, since: count.since };
      return { ...row, emptyAtFirst };
    }
  }
  const { emptyAtFirst: _empty, ...rest } = withoutIntents(row, seen.size > 0);
  const numbers = Object.fromEntries(
    [...seen].map(([phoneNumber, o]) => [phoneNumber, mergeState(undefined, o, observedAt)]),
  );
  return {
    ...rest,
    baselineAt: observedAt,
    observedAt,
    numbers,
    ...(whole ? {} : { partialBaseline: true }),
  } as CustomerRow;
}

/** Counts a good read without the number; `believed` once there were enough of them for long enough. */
export function countAbsence(
  before: { reads: number; since: string } | undefined,
  readAt: number,
  observedAt: string,
) {
  const since = before?.since ?? observedAt;
  const reads = Math.min(MISSING_READS, (before?.reads ?? 0) + 1);
  const believed = reads >= MISSING_READS && readAt - Date.parse(since) >= MISSING_AFTER_MS;
  return { since, reads, believed };
}

/** A customer that has numbers stands on its own: no refused add may remove it any more. */
export function withoutIntents(row: CustomerRow, sawNumbers: boolean): CustomerRow {
  if (!sawNumbers || !row.addIntents) return row;
  const { addIntents: _addIntents, revivedFrom: _revivedFrom, ...rest } = row;
  return rest as CustomerRow;
}
