import { NOTHING_LEFT, type ReadSource } from "./read-source.ts";

/** While customers may still come, the workers that find none look again after this, in ms. */
const LOOK_MS = 100;

export type NewCustomers = ReadSource & {
  add(customer: string): void;
  /** Call it when no more will come. */
  end(): void;
};

/** Customers that are new on the watch list: they are read at once, wherever the sweep is. */
export function createNewCustomers(): NewCustomers {
  const waiting: string[] = [];
  let isOpen = true;
  return {
    add: (customer) => void waiting.push(customer),
    end() {
      isOpen = false;
    },
    async next() {
      const customer = waiting.shift();
      if (customer === undefined) return undefined;
      const dueIn = (last?: unknown) => (last ? "skip" : 0);
      return { customer, from: "sweep", dueIn, finish: () => undefined };
    },
    outlook: () => (isOpen ? { inMs: LOOK_MS, isAwaited: true } : NOTHING_LEFT),
  };
}
