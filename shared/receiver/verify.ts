import { createHmac, timingSafeEqual } from "node:crypto";
import * as z from "zod/mini";
import {
  EVENT_TYPES,
  type NumberEvent,
  numberEventSchema,
  type TestEvent,
  testEventSchema,
  type WatchEvent,
  watchEventSchema,
} from "../schemas/event.ts";

/** The events that this version knows; `switch (event.type)` narrows. */
export type KnownEvent = NumberEvent | WatchEvent | TestEvent;

/** An event of a type that a later version has added: genuine, and safe to acknowledge. */
export type UnknownEvent = {
  readonly specversion: "1.0";
  readonly id: string;
  readonly source: string;
  readonly type: string;
};

export type WebhookEvent = KnownEvent | UnknownEvent;

export type VerificationFailure =
  | "missing-header"
  | "timestamp"
  | "signature"
  | "payload"
  | "secret";

/**
 * The request is not proven to be a fresh event of the sender. `reason` is for the answer: `secret`
 * is the receiver's own fault (500), `payload` a refusal of this event (400), the rest 401. The
 * message is a fixed text that names the usual mistake; it holds nothing of the request.
 */
export class WebhookVerificationError extends Error {
  readonly code = "ERR_WEBHOOK_VERIFICATION";
  readonly reason: VerificationFailure;
  override get name(): string {
    return this.code;
  }
  constructor(reason: VerificationFailure, message: string) {
    super(message);
    this.reason = reason;
  }
}

/** `Headers` of fetch, `request.headers` of Node, or any record: names in any case. */
export type WebhookHeaders =
  | { get(name: string): string | null | undefined }
  | Readonly<Record<string, string | readonly string[] | undefined>>;

export type VerifyOptions = {
  /** Wall clock in ms; default the machine's. */
  readonly now?: () => number;
  /** How far the sender's clock may be from this one, before or behind. Default 300. */
  readonly toleranceSeconds?: number;
};

/**
 * Proves that a request is a fresh, unaltered event and gives it typed. Standard Webhooks: HMAC-SHA256
 * over `id.timestamp.body`, compared in constant time, signed by any of the secrets, at most 300 s
 * off. Fields that this version does not know are kept. An event is delivered at least once: the
 * caller still ignores an id that it has seen, or asks `isNewer`.
 *
 * @param rawBody the bytes or text as received, before anything has parsed them
 * @param secrets `whsec_…`, one or several: a list, or one text with spaces between as in WEBHOOK_SECRET
 * @throws WebhookVerificationError with a `reason`; nothing else
 * @example
 * const event = verifyWebhook(await request.text(), request.headers, secrets);
 * if (isKnownEvent(event) && event.type === "whatsapp.phone_number.changed") event.data.changes;
 */
export function verifyWebhook(
  rawBody: string | Uint8Array,
  headers: WebhookHeaders,
  secrets: string | readonly string[],
  options: VerifyOptions = {},
): WebhookEvent {
  const { now = Date.now, toleranceSeconds = 300 } = options;
  const keys = parseSecrets(secrets);
  const id = readHeader(headers, "webhook-id");
  const timestamp = readHeader(headers, "webhook-timestamp");
  const signatures = readHeader(headers, "webhook-signature").split(" ");
  const body = toBytes(rawBody);
  if (!/^\d{1,12}$/.test(timestamp)) {
    throw fail("timestamp", "The header webhook-timestamp is not a number of seconds since 1970.");
  }
  if (!isSignedByAny(keys, signatures, `${id}.${timestamp}.`, body)) {
    throw fail(
      "signature",
      "No signature fits. Pass the body exactly as received, not one that was parsed and written again, and check that the secret is the one of this sender and stage.",
    );
  }
  const ageSeconds = Math.floor(now() / 1000) - Number(timestamp);
  // Negated, so that a tolerance or a clock that is not a number refuses instead of accepting.
  if (!(Math.abs(ageSeconds) <= toleranceSeconds)) {
    throw fail(
      "timestamp",
      ageSeconds < 0
        ? "The signature fits, but its time lies in the future; check this machine's clock."
        : "The signature fits, but its time is too long ago; check this machine's clock, and that requests are verified when they arrive and not after a queue.",
    );
  }
  return parseEvent(body, id);
}

/** Narrows to the types that this version knows, after which a `switch` can be checked for completeness. */
export function isKnownEvent(event: WebhookEvent): event is KnownEvent {
  return KNOWN_TYPES.has(event.type);
}

/**
 * The ordering guard: whether a sequence comes after the last one that was handled for the same
 * `source` and `partitionkey`. False for a duplicate and for an event that later ones have
 * overtaken; not to be asked of a request with `webhook-redelivery: true`, whose id alone counts. Sequences are digits of any length and are compared as numbers.
 *
 * @param last what was stored when the last event was handled; undefined for none
 */
