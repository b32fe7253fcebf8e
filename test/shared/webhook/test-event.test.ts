import { expect, it } from "vitest";
import { createTestEvent } from "../../../shared/webhook/test-event.ts";

it("createTestEvent gives the bytes of a webhook.test with a new id and the time", () => {
  const deps = { now: () => 1_767_225_600_000, newId: () => "id1" };

  expect(createTestEvent("urn:waba-numbers:1:dev", deps)).toEqual({
    id: "evt_test_id1",
    body: '{"specversion":"1.0","id":"evt_test_id1","source":"urn:waba-numbers:1:dev","type":"webhook.test","time":"2026-01-01T00:00:00.000Z","datacontenttype":"application/json","data":{"message":"This asks whether the receiver verifies and accepts events of this source."}}',
  });
  const { body } = createTestEvent("urn:waba-numbers:1:dev", deps, {
    message: "Before a deployment.",
  });
  expect(JSON.parse(body).data).toEqual({ message: "Before a deployment." });
});
