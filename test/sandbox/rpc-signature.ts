import { createHmac, timingSafeEqual } from "node:crypto";

export type SandboxCredentials = {
  readonly accessKeyId: string;
  readonly accessKeySecret: string;
  readonly securityToken?: string;
};

export type RpcParams = Readonly<Record<string, string>>;

/** Why the gateway refuses a request. Like the real one, `message` may echo the signed text. */
export type Refusal = { readonly code: string; readonly message?: string };

/** Validity of a timestamp and of a nonce, in milliseconds. */
const WINDOW_MS = 15 * 60_000;
const UNRESERVED = /^[A-Za-z0-9\-_.~]$/;
const TIMESTAMP = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$/;

/**
 * Percent-encoding of RFC 3986 section 2.3, byte by byte. Unlike `encodeURIComponent` it encodes
 * each of `!'()*`.
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
 * Signature version 1.0 of Alibaba Cloud's RPC style, as published: base64 of HMAC-SHA1 keyed with
 * the secret and a trailing `&`. A `Signature` among the parameters is left out.
 */
export function rpcSignature(method: string, params: RpcParams, secret: string): string {
  return createHmac("sha1", `${secret}&`).update(stringToSign(method, params)).digest("base64");
}

/**
 * Joins the parameters of the query string and of a form body. `+` is a space and a literal plus
 * is `%2B`. Returns undefined if a name is repeated or an escape is not UTF-8, because the signed
 * text would then be a guess.
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
 * A verifier that remembers nonces. It returns undefined for a valid request, else the refusal.
 * `credentials` is read at each request, so a test may rotate it in place. A nonce counts as used
 * only after a valid signature.
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
    if (known.length === 0) return { code: "InvalidAccessKeyId.NotFound" };
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
