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
/** Of one repeated character, anyone can guess it. Padding adds nothing. */
const GUESSABLE = /^(.)\1*=*$/;
const HEX = /^[0-9a-f]{64}$/i;
const BEARER = /^bearer +(\S+)$/i;

/**
 * Reads API_KEYS, `name:key[:custSpaceId|self|*],…`, with or without spaces around an entry. Instead
 * of `key` it may have `sha256:HEX`, the key's digest, which opens nothing. A name may have two keys
 * of one scope, to change from one to the other. Problems name an entry by its position: if name and
 * key are swapped, the name is the secret.
 */
export function parseApiKeys(
  text: string,
): { readonly value: readonly ApiKey[] } | { readonly problem: string } {
  const keys: ApiKey[] = [];
  const problems: string[] = [];
  for (const [index, entry] of text.split(",").entries()) {
    const say = (problem: string) => problems.push(`entry ${index + 1}: ${problem}`);
    const key = readEntry(entry.trim().split(":"), say);
    checkAgainst(keys, key, say);
    keys.push(key);
  }
  return problems.length > 0 ? { problem: problems.join(", ") } : { value: keys };
}

type Say = (problem: string) => void;

function readEntry([name = "", ...parts]: string[], say: Say): ApiKey {
  const isDigest = parts[0] === "sha256";
  const [key = "", scope = "*", ...rest] = isDigest ? parts.slice(1) : parts;
  if (rest.length > 0) say("has more than the three parts name:key:scope");
  if (!NAME.test(name)) say("the name must be 1 to 64 of A-Z a-z 0-9 _ -");
  if (isDigest && !HEX.test(key)) say("sha256 must be followed by 64 hexadecimal digits");
  if (!isDigest && !KEY.test(key)) say("the key must be 24 or more of A-Z a-z 0-9 _ - . ~ + / =");
  else if (GUESSABLE.test(key)) say("the key must not be one repeated character");
  if (!SCOPE.test(scope)) say("the scope must be a CustSpaceId, self or *");
  const digest = isDigest ? Buffer.from(key, "hex") : sha256(key);
  return { name, digest: new Secret(digest), scope };
}

/** With the same key twice, or with two scopes of one name, chance would decide which one holds. */
function checkAgainst(earlier: readonly ApiKey[], { name, digest, scope }: ApiKey, say: Say): void {
  const same = earlier.findIndex((key) => key.digest.reveal().equals(digest.reveal()));
  if (same >= 0) say(`the key is also that of entry ${same + 1}`);
  const namesakes = earlier.filter((key) => key.name === name);
  if (namesakes.length > 1) say("the name has two keys already");
  const other = earlier.findIndex((key) => key.name === name && key.scope !== scope);
  if (other >= 0) say(`the scope is not that of entry ${other + 1}, which has the same name`);
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
  // A digest does not show how weak its key is, so the key is judged when it comes.
  const isWeak = sent === undefined || !KEY.test(sent) || GUESSABLE.test(sent);
  if (isWeak) throw new UnauthorizedError(refused);
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
