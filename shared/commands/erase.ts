import { eraseCustomer } from "../customers/erase.ts";
import { eraseResponses } from "../http/idempotency.ts";
import type { EraseCommand } from "../schemas/command.ts";
import type { CommandDeps } from "./command-deps.ts";
import { forEachCustomer } from "./watch.ts";

/** Erases customers everywhere, watched or not. To repeat it is safe. */
export async function erase({ custSpaceIds }: EraseCommand, deps: CommandDeps) {
  const { store, now, listed, isDiscovering } = deps;
  const counts = {
    numbers: 0,
    pendingEvents: 0,
    deliveredEvents: 0,
    deadLetters: 0,
    storedResponses: 0,
  };
  const erased: string[] = [];
  const notWatched: string[] = [];
  const tombstones: string[] = [];
  const progress = await forEachCustomer(custSpaceIds, deps, async (customer) => {
    const returns = isDiscovering || listed.includes(customer);
    const { existed, ...found } = await eraseCustomer(store, customer, { returns, now });
    const all = { ...found, storedResponses: await eraseResponses(store, customer) };
    const isKnown = existed || Object.values(all).some((count) => count > 0);
    (isKnown ? erased : notWatched).push(customer);
    if (returns) tombstones.push(customer);
    for (const name of Object.keys(counts) as (keyof typeof counts)[]) counts[name] += all[name];
  });
  return { erased, notWatched, tombstones, ...counts, ...progress };
}
