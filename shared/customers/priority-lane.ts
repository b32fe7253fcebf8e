import { WORSE_MS } from "../changes/limits.ts";
import { endOfWait, notAfter } from "../schemas/stored-time.ts";
import { LANE_PREFIX, type LaneRow, laneKey, laneRowSchema } from "../schemas/watch-rows.ts";
import type { Stored } from "../store/rows.ts";
import type { Store } from "../store/store.ts";
import { type RowChange, updateRow } from "../store/update-row.ts";

/** An operator may ask for a week at most. */
const LONGEST_ASKED_MS = 604_800_000;
/** An added number keeps its customer in the lane for so long. Then the sweep goes on with it. */
const ADDED_MS = 86_400_000;
/** A customer in trouble is read again after this, in ms… */
const LANE_MS = 60_000;
/** …or after this share of its trouble's age, if that is longer. */
const AGE_RATIO = 1 / 8;
/** As timers are not exact, a little less. */
export const EARLY_RATIO = 55 / 60;

/** The customer of a lane row's key. */
export function customerOfLaneKey(key: string): string {
  return key.slice(LANE_PREFIX.length);
}

/** A lane row of an earlier version, which held the added numbers, as this one writes it. */
export function modernLaneRow(row: LaneRow): LaneRow {
  const { onboarding, ...modern } = row;
  const added = Object.values(onboarding ?? {}).map(({ addedAt }) => Date.parse(addedAt));
  return added.length === 0 ? modern : { ...modern, addedAt: Math.max(...added) };
}

/** When the newest trouble began for which a customer is in the lane, wall clock in ms. */
export function troubleSince(row: LaneRow, now: number): number {
  return Math.max(...troublesOf(row).map((since) => notAfter(since, now)), row.askedAt ?? 0);
}

function troublesOf({ addedAt, worseUntil }: LaneRow): number[] {
  const worseAt = worseUntil === undefined ? [] : [worseUntil - WORSE_MS];
  return addedAt === undefined ? worseAt : [addedAt, ...worseAt];
}

/** How long after a read a customer of the lane is read again, in ms. */
export function laneEveryMs(row: LaneRow, pollIntervalMs: number, now: number): number {
  const shortest = Math.max(LANE_MS, pollIntervalMs);
  if (row.askedUntil !== undefined) return shortest * EARLY_RATIO;
  const age = now - troubleSince(row, now);
  return Math.max(shortest, age * AGE_RATIO) * EARLY_RATIO;
}

/** Without the reasons that are over. The same row if none is, and `delete` if none is left. */
export function withoutPast(row: LaneRow, now: number): RowChange<LaneRow> {
  const isOver = (until: number | undefined, longestMs: number) =>
    until !== undefined && endOfWait(until, longestMs, now) <= now;
  const { addedAt, worseUntil, askedUntil } = row;
  const isAddedOver = isOver(addedAt && addedAt + ADDED_MS, ADDED_MS);
  const isWorseOver = isOver(worseUntil, WORSE_MS);
  const isAskedOver = isOver(askedUntil, LONGEST_ASKED_MS);
  if (!isAddedOver && !isWorseOver && !isAskedOver) return "keep";
  return toChange({
    ...row,
    ...(isAddedOver ? { addedAt: undefined } : {}),
    ...(isWorseOver ? { worseUntil: undefined } : {}),
    ...(isAskedOver ? { askedAt: undefined, askedUntil: undefined } : {}),
  });
}

/** A row without a reason to be in the lane is deleted. */
function toChange(row: LaneRow): RowChange<LaneRow> {
  const { addedAt, worseUntil, askedUntil } = row;
  return (addedAt ?? worseUntil ?? askedUntil) === undefined ? "delete" : { put: row };
}

/** Changes a customer's place in the priority lane. */
async function updateLane(
  store: Store,
  customer: string,
  change: (row: LaneRow) => RowChange<LaneRow>,
  known?: Stored<LaneRow>,
): Promise<void> {
  const decide = (row: LaneRow | undefined) => change(row ?? { schema: 1 });
  await updateRow(store, laneKey(customer), laneRowSchema, decide, { known });
}

/** Puts the customer of an added number into the lane for a day. */
export function prioritizeAdded(store: Store, customer: string, now: number): Promise<void> {
  return updateLane(store, customer, (row) => ({ put: { ...row, addedAt: now } }));
}

/** Puts a customer into the lane for a day, because one of its numbers got worse. */
export function prioritizeWorse(store: Store, customer: string, now: number): Promise<void> {
  return updateLane(store, customer, (row) => ({ put: { ...row, worseUntil: now + WORSE_MS } }));
}

/** Puts a customer into the lane until a time (wall clock, ms), because an operator asks for it. */
export function prioritizeRequested(
  store: Store,
  customer: string,
  until: number,
  now: number,
): Promise<void> {
  return updateLane(store, customer, (row) => ({
    put: { ...row, askedAt: now, askedUntil: until },
  }));
}

/**
 * Ends the reason that a number was added, unless another was added later than `addedAt` (wall
 * clock, ms). If this goes wrong, it costs freshness: what was added lies in the customer's row.
 */
export function endAdded(
  store: Store,
  customer: string,
  addedAt: number,
  known?: Stored<LaneRow>,
): Promise<void> {
  const change = (row: LaneRow): RowChange<LaneRow> =>
    row.addedAt === undefined || row.addedAt > addedAt
      ? "keep"
      : toChange({ ...row, addedAt: undefined });
  return updateLane(store, customer, change, known);
}

/**
 * Removes the added numbers that an earlier edition kept here, and the reasons that are over.
 *
 * @param now undefined while this clock may be wrong: nothing is over then
 */
export function pruneLane(
  store: Store,
  customer: string,
  known: Stored<LaneRow>,
  now: number | undefined,
): Promise<void> {
  const change = (row: LaneRow): RowChange<LaneRow> => {
    const past = now === undefined ? "keep" : withoutPast(modernLaneRow(row), now);
    return past === "keep" && row.onboarding ? toChange(modernLaneRow(row)) : past;
  };
  return updateLane(store, customer, change, known);
}

/** Removes a customer that is no longer watched. */
export async function dropFromLane(store: Store, customer: string): Promise<void> {
  const stored = await store.get(laneKey(customer));
  if (stored) await store.delete(laneKey(customer), stored.version);
}
