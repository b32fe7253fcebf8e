import { createHash } from "node:crypto";
import { parseApiKeys } from "../http/api-keys.ts";
import { CtlError } from "./io.ts";

export const NEW_KEY_USAGE = "key NAME [SCOPE]";

const HELP = `npm run ctl -- ${NEW_KEY_USAGE}

Makes an API key for a caller and prints it once, with its entry for API_KEYS. The entry has the
key's digest only, so whoever reads the environment cannot call. SCOPE is a CustSpaceId, or self.
Without it, the key is for every customer. Nothing is sent or stored.`;

/**
 * The lines for a new API key.
 *
 * @param randomBytes fresh, unpredictable bytes
 * @throws CtlError with exit code 2
 */
export function newKey(words: readonly string[], randomBytes: (count: number) => Buffer): string[] {
  if (words.includes("--help") || words.includes("-h")) return [HELP];
  const [name, scope, ...rest] = words;
  if (name === undefined || rest.length > 0) throw new CtlError(HELP, 2);
  const key = randomBytes(32).toString("base64url");
  const digest = createHash("sha256").update(key).digest("hex");
  const entry = [name, "sha256", digest, ...(scope === undefined ? [] : [scope])].join(":");
  const parsed = parseApiKeys(entry);
  if ("problem" in parsed) throw new CtlError(parsed.problem.replace("entry 1: ", ""), 2);
  return [
    `key            ${key}`,
    `API_KEYS entry ${entry}`,
    "Give the key to the caller alone. It is not shown again.",
  ];
}
