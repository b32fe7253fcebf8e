import { StoreIdentityError } from "../errors.ts";
import { IDENTITY_KEY, identityRowSchema } from "../schemas/identity-row.ts";
import { encodeRow, readRow } from "./rows.ts";
import type { Store } from "./store.ts";

/**
 * Makes sure that a store serves one account and stage. The first to use it stores its name, and
 * any other is refused, because two stages would take each other's changes for their own.
 *
 * @throws StoreIdentityError
 */
export async function claimStore(store: Store, identity: string): Promise<Store> {
  const claim = encodeRow({ schema: 1, identity });
  const read = () => readRow(store, IDENTITY_KEY, identityRowSchema);
  let found = await read();
  // Read first, because query's role may not write, and a read costs less than a refused write.
  if (!found && (await store.put(IDENTITY_KEY, claim, "absent")) === "conflict")
    found = await read();
  if (found && found.value.identity !== identity) {
    throw new StoreIdentityError(identity, found.value.identity);
  }
  return store;
}