export function isNewer(sequence: string, last: string | undefined): boolean {
  if (last === undefined) return true;
  const width = Math.max(sequence.length, last.length);
  return sequence.padStart(width, "0") > last.padStart(width, "0");
}

const KNOWN_TYPES: ReadonlySet<string> = new Set(Object.values(EVENT_TYPES));

const knownEventSchema = z.discriminatedUnion("type", [
  numberEventSchema,
  watchEventSchema,
  testEventSchema,
]);

const unknownEventSchema = z.looseObject({
  specversion: z.literal("1.0"),
  id: z.string(),
  source: z.string(),
  type: z.string(),
});

const PREFIX = "whsec_";
const MIN_SECRET_BYTES = 24;
const MAX_SECRET_BYTES = 64;

function fail(reason: VerificationFailure, message: string): WebhookVerificationError {
  return new WebhookVerificationError(reason, message);
}

function parseSecrets(secrets: string | readonly string[]): Buffer[] {
  const given: unknown = secrets;
  const texts = typeof given === "string" ? given.split(" ").filter(Boolean) : given;
  if (!Array.isArray(texts) || texts.length === 0) {
    throw fail("secret", "There is no secret; is the environment variable set?");
  }
  return texts.map((text: unknown) => parseSecret(String(text)));
}

function parseSecret(text: string): Buffer {
  if (/\s/.test(text)) {
    throw fail("secret", "A secret holds white space; a line break is often copied along with it.");
  }
  const encoded = text.slice(PREFIX.length);
  const key = Buffer.from(encoded, "base64");
  const isBase64 = key.toString("base64").replace(/=+$/, "") === encoded.replace(/=+$/, "");
  if (!text.startsWith(PREFIX) || !isBase64) {
    throw fail("secret", "A secret is not whsec_ followed by base64; pass it whole, undecoded.");
  }
  if (key.length < MIN_SECRET_BYTES || key.length > MAX_SECRET_BYTES) {
    throw fail("secret", "A secret does not hold 24 to 64 bytes after whsec_; is it cut off?");
  }
  return key;
}

function readHeader(headers: WebhookHeaders, name: string): string {
  const value = hasGet(headers)
    ? headers.get(name)
    : Object.entries(headers ?? {}).find(([key]) => key.toLowerCase() === name)?.[1];
  const text = typeof value === "object" && value !== null ? value.join(" ") : value;
  if (typeof text === "string" && text !== "") return text;
  throw fail(
    "missing-header",
    `The header ${name} is missing; pass the request's own headers, and check that no proxy drops it.`,
  );
}

function hasGet(
  headers: WebhookHeaders,
): headers is { get(name: string): string | null | undefined } {
  // Callers without types may have none at all.
  return typeof headers?.get === "function";
}

function toBytes(rawBody: unknown): Uint8Array {
  if (typeof rawBody === "string") return Buffer.from(rawBody);
  if (rawBody instanceof Uint8Array) return rawBody;
  throw fail(
    "payload",
    "The body is neither text nor bytes: a framework has parsed it. Verify the raw body, with express by express.raw({ type: '*/*' }).",
  );
}

/** Compares every pair, so that the time taken does not tell which fitted. */
function isSignedByAny(
  keys: readonly Buffer[],
  signatures: readonly string[],
  prefix: string,
  body: Uint8Array,
): boolean {
  let found = false;
  for (const key of keys) {
    const hmac = createHmac("sha256", key).update(prefix).update(body).digest("base64");
    const expected = Buffer.from(`v1,${hmac}`);
    for (const signature of signatures) {
      const given = Buffer.from(signature);
      if (given.length === expected.length && timingSafeEqual(given, expected)) found = true;
    }
  }
  return found;
}

function parseEvent(body: Uint8Array, id: string): WebhookEvent {
  const parsed = parseJson(body);
  const envelope = unknownEventSchema.safeParse(parsed);
  if (!envelope.success) {
    throw fail(
      "payload",
      "The signed body is not a CloudEvents 1.0 event; is it another sender's?",
    );
  }
  // The header is what gateways de-duplicate by, so it must not name another event.
  if (envelope.data.id !== id) {
    throw fail("payload", "The header webhook-id is not the id of the event in the body.");
  }
  if (!KNOWN_TYPES.has(envelope.data.type)) return envelope.data;
  if (!knownEventSchema.safeParse(parsed).success) {
    throw fail(
      "payload",
      "The signed event does not have the fields of its type; the sender may be newer than this helper.",
    );
  }
  // Not zod's copy, which would drop the fields that a later version has added.
  return parsed as KnownEvent;
}

function parseJson(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body));
  } catch {
    throw fail("payload", "The signed body is not JSON in UTF-8.");
  }
}
