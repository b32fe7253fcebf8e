import { createHmac, timingSafeEqual } from "node:crypto";
import { Secret } from "../secret.ts";

const SECRET = /^[\x21-\x7e]{16,}$/;
/** Of one repeated character, anyone can guess it. */
const GUESSABLE = /^(.)\1*$/;

/** Reads HINT_SECRET: one secret, or two with blanks between while they rotate, the newest first. */
export function parseHintSecrets(
  text: string,
): { readonly value: readonly Secret[] } | { readonly problem: string } {
  const parts = text.trim().split(/\s+/);
  if (parts.length > 2) return { problem: "must hold at most two secrets" };
  if (!parts.every((part) => SECRET.test(part) && !GUESSABLE.test(part))) {
    return { problem: "must be 16 or more printable characters, and not one of them repeated" };
  }
  return { value: parts.map((part) => new Secret(part)) };
}

/** The last part of a customer's hint address: base64url(HMAC-SHA256(secret, "hint:" + customer)). */
export function hintToken(secret: Secret, customer: string): string {
  return createHmac("sha256", secret.reveal()).update(`hint:${customer}`).digest("base64url");
}

/** Whether a token is the customer's by any of the secrets. Takes the same time for every token. */
export function isHintToken(secrets: readonly Secret[], customer: string, token: string): boolean {
  let isRight = false;
  for (const secret of secrets) {
    const right = Buffer.from(hintToken(secret, customer));
    const given = Buffer.alloc(right.length);
    given.write(token);
    if (timingSafeEqual(given, right) && token.length === right.length) isRight = true;
  }
  return isRight;
}
