import { createHmac, timingSafeEqual } from "node:crypto";
import { EVENT_SHAPES, type KnownEvent, type NumberEvent, type Shape } from "./events.js";

export type { KnownEvent } from "./events.js";

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
 * The request is not proven to be a fresh event of the sender. Return a status by `reason`: 500 for
 * `secret`, which is your own mistake, 400 for `payload`, which refuses the event, 401 for the rest.
 * The message is a fixed text that names the usual mistake. It holds nothing of the request.
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
  /** Wall clock in ms. Default: the machine's. */
  readonly now?: () => number;
  /** How far the sender's clock may be ahead of this one, or behind it. Default: 300. */
  readonly toleranceSeconds?: number;
};

/**
 * Proves that a request is a fresh, unaltered event and returns it typed. Standard Webhooks: the
 * HMAC-SHA256 of `id.timestamp.body` by any of the secrets, compared in constant time. Fields that
 * this version does not know are kept. An event may be delivered more than once, so ignore an `id`
 * that you know, as `arrivalOf` does.
 *
 * @param rawBody the bytes or text as received, before anything parses them
 * @param secrets `whsec_…`: a list, or one text with spaces between as in WEBHOOK_SECRET
 * @throws WebhookVerificationError with a `reason`, and nothing else
 * @example
 * const event = verifyWebhook(await request.text(), request.headers, secrets);
 * if (isKnownEvent(event) && event.type === "whatsapp.phone_number.changed") event.data.changes;
 */
export function verifyWebhook(
  rawBody: string | ArrayBuffer | ArrayBufferView,
  headers: WebhookHeaders,
  secrets: string | readonly string[],
  options: VerifyOptions = {},
): WebhookEvent {
  const { now = Date.now, toleranceSeconds = 300 } = options;
  const keys = parseSecrets(secrets);
  const id = readHeader(headers, "webhook-id");
  const timestamp = readHeader(headers, "webhook-timestamp");
  const signatures = readHeader(headers, "webhook-signature").split(" ", MAX_SIGNATURES);
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
  checkAge(Math.floor(now() / 1000) - Number(timestamp), toleranceSeconds);
  return checkMark(parseEvent(body, id), headers);
}

/** Narrows to the types that this version knows. A `switch` on them is checked for completeness. */
export function isKnownEvent(event: WebhookEvent): event is KnownEvent {
  return SHAPES.has(event.type);
}

/**
 * Whether a sequence comes after the last one that you handled of the same `source` and
 * `partitionkey`. False for a duplicate, and for an event that a later one has overtaken. Judge a
 * request with `webhook-redelivery: true` by its id instead. Sequences are compared as numbers.
 *
 * @param last the sequence stored with the last event; undefined or null for none
 */
export function isNewer(sequence: string, last: string | null | undefined): boolean {
  if (last === undefined || last === null) return true;
  const width = Math.max(sequence.length, last.length);
  return sequence.padStart(width, "0") > last.padStart(width, "0");
}

/** The changes of an event: none for an event that is about no change, or of a later version. */
export function changesOf(event: WebhookEvent): NumberEvent["data"]["changes"] {
  return isKnownEvent(event) && "changes" in event.data ? event.data.changes : [];
}

/**
 * What to do with an event. `new`: act, and store its id and sequence. `history`: an operator sent it
 * again, or it was overtaken. Act and store its id, but overwrite nothing newer and keep the stored
 * sequence. `duplicate`: return 2xx and do nothing.
 */
export type Arrival = "new" | "history" | "duplicate";

/**
 * Judges an event by the rules of order. An event that a proxy robbed of `webhook-redelivery` is
 * still recognised: an unknown id whose sequence is not above the last one is history.
 *
 * @param seen whether you have stored this id, and the last sequence that you stored of the same
 *   `source` and `partitionkey`
 */
export function arrivalOf(
  event: WebhookEvent,
  headers: WebhookHeaders,
  seen: { readonly knowsId: boolean; readonly lastSequence: string | null | undefined },
): Arrival {
  if (seen.knowsId) return "duplicate";
  const isMarked = findHeader(headers, "webhook-redelivery") === "true";
  const isInOrder = !("sequence" in event) || isNewer(String(event.sequence), seen.lastSequence);
  return isInOrder && !isMarked ? "new" : "history";
}

const SHAPES: ReadonlyMap<string, Shape> = new Map(Object.entries(EVENT_SHAPES));

