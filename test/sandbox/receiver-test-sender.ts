import http from "node:http";
import { Webhook } from "standardwebhooks";

export const SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
export const OTHER_SECRET = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX";

/** 2026-01-01T00:00:00Z */
export const EPOCH = 1_767_225_600_000;

export type Change = { readonly field: string; readonly from: unknown; readonly to: unknown };

/** One event body. `over` replaces attributes, or removes them if undefined. */
export function eventBody(
  id: string,
  sequence: string,
  changes: readonly Change[],
  over: Readonly<Record<string, unknown>> = {},
): string {
  return JSON.stringify({
    specversion: "1.0",
    id,
    source: "urn:waba-numbers:1:local",
    type: "whatsapp.phone_number.changed",
    subject: "15550001",
    time: "2026-01-01T00:00:00.000Z",
    datacontenttype: "application/json",
    sequence,
    partitionkey: "c1",
    data: { custSpaceId: "c1", phoneNumber: "15550001", changes },
    ...over,
  });
}

export type SendOptions = {
  readonly id?: string;
  readonly secret?: string;
  readonly at?: number;
  readonly headers?: Readonly<Record<string, string>>;
};

/** Signs with the public package and posts. Returns the status or the connection's error code. */
export function deliver(
  url: string,
  body: string,
  options: SendOptions = {},
): Promise<number | string> {
  const id = options.id ?? (JSON.parse(body) as { id: string }).id;
  const at = new Date(options.at ?? EPOCH);
  const headers = {
    "content-type": "application/cloudevents+json",
    "webhook-id": id,
    "webhook-timestamp": String(Math.floor(at.getTime() / 1000)),
    "webhook-signature": new Webhook(options.secret ?? SECRET).sign(id, at, body),
    ...options.headers,
  };
  return new Promise((resolve) => {
    const request = http.request(url, { method: "POST", headers }, (response) => {
      response.resume().on("end", () => resolve(response.statusCode ?? 0));
    });
    request.on("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    request.end(body);
  });
}
