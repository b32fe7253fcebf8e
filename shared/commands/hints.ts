import { loadCustomer } from "../customers/customer.ts";
import { InvalidRequestError } from "../errors.ts";
import { HINT } from "../functions.js";
import { hintToken } from "../http/hint-token.ts";
import type { HintsUrlCommand } from "../schemas/command.ts";
import type { CommandDeps } from "./command-deps.ts";
import { forEachCustomer } from "./watch.ts";

/** Each watched customer's path at the function hint. The newest secret makes it. */
export async function hintsUrl({ custSpaceIds }: HintsUrlCommand, deps: CommandDeps) {
  const [secret] = deps.hintSecrets;
  if (!secret) throw new InvalidRequestError([{ path: "HINT_SECRET", message: "is not set" }]);
  const addresses: { readonly custSpaceId: string; readonly path: string }[] = [];
  const notWatched: string[] = [];
  const progress = await forEachCustomer(custSpaceIds, deps, async (custSpaceId) => {
    const row = (await loadCustomer(deps.store, custSpaceId))?.value;
    if (!row || row.removedAt) notWatched.push(custSpaceId);
    else {
      const path = `${HINT.paths[0]}/${custSpaceId}/${hintToken(secret, custSpaceId)}`;
      addresses.push({ custSpaceId, path });
    }
  });
  return { addresses, notWatched, ...progress };
}
