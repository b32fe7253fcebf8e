import http from "node:http";
import { buffer as readBytes } from "node:stream/consumers";
import {
  arrivalOf,
  changesOf,
  isKnownEvent,
  type KnownEvent,
  verifyWebhook,
  WebhookVerificationError,
} from "../../shared/receiver/verify.ts";

export type ExampleReceiver = {
  readonly secrets: string;
  readonly now?: () => number;
  /** Called once for each event, in its customer's order. If it throws, poll sends the event again. */
  readonly act: (text: string) => void;
};

/** A receiver to copy: it verifies, ignores known events, acts, and only then answers 2xx. */
export function createExampleReceiver({ secrets, act, ...options }: ExampleReceiver): http.Server {
  // In production these are columns beside the data that the event changes, in one transaction.
  const known = new Set<string>();
  const lastSequence = new Map<string, string>();

  function take(rawBody: Buffer, headers: http.IncomingHttpHeaders): number {
    try {
      const event = verifyWebhook(rawBody, headers, secrets, options);
      if (!isKnownEvent(event) || event.type === "webhook.test") return 204;
      const customer = `${event.source} ${event.partitionkey}`;
      const seen = { knowsId: known.has(event.id), lastSequence: lastSequence.get(customer) };
      const arrival = arrivalOf(event, headers, seen);
      if (arrival === "duplicate") return 204;
      // History overwrites nothing newer.
      act(`${arrival === "history" ? "again: " : ""}${describe(event)}`);
      known.add(event.id);
      if (arrival === "new") lastSequence.set(customer, event.sequence);
      return 204;
    } catch (error) {
      if (!(error instanceof WebhookVerificationError)) return 503;
      return error.reason === "secret" ? 500 : error.reason === "payload" ? 400 : 401;
    }
  }

  return http.createServer((request, response) => {
    readBytes(request).then(
      (rawBody) => response.writeHead(take(rawBody, request.headers)).end(),
      () => request.destroy(),
    );
  });
}

function describe(event: Exclude<KnownEvent, { readonly type: "webhook.test" }>): string {
  const { type, data } = event;
  const facts = changesOf(event).map(
    ({ field, from, to, severity }) => `${field} ${from} > ${to} (${severity})`,
  );
  if (type === "whatsapp.phone_number.missing") facts.push(data.missingReason);
  if (type === "whatsapp.onboarding.stuck") facts.push(data.blockedBy, data.nextStep.sentence);
  if (type === "whatsapp.phone_number.health_changed") facts.push(data.health.canSend);
  if ("failingSince" in data) facts.push(`since ${data.failingSince} (${data.code})`);
  const about = data.phoneNumber ?? data.custSpaceId;
  return [`${type}: ${data.severity} ${about}`, ...facts].join(", ");
}
