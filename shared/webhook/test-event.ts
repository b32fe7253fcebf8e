import { EVENT_TYPES, type TestEvent } from "../schemas/event.ts";
import type { OutgoingEvent } from "./attempt.ts";

const MESSAGE = "This asks whether the receiver verifies and accepts events of this source.";

/** A new `webhook.test` event, which belongs to no customer. */
export function createTestEvent(
  source: string,
  deps: { readonly now: () => number; readonly newId: () => string },
  message = MESSAGE,
): OutgoingEvent {
  const event: TestEvent = {
    specversion: "1.0",
    id: `evt_test_${deps.newId()}`,
    source,
    type: EVENT_TYPES.test,
    time: new Date(deps.now()).toISOString(),
    datacontenttype: "application/json",
    data: { message },
  };
  return { id: event.id, body: JSON.stringify(event) };
}
