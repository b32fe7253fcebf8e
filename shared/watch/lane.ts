import type { CustomerRow } from "../schemas/customer-row.ts";
import { HOT_PREFIX, type HotRow, hotKey, hotRowSchema } from "../schemas/watch-rows.ts";
import { encodeRow, readRow } from "../store/rows.ts";
import type { Store } from "../store/store.ts";
import { WORSE_MS } from "./limits.ts";

/** A number whose onboarding is not completed by then is left to the sweep. */
const ONBOARDING_LIMIT_MS = 7 * 24 * 3_600_000;

/** The customer of a key of the fast lane. */
export function customerOfHotKey(key: string): string {
  return key.slice(HOT_PREFIX.length);
}

/** The lanes, in the order in which they are read. */
export type LaneKind = "onboarding" | "worse" | "asked";

/** The one lane that a customer is read in. */
export function laneOf(hot: HotRow): LaneKind {
  if (Object.keys(hot.onboarding).length > 0) return "onboarding";
  return hot.worseUntil === undefined ? "asked" : "worse";
}

function emptyHotRow(): HotRow {
  return { schema: 1, onboarding: {} };
}

/** Changes a customer's place in the fast lane; a row that says nothing is deleted. */
async function updateHot(
  store: Store,
  customer: string,
  change: (row: HotRow) => HotRow | undefined,
): Promise<void> {
  const key = hotKey(customer);
  for (;;) {
    const stored = await readRow(store, key, hotRowSchema);
    const next = change(stored?.value ?? emptyHotRow());
    if (!next) return;
    const isEmpty =
      Object.keys(next.onboarding).length === 0 &&
      next.worseUntil === undefined &&
      next.askedUntil === undefined;
    if (isEmpty && !stored) return;
    const outcome =
      isEmpty && stored
        ? await store.delete(key, stored.version)
        : await store.put(key, encodeRow(next), stored?.version ?? "absent");
    if (outcome !== "conflict") return;
  }
}

/**
 * Puts an added number into the fast lane; one that is there already keeps its first time. The
 * add's id stays with it: of several adds of one number, a refused one takes back only itself.
 */
export function watchOnboarding(
  store: Store,
  customer: string,
  number: { readonly cc: string; readonly national: string },
  id: string,
  now: number,
): Promise<void> {
  const key = number.cc + number.national;
  return updateHot(store, customer, (row) => {
    const known = row.onboarding[key] ?? { cc: number.cc, addedAt: new Date(now).toISOString() };
    const entry = { ...known, adds: [...(known.adds ?? []), id] };
    return { ...row, onboarding: { ...row.onboarding, [key]: entry } };
  });
}

/** Takes back what one add has put there; what another relies on stays. */
export function forgetOnboarding(
  store: Store,
  customer: string,
  key: string,
  id: string,
): Promise<void> {
  return updateHot(store, customer, (row) => {
    const entry = row.onboarding[key];
    if (!entry?.adds?.includes(id)) return undefined;
    const adds = entry.adds.filter((other) => other !== id);
    const { [key]: _entry, ...others } = row.onboarding;
    if (adds.length === 0) return { ...row, onboarding: others };
    return { ...row, onboarding: { ...others, [key]: { ...entry, adds } } };
  });
}

/** Has a customer read often for a day, because one of its numbers got worse. */
export function watchWorse(store: Store, customer: string, now: number): Promise<void> {
  return updateHot(store, customer, (row) => ({ ...row, worseUntil: now + WORSE_MS }));
}

/** Has a customer read often until a time (wall clock, ms), because an operator asks for it. */
export function watchClosely(store: Store, customer: string, until: number): Promise<void> {
  return updateHot(store, customer, (row) => ({ ...row, askedUntil: until }));
}

/**
 * Takes out of the lane what no longer belongs there: numbers whose completed onboarding has been
 * told or that were added too long ago, and times that are over. Writes only when something changes.
 *
 * @param told what the customer's row says of its onboarding; undefined after a read that failed
 */
export function tidyLane(
  store: Store,
  customer: string,
  told: CustomerRow["onboarding"],
  now: number,
): Promise<void> {
  return updateHot(store, customer, (hot) => {
    const onboarding = Object.fromEntries(
      Object.entries(hot.onboarding).filter(
        ([key, { addedAt }]) =>
          now - Date.parse(addedAt) < ONBOARDING_LIMIT_MS &&
          !(told?.[key]?.addedAt === addedAt && told[key].completedAt),
      ),
    );
    const isSame = Object.keys(onboarding).length === Object.keys(hot.onboarding).length;
    const isWorseOver = hot.worseUntil !== undefined && hot.worseUntil <= now;
    const isAskedOver = hot.askedUntil !== undefined && hot.askedUntil <= now;
    if (isSame && !isWorseOver && !isAskedOver) return undefined;
    const { worseUntil, askedUntil, ...rest } = hot;
    return {
      ...rest,
      onboarding,
      ...(worseUntil === undefined || isWorseOver ? {} : { worseUntil }),
      ...(askedUntil === undefined || isAskedOver ? {} : { askedUntil }),
    } as HotRow;
  });
}

/** Removes a customer that is not watched any more, or whose add never came to be. */
export async function dropFromLane(store: Store, customer: string): Promise<void> {
  const stored = await store.get(hotKey(customer));
  if (stored) await store.delete(hotKey(customer), stored.version);
}
