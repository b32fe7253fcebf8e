/** A request as the functions see it, from either front. */
export type HttpRequest = {
  /** Upper case. Empty if the front did not say. */
  readonly method: string;
  /** Without the query. `/` if the front did not say. */
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  /** Names are lower case. A comma joins a header that came twice, as HTTP allows. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  /** The caller's address, if the front says so. */
  readonly address?: string | undefined;
};

export type PlatformEvent =
  | { readonly kind: "http"; readonly request: HttpRequest }
  /** `payload` is the text that the trigger is set up with, empty for none. */
  | { readonly kind: "timer"; readonly payload: string }
  /** A direct invocation. `payload` is its JSON, or undefined for an empty event. */
  | { readonly kind: "payload"; readonly payload: unknown }
  | { readonly kind: "unreadable" };

const REQUEST_ID = /^[A-Za-z0-9._-]{1,128}$/;
const utf8 = new TextDecoder("utf-8", { fatal: true });

type Fields = Readonly<Record<string, unknown>>;

/**
 * Which kind of event the platform sent: of Function Compute 3.0's HTTP trigger (`version: "v1"`), of
 * API Gateway, of a timer trigger, or a direct payload. Never throws: an event that is no JSON is
 * `unreadable`, and a field of an unexpected form is left out.
 */
export function parsePlatformEvent(event: unknown): PlatformEvent {
  try {
    return classify(decode(event));
  } catch {
    return { kind: "unreadable" };
  }
}

function decode(event: unknown): unknown {
  if (event === undefined || event === null) return undefined;
  if (event instanceof Uint8Array) {
    return parseText(utf8.decode(event));
  }
  if (typeof event === "string") return parseText(event);
  if (typeof event === "object") return event;
  throw new TypeError("an event must be bytes, text or an object");
}

function parseText(text: string): unknown {
  return text.trim() === "" ? undefined : JSON.parse(text);
}

function classify(event: unknown): PlatformEvent {
  if (!isFields(event)) return { kind: "payload", payload: event };
  const http = isFields(event.requestContext) ? event.requestContext.http : undefined;
  if (isFields(http)) {
    const path = toText(event.rawPath) || toText(http.path);
    const request = { ...toRequest(event, http.method, path), address: toAddress(http.sourceIp) };
    return { kind: "http", request };
  }
  if (typeof event.httpMethod === "string") {
    return { kind: "http", request: toRequest(event, event.httpMethod, toText(event.path)) };
  }
  if (typeof event.triggerTime === "string" && typeof event.triggerName === "string") {
    return { kind: "timer", payload: toPayloadText(event.payload) };
  }
  return { kind: "payload", payload: event };
}

/** In the form of an address, as it stands in log lines. */
function toAddress(value: unknown): string | undefined {
  const isAddress = typeof value === "string" && /^[\da-f]*[.:][\da-f.:]{1,44}$/i.test(value);
  return isAddress ? value : undefined;
}

/** The platform's id of this invocation, by which its operator finds the caller. */
export function platformRequestId(context: unknown): string | undefined {
  const requestId = isFields(context) ? context.requestId : undefined;
  return typeof requestId === "string" && REQUEST_ID.test(requestId) ? requestId : undefined;
}

function toRequest(event: Fields, method: unknown, path: string | undefined): HttpRequest {
  return {
    method: (toText(method) ?? "").toUpperCase(),
    path: path || "/",
    query: toRecord(event.queryParameters, (name) => name),
    headers: toRecord(event.headers, (name) => name.toLowerCase()),
    body: toBody(event.body, event.isBase64Encoded),
  };
}

// API Gateway's own sample has the flag as text. Function Compute sets it for an empty body too.
function toBody(body: unknown, isBase64Encoded: unknown): Buffer {
  if (body instanceof Uint8Array) return Buffer.from(body);
  const encoding = isBase64Encoded === true || isBase64Encoded === "true" ? "base64" : "utf8";
  return Buffer.from(toPayloadText(body), encoding);
}

// Without a prototype, so that a name such as "constructor" finds only what was sent.
function toRecord(fields: unknown, toName: (name: string) => string): Record<string, string> {
  const record: Record<string, string> = Object.create(null);
  if (!isFields(fields)) return record;
  for (const [key, value] of Object.entries(fields)) {
    const text = toText(value);
    if (text === undefined) continue;
    const name = toName(key);
    const earlier = record[name];
    record[name] = earlier === undefined ? text : `${earlier}, ${text}`;
  }
  return record;
}

function toText(value: unknown): string | undefined {
  if (typeof value === "string") return value;
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  if (!Array.isArray(value)) return undefined;
  const texts = value.filter((item) => !Array.isArray(item)).map(toText);
  const known = texts.filter((text) => text !== undefined);
  return known.length > 0 ? known.join(",") : undefined;
}

function toPayloadText(value: unknown): string {
  if (value === undefined || value === null) return "";
  return typeof value === "string" ? value : JSON.stringify(value);
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