const UNKNOWN_EVENT: Shape = {
  fields: { specversion: { oneOf: ["1.0"] }, id: "string", source: "string", type: "string" },
};

/** A sender has two secrets at most. Anyone can send more signatures, which cost time. */
const MAX_SIGNATURES = 20;
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

function findHeader(headers: WebhookHeaders, name: string): string | undefined {
  const value = hasGet(headers)
    ? headers.get(name)
    : Object.entries(headers ?? {}).find(([key]) => key.toLowerCase() === name)?.[1];
  const text = typeof value === "object" && value !== null ? value.join(" ") : value;
  return typeof text === "string" && text !== "" ? text : undefined;
}

function readHeader(headers: WebhookHeaders, name: string): string {
  const text = findHeader(headers, name);
  if (text !== undefined) return text;
  throw fail(
    "missing-header",
    `The header ${name} is missing; pass the request's own headers, and check that no proxy drops it.`,
  );
}

function hasGet(
  headers: WebhookHeaders,
): headers is { get(name: string): string | null | undefined } {
  // A caller without types may pass null or undefined.
  return typeof headers?.get === "function";
}

function toBytes(rawBody: unknown): Uint8Array {
  if (typeof rawBody === "string") return Buffer.from(rawBody);
  if (ArrayBuffer.isView(rawBody)) {
    return new Uint8Array(rawBody.buffer, rawBody.byteOffset, rawBody.byteLength);
  }
  // Not by instanceof: a buffer of another realm, such as a test runner's, is one too.
  if (Object.prototype.toString.call(rawBody) === "[object ArrayBuffer]") {
    return new Uint8Array(rawBody as ArrayBuffer);
  }
  throw fail(
    "payload",
    "The body is neither text nor bytes: a framework has parsed it. Verify the raw body, with express by express.raw({ type: '*/*' }).",
  );
}

/** Compares every pair, so that the time taken does not reveal which one fits. */
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

function checkAge(ageSeconds: number, toleranceSeconds: number): void {
  // This way round, a tolerance or clock that is not a number refuses instead of accepting.
  if (Math.abs(ageSeconds) <= toleranceSeconds) return;
  throw fail(
    "timestamp",
    ageSeconds < 0
      ? "The signature fits, but its time lies in the future; check this machine's clock."
      : "The signature fits, but its time is too long ago; check this machine's clock, and that requests are verified when they arrive and not after a queue.",
  );
}

/** A signed test may say that its request carries the mark of a redelivery. */
function checkMark(event: WebhookEvent, headers: WebhookHeaders): WebhookEvent {
  const isTest = isKnownEvent(event) && event.type === "webhook.test";
  if (isTest && event.data.redelivery) readHeader(headers, "webhook-redelivery");
  return event;
}

function parseEvent(body: Uint8Array, id: string): WebhookEvent {
  const event = parseJson(body);
  if (!isEvent(event)) {
    throw fail(
      "payload",
      "The signed body is not a CloudEvents 1.0 event; is it another sender's?",
    );
  }
  // Gateways recognise duplicates by the header, so it must not name another event.
  if (event.id !== id) {
    throw fail("payload", "The header webhook-id is not the id of the event in the body.");
  }
  const shape = SHAPES.get(event.type);
  if (shape && !fits(event, shape)) {
    throw fail(
      "payload",
      "The signed event does not have the fields of its type; the sender may be newer than this helper.",
    );
  }
  return event;
}

function parseJson(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body));
  } catch {
    throw fail("payload", "The signed body is not JSON in UTF-8.");
  }
}

const isEvent = (value: unknown): value is UnknownEvent => fits(value, UNKNOWN_EVENT);

function fits(value: unknown, shape: Shape): boolean {
  if (shape === "null") return value === null;
  if (typeof shape === "string") return typeof value === shape;
  if ("anyOf" in shape) return shape.anyOf.some((one) => fits(value, one));
  if ("oneOf" in shape) return shape.oneOf.some((text) => text === value);
  if ("list" in shape) return Array.isArray(value) && value.every((one) => fits(one, shape.list));
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  if ("values" in shape) return Object.values(value).every((one) => fits(one, shape.values));
  const fields = new Map<string, unknown>(Object.entries(value));
  return Object.entries(shape.fields).every(([name, inner]) => {
    const isAbsent = name.endsWith("?") && !fields.has(name.slice(0, -1));
    return isAbsent || fits(fields.get(name.replace("?", "")), inner);
  });
}
