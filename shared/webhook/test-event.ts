import { EVENT_TYPES, type TestEvent } from "../schemas/event.ts";
import type { OutgoingEvent } from "./attempt.ts";

const MESSAGE = "This asks whether the receiver verifies and accepts events of this source.";

/**
 * A new `webhook.test` event, which belongs to no customer.
 *
 * @param options.redelivery says in its body that it is sent with the mark of a redelivery
 */
export function createTestEvent(
  source: string,
  deps: { readonly now: () => number; readonly newId: () => string },
  { message = MESSAGE, redelivery = false } = {},
): OutgoingEvent {
  const event: TestEvent = {
    specversion: "1.0",
    id: `evt_test_${deps.newId()}`,
    source,
    type: EVENT_TYPES.test,
    time: new Date(deps.now()).toISOString(),
    datacontenttype: "application/json",
    data: { message, redelivery: redelivery ? "true" : undefined },
  };
  return { id: event.id, body: JSON.stringify(event) };
}
