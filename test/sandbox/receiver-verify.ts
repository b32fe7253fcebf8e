import type { IncomingHttpHeaders } from "node:http";
import { CloudEvent, HTTP } from "cloudevents";
import { Webhook } from "standardwebhooks";

/** The body of an accepted delivery, as sent. */
export type ReceivedEvent = {
  readonly specversion: string;
  readonly id: string;
  readonly source: string;
  readonly type: string;
  readonly time?: string;
  readonly subject?: string;
  readonly sequence?: string;
  readonly partitionkey?: string;
  readonly data?: Readonly<Record<string, unknown>>;
};

export type Delivery = {
  readonly id: string;
  readonly body: string;
  readonly event: ReceivedEvent;
};

export type Verdict =
  | { readonly ok: true; readonly delivery: Delivery }
  /** `signed`: the signature is valid, so the fault is the sender's. */
  | {
      readonly ok: false;
      readonly status: 400 | 401 | 415;
      readonly reason: string;
      readonly signed: boolean;
    };

/** The tolerance of the public Standard Webhooks libraries. */
const TOLERANCE_S = 300;
const CONTENT_TYPE = /^application\/cloudevents\+json(\s*;|$)/i;
const REQUIRED = ["id", "source", "type", "specversion"] as const;

type SignedHeaders = Readonly<
  Record<"webhook-id" | "webhook-timestamp" | "webhook-signature", string>
>;

function single(headers: IncomingHttpHeaders, name: string): string {
  const value = headers[name];
  return typeof value === "string" ? value : "";
}

/** The library reads the wall clock itself, so an injected clock checks the time here. */
function provesItself(
  hook: Webhook,
  body: string,
  headers: SignedHeaders,
  now: (() => number) | undefined,
): boolean {
  if (!now) {
    try {
      hook.verify(body, headers, { jsonParse: false });
      return true;
    } catch {
      return false;
    }
  }
  const seconds = Number(headers["webhook-timestamp"]);
  if (!(Math.abs(Math.floor(now() / 1000) - seconds) <= TOLERANCE_S)) return false;
  const expected = hook.sign(headers["webhook-id"], new Date(seconds * 1000), body);
  return headers["webhook-signature"].split(" ").includes(expected);
}

/**
 * The SDK fills in a missing id, time and specversion, so the body is checked for them first. It
 * accepts extensions that are objects, which CloudEvents 1.0 does not allow, and knows the
 * content-type only without parameters.
 */
function readEvent(headers: IncomingHttpHeaders, body: string): ReceivedEvent {
  const parsed: unknown = JSON.parse(body);
  if (typeof parsed !== "object" || parsed === null) throw new TypeError("not an object");
  const attributes = parsed as Record<string, unknown>;
  for (const name of REQUIRED) {
    if (typeof attributes[name] !== "string" || attributes[name] === "") {
      throw new TypeError(`${name} is missing`);
    }
  }
  if (attributes.specversion !== "1.0") throw new TypeError("specversion is not 1.0");
  for (const [name, value] of Object.entries(attributes)) {
    const scalar = value === null || typeof value !== "object";
    if (name !== "data" && !scalar) throw new TypeError(`${name} is not a scalar`);
  }
  HTTP.toEvent({ headers: { ...headers, "content-type": "application/cloudevents+json" }, body });
  new CloudEvent(attributes).validate();
  return attributes as unknown as ReceivedEvent;
}

/** Checks one request as a careful consumer does, with the public packages for both standards. */
export function createDeliveryVerifier(options: {
  readonly secrets: readonly string[];
  readonly now?: (() => number) | undefined;
}): (headers: IncomingHttpHeaders, bytes: Buffer) => Verdict {
  const hooks = options.secrets.map((secret) => new Webhook(secret));
  return (headers, bytes) => {
    const refuse = (status: 400 | 401 | 415, reason: string, signed: boolean): Verdict => ({
      ok: false,
      status,
      reason,
      signed,
    });
    let body: string;
    try {
      body = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    } catch {
      return refuse(400, "the body is not UTF-8", false);
    }
    const signed: SignedHeaders = {
      "webhook-id": single(headers, "webhook-id"),
      "webhook-timestamp": single(headers, "webhook-timestamp"),
      "webhook-signature": single(headers, "webhook-signature"),
    };
    if (!hooks.some((hook) => provesItself(hook, body, signed, options.now))) {
      return refuse(401, "the signature or its time is wrong", false);
    }
    if (!CONTENT_TYPE.test(single(headers, "content-type"))) {
      return refuse(415, "the content-type is not application/cloudevents+json", true);
    }
    try {
      const event = readEvent(headers, body);
      const id = signed["webhook-id"];
      if (event.id !== id) return refuse(400, "webhook-id is not the body's id", true);
      return { ok: true, delivery: { id, body, event } };
    } catch (error) {
      const detail = error instanceof TypeError ? `: ${error.message}` : "";
      return refuse(400, `the body is not a CloudEvent 1.0${detail}`, true);
    }
  };
}
