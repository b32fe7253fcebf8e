import { createHash, timingSafeEqual } from "node:crypto";
import { ForbiddenError, UnauthorizedError } from "../errors.ts";
import { Secret } from "../secret.ts";

/** One caller of the HTTP functions. */
export type ApiKey = {
  readonly name: string;
  /** SHA-256 of the key, which is not kept itself. */
  readonly digest: Secret<Buffer>;
  /** A CustSpaceId, `self` for the account itself, or `*` for every customer. */
  readonly scope: string;
};

const NAME = /^[A-Za-z0-9_-]{1,64}$/;
const KEY = /^[A-Za-z0-9_\-.~+/=]{24,}$/;
const SCOPE = /^(?:\*|[A-Za-z0-9_-]{1,128})$/;
const BEARER = /^bearer +(\S+)$/i;

/**
 * Reads API_KEYS, `name:key[:custSpaceId|self|*],…`, with or without spaces around an entry. Problems
 * name an entry by its position: if name and key are swapped, the name is the secret.
 */
export function parseApiKeys(
  text: string,
): { readonly value: readonly ApiKey[] } | { readonly problem: string } {
  const keys: ApiKey[] = [];
  const problems: string[] = [];
  const entryOf = new Map<string, number>();
  for (const [index, entry] of text.split(",").entries()) {
    const [name = "", key = "", scope = "*", ...rest] = entry.trim().split(":");
    const position = index + 1;
    const say = (problem: string) => problems.push(`entry ${position}: ${problem}`);
    if (rest.length > 0) say("has more than the three parts name:key:scope");
    if (!NAME.test(name)) say("the name must be 1 to 64 of A-Z a-z 0-9 _ -");
    if (!KEY.test(key)) say("the key must be 24 or more of A-Z a-z 0-9 _ - . ~ + / =");
    if (!SCOPE.test(scope)) say("the scope must be a CustSpaceId, self or *");
    // With the same key twice, chance would decide which scope holds.
    for (const [what, value] of [["name", name] as const, ["key", key] as const]) {
      const earlier = entryOf.get(`${what}:${value}`);
      if (earlier !== undefined) say(`the ${what} is also that of entry ${earlier}`);
      else if (value !== "") entryOf.set(`${what}:${value}`, position);
    }
    keys.push({ name, digest: new Secret(sha256(key)), scope });
  }
  return problems.length > 0 ? { problem: problems.join(", ") } : { value: keys };
}

/**
 * The caller behind `Authorization: Bearer <key>` (RFC 6750, the scheme in any case). The time it
 * takes does not depend on how much of a key is right, nor on which key it is.
 *
 * @throws UnauthorizedError
 */
export function authenticate(
  headers: Readonly<Record<string, string>>,
  keys: readonly ApiKey[],
): ApiKey {
  const given = headers.authorization?.trim() ?? "";
  const sent = BEARER.exec(given)?.[1];
  const refused = /^bearer\b/i.test(given) ? "invalid_token" : undefined;
  if (sent === undefined) throw new UnauthorizedError(refused);
  const digest = sha256(sent);
  let found: ApiKey | undefined;
  for (const candidate of keys) {
    if (timingSafeEqual(candidate.digest.reveal(), digest)) found = candidate;
  }
  if (found === undefined) throw new UnauthorizedError("invalid_token");
  return found;
}

/**
 * Returns if the key covers this customer. Undefined means the account itself.
 *
 * @throws ForbiddenError
 */
export function assertScope(key: ApiKey, custSpaceId: string | undefined): void {
  if (key.scope !== "*" && key.scope !== (custSpaceId ?? "self")) throw new ForbiddenError();
}

function sha256(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
