import { ALL_EVENT_TYPES, eventJsonSchema } from "./event-schemas.ts";
import { toJsonText } from "./json-text.ts";
import { buildOpenApi } from "./openapi.ts";
import { receiverEventsFile } from "./receiver-events.ts";
import type { EventExamples } from "./webhooks.ts";

/** The text of each file that is made from the code, by its path in the project. */
export function buildDocuments(
  examples: EventExamples,
  exampleSecret: string,
): ReadonlyMap<string, string> {
  return new Map([
    ["shared/contract/openapi.json", toJsonText(buildOpenApi(examples, exampleSecret))],
    ...ALL_EVENT_TYPES.map(
      (type) =>
        [`shared/contract/schemas/${type}.json`, toJsonText(eventJsonSchema(type))] as const,
    ),
    ["shared/receiver/events.ts", receiverEventsFile()],
  ]);
}
