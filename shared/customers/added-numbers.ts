import type { AddedNumber, CustomerRow } from "../schemas/customer-row.ts";

/**
 * The row with a number that is being added. One that is being added already keeps its first time.
 * The add's id stays with it: of several adds of one number, a refused one removes only itself.
 */
export function withAdded(
  row: CustomerRow,
  number: { readonly cc: string; readonly national: string },
  id: string,
  now: number,
): CustomerRow {
  const key = number.cc + number.national;
  const known = row.onboarding?.[key];
  const open: AddedNumber =
    known && isOpen(known) ? known : { cc: number.cc, addedAt: new Date(now).toISOString() };
  const entry = { ...open, adds: [...(open.adds ?? []), id] };
  return { ...row, onboarding: { ...row.onboarding, [key]: entry } };
}

/** The row without what one add has put there. What another add relies on stays. */
export function withoutAdded(row: CustomerRow, id: string): CustomerRow {
  const found = Object.entries(row.onboarding ?? {}).find(([, { adds }]) => adds?.includes(id));
  if (!found) return row;
  const [key, entry] = found;
  const adds = entry.adds?.filter((other) => other !== id) ?? [];
  const { [key]: _entry, ...others } = row.onboarding ?? {};
  const onboarding = adds.length > 0 ? { ...others, [key]: { ...entry, adds } } : others;
  return { ...row, onboarding: Object.keys(onboarding).length > 0 ? onboarding : undefined };
}

/** Whether some added number is not in service yet. */
export function hasOpenAdded({ onboarding = {} }: Pick<CustomerRow, "onboarding">): boolean {
  return Object.values(onboarding).some(isOpen);
}

function isOpen({ cc, completedAt }: AddedNumber): boolean {
  return cc !== undefined && completedAt === undefined;
}
