import { WORSE_MS } from "../changes/limits.ts";
import type { CustomerRow } from "../schemas/customer-row.ts";
import { LANE_PREFIX, type LaneRow, laneKey, laneRowSchema } from "../schemas/watch-rows.ts";
import type { Store } from "../store/store.ts";
import { updateRow } from "../store/update-row.ts";

/** A number whose onboarding is not completed by then is left to the sweep. */
const ONBOARDING_LIMIT_MS = 7 * 24 * 3_600_000;

/** The customer of a key of the priority lane. */
export function customerOfLaneKey(key: string): string {
  return key.slice(LANE_PREFIX.length);
}

/** The lanes, in the order in which they are read. */
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
 * Puts an added number into the priority lane; one that is there already keeps its first time. The
 * add's id stays with it: of several adds of one number, a refused one takes back only itself.
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

/** Takes back what one add has put there; what another relies on stays. */
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

/** Has a customer read often for a day, because one of its numbers got worse. */
export function prioritizeWorse(store: Store, customer: string, now: number): Promise<void> {
  return updateLane(store, customer, (row) => ({ ...row, worseUntil: now + WORSE_MS }));
}

/** Has a customer read often until a time (wall clock, ms), because an operator asks for it. */
export function prioritizeRequested(store: Store, customer: string, until: number): Promise<void> {
  return updateLane(store, customer, (row) => ({ ...row, askedUntil: until }));
}

/**
 * Takes out of the lane what no longer belongs there: numbers whose completed onboarding has been
 * told or that were added too long ago, and times that are over. Writes only when something changes.
 *
 * @param told what the customer's row says of its onboarding; undefined after a read that failed
 */
export function pruneLane(
  store: Store,
  customer: string,
  told: CustomerRow["onboarding"],
  now: number,
): Promise<void> {
  return updateLane(store, customer, (laneRow) => {
    const onboarding = Object.fromEntries(
      Object.entries(laneRow.onboarding).filter(
        ([key, { addedAt }]) =>
          now - Date.parse(addedAt) < ONBOARDING_LIMIT_MS &&
          !(told?.[key]?.addedAt === addedAt && told[key].completedAt),
      ),
    );
    const isSame = Object.keys(onboarding).length === Object.keys(laneRow.onboarding).length;
    const isWorseOver = laneRow.worseUntil !== undefined && laneRow.worseUntil <= now;
    const isAskedOver = laneRow.askedUntil !== undefined && laneRow.askedUntil <= now;
    if (isSame && !isWorseOver && !isAskedOver) return undefined;
    const { worseUntil, askedUntil } = laneRow;
    return {
      ...laneRow,
      onboarding,
      worseUntil: isWorseOver ? undefined : worseUntil,
      askedUntil: isAskedOver ? undefined : askedUntil,
    };
  });
}

/** Removes a customer that is not watched any more, or whose add never came to be. */
export async function dropFromLane(store: Store, customer: string): Promise<void> {
  const stored = await store.get(laneKey(customer));
  if (stored) await store.delete(laneKey(customer), stored.version);
}
