import { eventsDocument } from "../../shared/contract/event-schemas.ts";
import { buildOpenApi } from "../../shared/contract/openapi.ts";
import { receiverEventsFile } from "../../shared/contract/receiver-events.ts";
import { EXAMPLE_SECRET, eventExamples } from "./event-examples.ts";
import { HTTP_EXAMPLES } from "./http-examples.ts";
import { toJsonText } from "./json-text.ts";

/** The text of each file that is made from the code, by its path in the project. */
export async function buildDocuments(): Promise<ReadonlyMap<string, string>> {
  const openApi = buildOpenApi(HTTP_EXAMPLES, await eventExamples(), EXAMPLE_SECRET);
  return new Map([
    ["shared/contract/openapi.json", toJsonText(openApi)],
    ["shared/contract/events.schema.json", toJsonText(eventsDocument())],
    ["shared/receiver/events.ts", receiverEventsFile()],
  ]);
}
