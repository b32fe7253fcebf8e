import { createHmac } from "node:crypto";
import { Secret } from "../secret.ts";

const PREFIX = "whsec_";
const MIN_SECRET_BYTES = 24;
const MAX_SECRET_BYTES = 64;

/** The key bytes of one `whsec_…` secret. */
export type WebhookSecret = Secret<Buffer>;

/**
 * Reads `WEBHOOK_SECRET`: secrets separated by spaces, the newest first. A request carries a
 * signature by each, so that receivers can change over while two are live. Rule of Standard
 * Webhooks: 24 to 64 random bytes in base64 after the prefix.
 */
export function parseWebhookSecrets(
  text: string,
): { readonly secrets: readonly WebhookSecret[] } | { readonly problem: string } {
  const secrets: WebhookSecret[] = [];
  for (const part of text.split(" ").filter(Boolean)) {
    const encoded = part.slice(PREFIX.length);
    const key = Buffer.from(encoded, "base64");
    const isBase64 = key.toString("base64").replace(/=+$/, "") === encoded.replace(/=+$/, "");
    if (!part.startsWith(PREFIX) || !isBase64) {
      return { problem: "must be whsec_ followed by base64" };
    }
    if (key.length < MIN_SECRET_BYTES || key.length > MAX_SECRET_BYTES) {
      return {
        problem: "must hold 24 to 64 bytes after whsec_; make one with: openssl rand -base64 32",
      };
    }
    secrets.push(new Secret(key));
  }
  return secrets.length > 0 ? { secrets } : { problem: "must hold at least one secret" };
}

/** What is signed: the bytes of the body, bound to the event and to the time of the attempt. */
function signedContent(id: string, timestamp: number, body: string): string {
  return `${id}.${timestamp}.${body}`;
}

/** One entry of `webhook-signature`: `v1,` and the HMAC-SHA256 in base64. Time in seconds. */
export function signature(
  id: string,
  timestamp: number,
  body: string,
  secret: WebhookSecret,
): string {
  const hmac = createHmac("sha256", secret.reveal()).update(signedContent(id, timestamp, body));
  return `v1,${hmac.digest("base64")}`;
}

/**
 * The Standard Webhooks headers of one attempt. All attempts of an event have the same id. The
 * timestamp, in whole seconds, is the attempt's own.
 */
export function signatureHeaders(
  event: { readonly id: string; readonly body: string },
  timestamp: number,
  secrets: readonly WebhookSecret[],
): Record<string, string> {
  return {
    "webhook-id": event.id,
    "webhook-timestamp": String(timestamp),
    "webhook-signature": secrets
      .map((secret) => signature(event.id, timestamp, event.body, secret))
      .join(" "),
  };
}
