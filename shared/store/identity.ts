import * as z from "zod/mini";
import { StoreIdentityError } from "../errors.ts";
import { encodeRow, readRow } from "./rows.ts";
import type { Store } from "./store.ts";

const KEY = "meta/identity";

const identitySchema = z.looseObject({ schema: z.number(), identity: z.string() });

/**
 * Makes sure that a store serves one account and stage: the first to use it leaves its name, and
 * any other is refused. Two stages on one store would take each other's changes for their own.
 *
 * @throws StoreIdentityError
 */
export async function claimStore(store: Store, identity: string): Promise<Store> {
  const claim = encodeRow({ schema: 1, identity });
  if ((await store.put(KEY, claim, "absent")) === "stored") return store;
  const found = await readRow(store, KEY, identitySchema);
  if (found && found.value.identity !== identity) {
    throw new StoreIdentityError(identity, found.value.identity);
  }
  return store;
}
