import type { WatchedField } from "./watched-fields.ts";

/** The upstream began to show a field, if this many customers have first values in one run… */
const MANY_CUSTOMERS = 3;
/** …that are more than this share of those read. */
const MANY_RATIO = 0.1;

/**
 * The fields whose first values are no news of a number, unless they are bad.
 *
 * @param firsts for each customer the fields of which it has first values
 * @param read how many customers the run has read
 */
export function silentFields(
  firsts: readonly (readonly WatchedField[])[],
  read: number,
): ReadonlySet<WatchedField> {
  const counts = new Map<WatchedField, number>();
  for (const field of firsts.flat()) counts.set(field, (counts.get(field) ?? 0) + 1);
  const isMany = (count: number) => count >= MANY_CUSTOMERS && count > read * MANY_RATIO;
  return new Set([...counts].flatMap(([field, count]) => (isMany(count) ? [field] : [])));
}
