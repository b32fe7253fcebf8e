import { WORSE_MS } from "../changes/limits.ts";
import type { CustomerRow } from "../schemas/customer-row.ts";
import { endOfWait, isAhead } from "../schemas/stored-time.ts";
import { LANE_PREFIX, type LaneRow, laneKey, laneRowSchema } from "../schemas/watch-rows.ts";
import type { Store } from "../store/store.ts";
import { updateRow } from "../store/update-row.ts";

/** An operator may ask for a week at most. */
const LONGEST_ASKED_MS = 604_800_000;
/** A number whose onboarding is not completed by then is left to the sweep. */
const ONBOARDING_LIMIT_MS = 604_800_000;

/** The customer of a lane row's key. */
export function customerOfLaneKey(key: string): string {
  return key.slice(LANE_PREFIX.length);
}

/** Why a customer is read in the lane, in the order in which the lanes are read. */
export type LaneKind = "onboarding" | "worse" | "asked";

/** The one lane that a customer is read in. */
export function laneOf(laneRow: LaneRow): LaneKind {
  if (Object.keys(laneRow.onboarding).length > 0) return "onboarding";
  return laneRow.worseUntil === undefined ? "asked" : "worse";
}

/** Changes a customer's place in the priority lane. A row without a reason to be there is deleted. */
async function updateLane(
  store: Store,
  customer: string,
  change: (row: LaneRow) => LaneRow | undefined,
): Promise<void> {
  await updateRow(store, laneKey(customer), laneRowSchema, (row) => {
    const next = change(row ?? { schema: 1, onboarding: {} });
    if (!next) return "keep";
    const isEmpty =
      Object.keys(next.onboarding).length === 0 &&
      next.worseUntil === undefined &&
      next.askedUntil === undefined;
    return isEmpty ? "delete" : { put: next };
  });
}

/**
 * Puts an added number into the priority lane. A number that is there already keeps its first time.
 * The add's id stays with it: of several adds of one number, a refused one removes only itself.
 */
export function prioritizeOnboarding(
  store: Store,
  customer: string,
  number: { readonly cc: string; readonly national: string },
  id: string,
  now: number,
): Promise<void> {
  const key = number.cc + number.national;
  return updateLane(store, customer, (row) => {
    const known = row.onboarding[key] ?? { cc: number.cc, addedAt: new Date(now).toISOString() };
    const entry = { ...known, adds: [...(known.adds ?? []), id] };
    return { ...row, onboarding: { ...row.onboarding, [key]: entry } };
  });
}

/** Removes what one add has put there. What another add relies on stays. */
export function withdrawOnboarding(
  store: Store,
  customer: string,
  key: string,
  id: string,
): Promise<void> {
  return updateLane(store, customer, (row) => {
    const entry = row.onboarding[key];
    if (!entry?.adds?.includes(id)) return undefined;
    const adds = entry.adds.filter((other) => other !== id);
    const { [key]: _entry, ...others } = row.onboarding;
    if (adds.length === 0) return { ...row, onboarding: others };
    return { ...row, onboarding: { ...others, [key]: { ...entry, adds } } };
  });
}

/** Puts a customer into the lane for a day, because one of its numbers got worse. */
export function prioritizeWorse(store: Store, customer: string, now: number): Promise<void> {
  return updateLane(store, customer, (row) => ({ ...row, worseUntil: now + WORSE_MS }));
}

/** Puts a customer into the lane until a time (wall clock, ms), because an operator asks for it. */
export function prioritizeRequested(store: Store, customer: string, until: number): Promise<void> {
  return updateLane(store, customer, (row) => ({ ...row, askedUntil: until }));
}

/**
 * Removes the reasons that are over: times that have passed, and numbers that were added too long
 * ago or whose completed onboarding is reported. Writes only when something changes.
 *
 * @param reported the milestones in the customer's row; undefined after a read that failed
 */
export function pruneLane(
  store: Store,
  customer: string,
  reported: CustomerRow["onboarding"],
  now: number,
): Promise<void> {
  const isDone = (key: string, addedAt: string) => {
    const known = reported?.[key];
    return known?.addedAt === addedAt && known.completedAt !== undefined;
  };
  const isOver = (until: number | undefined, longestMs: number) =>
    until !== undefined && endOfWait(until, longestMs, now) <= now;
  return updateLane(store, customer, (laneRow) => {
    const { worseUntil, askedUntil } = laneRow;
    const added = Object.entries(laneRow.onboarding);
    const kept = added.filter(
      ([key, { addedAt }]) =>
        now - Date.parse(addedAt) < ONBOARDING_LIMIT_MS && !isDone(key, addedAt),
    );
    const ahead = kept.filter(([, { addedAt }]) => isAhead(Date.parse(addedAt), now));
    const isWorseOver = isOver(worseUntil, WORSE_MS);
    const isAskedOver = isOver(askedUntil, LONGEST_ASKED_MS);
    const isAsBefore = kept.length === added.length && ahead.length === 0;
    if (isAsBefore && !isWorseOver && !isAskedOver) return undefined;
    const asOfNow = ahead.map(([key, entry]) => [
      key,
      { ...entry, addedAt: new Date(now).toISOString() },
    ]);
    return {
      ...laneRow,
      onboarding: { ...Object.fromEntries(kept), ...Object.fromEntries(asOfNow) },
      worseUntil: isWorseOver ? undefined : worseUntil,
      askedUntil: isAskedOver ? undefined : askedUntil,
    };
  });
}

/** Removes a customer that is no longer watched, or whose adds were all refused. */
export async function dropFromLane(store: Store, customer: string): Promise<void> {
  const stored = await store.get(laneKey(customer));
  if (stored) await store.delete(laneKey(customer), stored.version);
}
