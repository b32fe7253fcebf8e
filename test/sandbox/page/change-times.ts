import type { NumberFields } from "../cams-state.ts";

export type ChangeTimes = {
  /** Takes the customer's numbers as they are now; what differs from before changed at `at`. */
  note(customer: string, numbers: readonly NumberFields[], at: number): void;
  /**
   * When the field last came to have the value, at `before` or earlier; undefined when that was not
   * seen. Fields go by their upstream names, times are ms.
   */
  find(change: {
    readonly customer: string;
    readonly phoneNumber: string;
    readonly field: string;
    readonly value: string;
    readonly before: number;
  }): number | undefined;
};

type Moment = { readonly value: unknown; readonly at: number };

/** Enough for every value that an event still under way may tell of. */
const KEPT = 20;

/** Remembers when values changed upstream: events can then be shown with their delay. */
export function createChangeTimes(): ChangeTimes {
  const moments = new Map<string, Moment[]>();
  const keyOf = (...parts: readonly string[]) => parts.join(" ");
  return {
    note(customer, numbers, at) {
      for (const number of numbers) {
        for (const [field, value] of Object.entries(number)) {
          const key = keyOf(customer, String(number.PhoneNumber), field);
          const known = moments.get(key) ?? [];
          if (known.at(-1)?.value === value) continue;
          moments.set(key, [...known, { value, at }].slice(-KEPT));
        }
      }
    },
    find({ customer, phoneNumber, field, value, before }) {
      const known = moments.get(keyOf(customer, phoneNumber, field)) ?? [];
      return known.findLast((moment) => moment.value === value && moment.at <= before)?.at;
    },
  };
}
