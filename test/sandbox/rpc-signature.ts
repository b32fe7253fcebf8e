import { createHmac, timingSafeEqual } from "node:crypto";

export type SandboxCredentials = {
  readonly accessKeyId: string;
  readonly accessKeySecret: string;
  readonly securityToken?: string | undefined;
};

export type RpcParams = Readonly<Record<string, string>>;

/**
 * Why the gateway refuses a request. `message` may hold the signed text, as the real one's does (pull
 * request 211 of aliyun-openapi-python-sdk).
 */
export type Refusal = { readonly code: string; readonly message?: string };

/**
 * How long a timestamp and a nonce are valid, in ms. 15 minutes are on pages 48054 and 434846 for the
 * timestamp, and in acme.sh issue 1639 for the nonce. Page 157269 says 31 minutes, which is laxer.
 */
const WINDOW_MS = 15 * 60_000;
const UNRESERVED = /^[A-Za-z0-9\-_.~]$/;
const TIMESTAMP = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$/;

/**
 * Percent-encoding of RFC 3986 section 2.3, byte by byte, as the vendor's page on RPC signatures has
 * it. Unlike `encodeURIComponent` it encodes `!'()*`.
 */
export function rpcEncode(text: string): string {
  let encoded = "";
  for (const byte of Buffer.from(text, "utf8")) {
    const char = String.fromCharCode(byte);
    const hex = byte.toString(16).toUpperCase().padStart(2, "0");
    encoded += UNRESERVED.test(char) ? char : `%${hex}`;
  }
  return encoded;
}

function stringToSign(method: string, params: RpcParams): string {
  const canonical = Object.keys(params)
    .filter((name) => name !== "Signature")
    .sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
    .map((name) => `${rpcEncode(name)}=${rpcEncode(params[name] ?? "")}`)
    .join("&");
  return `${method}&%2F&${rpcEncode(canonical)}`;
}

/**
 * Signature version 1.0 of Alibaba Cloud's RPC style: base64 of HMAC-SHA1 keyed with the secret and
 * a trailing `&`. Leaves out a `Signature` among the parameters. A test holds it against the vector
 * that the vendor published.
 */
export function rpcSignature(method: string, params: RpcParams, secret: string): string {
  return createHmac("sha1", `${secret}&`).update(stringToSign(method, params)).digest("base64");
}

/**
 * Joins the parameters of the query string and of a form body: versions of the metadata have them in
 * either. `+` is a space and `%2B` a plus. Undefined if a name comes twice or an escape is not UTF-8,
 * as it is then unclear what was signed. That the gateway refuses these is a guess.
 */
export function readRpcParams(...encoded: readonly string[]): RpcParams | undefined {
  const params: Record<string, string> = Object.create(null);
  const decode = (text: string) => decodeURIComponent(text.replaceAll("+", " "));
  try {
    for (const pair of encoded.flatMap((text) => text.split("&"))) {
      if (pair === "") continue;
      const cut = pair.includes("=") ? pair.indexOf("=") : pair.length;
      const name = decode(pair.slice(0, cut));
      if (name in params) return undefined;
      params[name] = decode(pair.slice(cut + 1));
    }
  } catch {
    return undefined;
  }
  return params;
}

function matches(given: string, expected: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(expected)];
  return a.length === b.length && timingSafeEqual(a, b);
}

/**
 * A verifier that remembers nonces and gives the refusal, or undefined for a good request. It reads
 * `credentials` at each request, so a test may rotate them in place.
 *
 * The codes are on pages 48054 and 434846, but for the two about security tokens, whose spelling is
 * general knowledge. The order of the checks is a guess, and so is that a nonce is used up only by a
 * request whose signature holds.
 */
export function createRpcVerifier(options: {
  readonly credentials: readonly SandboxCredentials[];
  readonly now: () => number;
}): (method: string, params: RpcParams) => Refusal | undefined {
  const nonces = new Map<string, number>();

  const nonceUsed = (nonce: string, now: number) => {
    for (const [seen, at] of nonces) {
      if (now - at < WINDOW_MS) break;
      nonces.delete(seen);
    }
    if (nonces.has(nonce)) return true;
    nonces.set(nonce, now);
    return false;
  };

  return (method, params) => {
    const { AccessKeyId, Signature, SignatureNonce, Timestamp, SecurityToken } = params;
    if (!Signature || !AccessKeyId || !SignatureNonce) return { code: "IncompleteSignature" };
    if (params.SignatureVersion !== "1.0") return { code: "IncompleteSignature" };
    if (params.SignatureMethod !== "HMAC-SHA1") return { code: "InvalidSignatureMethod" };

    const signedAt = TIMESTAMP.test(Timestamp ?? "") ? Date.parse(Timestamp ?? "") : Number.NaN;
    if (Number.isNaN(signedAt)) return { code: "InvalidTimeStamp.Format" };
    const now = options.now();
    if (Math.abs(now - signedAt) > WINDOW_MS) return { code: "InvalidTimeStamp.Expired" };

    const known = options.credentials.filter((entry) => entry.accessKeyId === AccessKeyId);
    if (known.length === 0) {
      // The sentence of the page "Common error codes".
      const message = "Specified access key is not found.";
      return { code: "InvalidAccessKeyId.NotFound", message };
    }
    const credentials = known.find((entry) => entry.securityToken === SecurityToken);
    if (!credentials) {
      const code = SecurityToken ? "InvalidSecurityToken.Malformed" : "MissingSecurityToken";
      return { code };
    }

    if (!matches(Signature, rpcSignature(method, params, credentials.accessKeySecret))) {
      const echoed = stringToSign(method, params);
      const message = `Specified signature is not matched with our calculation. server string to sign is:${echoed}`;
      return { code: "SignatureDoesNotMatch", message };
    }
    if (nonceUsed(`${AccessKeyId} ${SignatureNonce}`, now)) return { code: "SignatureNonceUsed" };
    return undefined;
  };
}
