import type { AttemptResult, OutgoingEvent } from "../../../shared/webhook/attempt.ts";
import { parseWebhookSecrets, signatureHeaders } from "../../../shared/webhook/signature.ts";
import { ControlError, type ControlTargets } from "./controls.ts";
import type { EventFeed } from "./event-feed.ts";

export type WebhookOptions = {
  readonly feed: Pick<EventFeed, "find" | "events">;
  readonly resend: (event: OutgoingEvent) => Promise<AttemptResult>;
  readonly url: string;
  /** `whsec_…`, several with a blank between. */
  readonly secret: string;
  readonly now: () => number;
};

/** What the page does with one event. */
export function createWebhook(options: WebhookOptions): ControlTargets["webhook"] {
  const { feed, resend, url, secret, now } = options;
  const parsed = parseWebhookSecrets(secret);
  const secrets = "secrets" in parsed ? parsed.secrets : [];
  const viewOf = (id: string) => feed.events().find((event) => event.id === id);

  return {
    resend(id) {
      const event = feed.find(id);
      // It would overtake the events before it.
      if (viewOf(id)?.state === "waiting") throw new ControlError("It waits its turn.");
      // The feed gets each attempt before its sender does.
      return event && resend(event).then(() => viewOf(id)?.attempts.at(-1));
    },
    sign(id) {
      const body = viewOf(id)?.body;
      if (body === undefined) return undefined;
      // Signed now, as a verifier refuses what is older than five minutes.
      const signed = signatureHeaders({ id, body }, Math.floor(now() / 1000), secrets);
      const type = "application/cloudevents+json; charset=utf-8";
      return { url, headers: Object.entries({ "content-type": type, ...signed }), body };
    },
  };
}
