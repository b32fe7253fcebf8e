import type { CustomerView, Level, NumberView } from "../state.ts";
import { type Filters, rank } from "./filters.ts";
import type { Model } from "./model.ts";

/** One row of the list: a number, or a customer that has none or cannot be read. */
export type Entry = {
  readonly key: string;
  readonly customer: CustomerView;
  readonly number: NumberView | null;
  readonly level: Level;
};

/** The worst first, else in the order in which they came. */
export function entriesOf({ customers }: Model, filters: Filters): Entry[] {
  const all = [...customers.values()].flatMap((customer): Entry[] => {
    const { id, failing, numbers } = customer;
    const level = failing?.isStale ? "critical" : failing ? "warning" : "info";
    const isRow = failing !== null || numbers.length === 0;
    const own: Entry[] = isRow ? [{ key: `${id} `, customer, number: null, level }] : [];
    const rows = numbers.map((number) => {
      const { key, level: worst } = number;
      return { key: `${id} ${key}`, customer, number, level: worst };
    });
    return [...own, ...rows];
  });
  const fitting = all.filter(({ customer, number }) => filters.fitsNumber(customer, number));
  return fitting.sort((a, b) => rank(a.level) - rank(b.level));
}

/** What is to be said of it besides its values. */
export function noteOf({ customer, number }: Entry): string {
  const { isWatched, failing } = customer;
  if (!number) {
    if (!isWatched) return "not watched yet";
    return failing ? `cannot be read: ${failing.code}` : "no numbers yet";
  }
  const { missingSince, listed, isKnown } = number;
  if (missingSince) return "reported missing";
  if (listed === false) return isKnown ? "not listed upstream" : "gone before poll saw it";
  return isKnown ? "" : "not read by poll yet";
}
