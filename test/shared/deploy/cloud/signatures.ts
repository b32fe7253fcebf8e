import { createHash, createHmac } from "node:crypto";
import type { SandboxCredentials } from "../../../sandbox/rpc-signature.ts";
import { rpcEncode } from "../../../sandbox/rpc-signature.ts";
import { type CloudRequest, Refusal } from "./cloud-request.ts";

const WINDOW_MS = 15 * 60_000;
const sha256 = (bytes: Buffer | string) => createHash("sha256").update(bytes).digest("hex");

/**
 * Checks a signature of version 3 (ACS3-HMAC-SHA256) as published: SHA-256 of the canonical request,
 * HMAC with the secret, host, content and all x-acs headers signed, each nonce once.
 *
 * @throws Refusal
 */
export function createAcs3Verifier(credentials: readonly SandboxCredentials[]) {
  const nonces = new Set<string>();
  return (request: CloudRequest): void => {
    const { headers } = request;
    const [, keyId, signedNames = "", signature] =
      /^ACS3-HMAC-SHA256 Credential=([^,]+),SignedHeaders=([^,]+),Signature=([0-9a-f]{64})$/.exec(
        headers.authorization ?? "",
      ) ?? [];
    const known = credentials.find(({ accessKeyId }) => accessKeyId === keyId);
    if (!known) throw new Refusal(403, "InvalidAccessKeyID");
    if (headers["x-acs-security-token"] !== known.securityToken) {
      throw new Refusal(403, "InvalidSecurityToken");
    }
    const signedAt = Date.parse(headers["x-acs-date"] ?? "");
    if (!(Math.abs(Date.now() - signedAt) < WINDOW_MS)) throw new Refusal(403, "InvalidDate");
    if (headers["x-acs-content-sha256"] !== sha256(request.body)) {
      throw new Refusal(400, "InvalidContentHash");
    }
    const names = signedNames.split(";");
    const needed = Object.keys(headers).filter(
      (name) => name.startsWith("x-acs-") || name === "host" || name === "content-type",
    );
    if (needed.some((name) => !names.includes(name))) throw new Refusal(400, "UnsignedHeader");
    const query = [...request.query]
      .map(([name, value]) => `${rpcEncode(name)}=${rpcEncode(value)}`)
      .sort()
      .join("&");
    const canonical = [
      request.method,
      request.path,
      query,
      ...names.map((name) => `${name}:${(headers[name] ?? "").trim()}`),
      "",
      names.join(";"),
      headers["x-acs-content-sha256"],
    ].join("\n");
    const expected = createHmac("sha256", known.accessKeySecret)
      .update(`ACS3-HMAC-SHA256\n${sha256(canonical)}`)
      .digest("hex");
    if (expected !== signature) throw new Refusal(403, "SignatureDoesNotMatch");
    const nonce = headers["x-acs-signature-nonce"] ?? "";
    if (!nonce || nonces.has(nonce)) throw new Refusal(403, "SignatureNonceUsed");
    nonces.add(nonce);
  };
}

/**
 * Checks Log Service's signature: HMAC-SHA1 over method, MD5 of the body, type, date, its own headers
 * and the resource with its parameters.
 *
 * @throws Refusal
 */
export function verifyLogSignature(
  request: CloudRequest,
  credentials: readonly SandboxCredentials[],
): void {
  const { headers, body } = request;
  const [, keyId, signature] = /^LOG ([^:]+):(.+)$/.exec(headers.authorization ?? "") ?? [];
  const known = credentials.find(({ accessKeyId }) => accessKeyId === keyId);
  if (!known) throw new Refusal(401, "Unauthorized");
  if (headers["x-acs-security-token"] !== known.securityToken) {
    throw new Refusal(401, "SecurityTokenInvalid");
  }
  if (!(Math.abs(Date.now() - Date.parse(headers.date ?? "")) < WINDOW_MS)) {
    throw new Refusal(400, "RequestTimeExpired");
  }
  const md5 = body.length > 0 ? createHash("md5").update(body).digest("hex").toUpperCase() : "";
  if ((headers["content-md5"] ?? "") !== md5) throw new Refusal(400, "InvalidMD5");
  const own = Object.keys(headers)
    .filter((name) => name.startsWith("x-log-") || name.startsWith("x-acs-"))
    .sort()
    .map((name) => `${name}:${headers[name]}\n`)
    .join("");
  const query = [...request.query].map(([name, value]) => `${name}=${value}`).sort();
  const resource = query.length > 0 ? `${request.path}?${query.join("&")}` : request.path;
  const text = `${request.method}\n${md5}\n${headers["content-type"] ?? ""}\n${headers.date}\n${own}${resource}`;
  const expected = createHmac("sha1", known.accessKeySecret).update(text).digest("base64");
  if (expected !== signature) throw new Refusal(401, "SignatureNotMatch");
}
