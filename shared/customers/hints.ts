import { hintKey } from "../schemas/hint.ts";
import { encodeRow } from "../store/rows.ts";
import type { Store } from "../store/store.ts";

/** So long an instance answers a customer's next hint from memory. poll leaves a mark alone as long. */
export const HINT_MEMORY_MS = 500;
/** Customers whose last mark an instance remembers. */
const MOST_REMEMBERED = 1_000;

/** Marks a customer to be read soon. */
export type MarkHinted = (store: Pick<Store, "put">, customer: string) => Promise<void>;

/**
 * Marks customers, with at most one call of the store for each hint. A mark that is there already
 * stands for this hint too: poll removes it before it reads. The same goes for a mark of the last
 * half second, which poll leaves alone.
 */
export function createMarkHinted(now: () => number): MarkHinted {
  const markedAt = new Map<string, number>();
  return async (store, customer) => {
    const at = now();
    const age = at - (markedAt.get(customer) ?? Number.NEGATIVE_INFINITY);
    if (age >= 0 && age < HINT_MEMORY_MS) return;
    await store.put(hintKey(customer), encodeRow({ schema: 1, at }), "absent");
    markedAt.delete(customer);
    markedAt.set(customer, at);
    const [oldest] = markedAt.size > MOST_REMEMBERED ? markedAt.keys() : [];
    if (oldest !== undefined) markedAt.delete(oldest);
  };
}
