import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import type { SandboxCredentials } from "../rpc-signature.ts";
import { invalid, OtsError } from "./ots-error.ts";

const VERSION = "2015-12-31";
/** Page "Error codes": the two clocks may differ within a range. The 15 minutes are a guess. */
const CLOCK_SKEW_MS = 15 * 60_000;
const SIGNED = [
  "x-ots-apiversion",
  "x-ots-instancename",
  "x-ots-accesskeyid",
  "x-ots-date",
  "x-ots-contentmd5",
  "x-ots-signature",
] as const;

export type OtsRequest = {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Uint8Array;
};

export type AuthOptions = {
  readonly instance: string;
  /** Who may sign now. */
  readonly credentials: () => readonly SandboxCredentials[];
  /** Milliseconds since 1970. */
  readonly now: () => number;
};

/**
 * Signature version 2, as the SDK 5.6.5 makes it:
 * base64 of HMAC-SHA1 over the path, the method, an empty line and the `x-ots-` headers but the
 * signature, by name, one a line.
 */
export function otsSignature(path: string, headers: IncomingHttpHeaders, secret: string): string {
  const lines = Object.keys(headers)
    .filter((name) => name.startsWith("x-ots-") && name !== "x-ots-signature")
    .sort()
    .map((name) => `${name}:${headers[name]}\n`);
  return createHmac("sha1", secret)
    .update(`${path}\nPOST\n\n${lines.join("")}`)
    .digest("base64");
}

/**
 * The service's checks before it looks at the operation, by Tablestore's page "Error codes". Their
 * order is a guess.
 * @throws OtsError
 */
export function assertAuthentic(request: OtsRequest, options: AuthOptions): void {
  const { headers, body, path } = request;
  const given = (name: string) => String(headers[name] ?? "");
  for (const name of SIGNED) if (!given(name)) throw invalid(`Missing header: '${name}'.`);
  if (given("x-ots-apiversion") !== VERSION) throw invalid("Invalid version.");
  const md5 = createHash("md5").update(body).digest("base64");
  if (given("x-ots-contentmd5") !== md5) {
    throw denied("Mismatch between MD5 value of request body and x-ots-contentmd5 in header.");
  }
  const date = given("x-ots-date");
  const time = Date.parse(date);
  if (!Number.isFinite(time) || !date.endsWith("Z")) throw invalid("Invalid date format.");
  if (Math.abs(time - options.now()) > CLOCK_SKEW_MS) {
    throw denied(`Mismatch between system time and x-ots-date: ${date}.`);
  }
  const known = options.credentials().find((it) => it.accessKeyId === given("x-ots-accesskeyid"));
  if (!known) throw denied("The AccessKey ID does not exist.");
  if (given("x-ots-ststoken") !== (known.securityToken ?? "")) {
    throw denied("The security token is not valid.");
  }
  const expected = Buffer.from(otsSignature(path, headers, known.accessKeySecret));
  const signature = Buffer.from(given("x-ots-signature"));
  if (expected.length !== signature.length || !timingSafeEqual(expected, signature)) {
    throw denied("Signature mismatch.");
  }
  if (given("x-ots-instancename") !== options.instance) {
    throw denied("The instance does not exist.");
  }
}

function denied(message: string): OtsError {
  return new OtsError(403, "OTSAuthFailed", message);
}
