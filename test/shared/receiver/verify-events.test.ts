import { describe, expect, expectTypeOf, it } from "vitest";
import {
  arrivalOf,
  changesOf,
  isKnownEvent,
  isNewer,
  type KnownEvent,
  verifyWebhook,
  type WebhookEvent,
} from "../../../shared/receiver/verify.ts";
import { EXAMPLE_SECRET, eventExamples } from "../../contract/event-examples.ts";

/** Fails to compile when an event type is added and not handled here. */
function describeEvent(event: KnownEvent): string {
  switch (event.type) {
    case "whatsapp.phone_number.changed":
    case "whatsapp.phone_number.discovered":
    case "whatsapp.phone_number.missing":
    case "whatsapp.phone_number.returned":
    case "whatsapp.phone_number.health_changed":
    case "whatsapp.phone_number.state":
    case "whatsapp.onboarding.completed":
    case "whatsapp.onboarding.stuck":
      return `${event.data.phoneNumber} ${event.data.severity}`;
    case "whatsapp.watch.stale":
    case "whatsapp.watch.recovered":
      return `${event.data.custSpaceId} ${event.data.code}`;
    case "webhook.test":
      return "test";
    default:
      event satisfies never;
      throw new Error("unreachable");
  }
}

function describeAllButStuck(event: KnownEvent): string {
  switch (event.type) {
    case "whatsapp.phone_number.changed":
    case "whatsapp.phone_number.discovered":
    case "whatsapp.phone_number.missing":
    case "whatsapp.phone_number.returned":
    case "whatsapp.phone_number.health_changed":
    case "whatsapp.phone_number.state":
    case "whatsapp.onboarding.completed":
    case "whatsapp.watch.stale":
    case "whatsapp.watch.recovered":
    case "webhook.test":
      return event.id;
    default:
      // @ts-expect-error: the compiler reports that stuck is left.
      event satisfies never;
      return event.data.blockedBy ?? "";
  }
}

describe("the events that verifyWebhook returns", () => {
  it("are narrowed by their type, and a switch on it is checked for completeness", () => {
    type TestData = Extract<KnownEvent, { type: "webhook.test" }>["data"];
    expectTypeOf<TestData["redelivery"]>().toEqualTypeOf<"true" | undefined>();
    expectTypeOf<WebhookEvent["type"]>().toEqualTypeOf<string>();
  });

  it.each([
    ["whatsapp.phone_number.changed", "4915112345678 critical"],
    ["whatsapp.phone_number.discovered", "4915187654321 info"],
    ["whatsapp.phone_number.missing", "4915112345678 critical"],
    ["whatsapp.phone_number.returned", "4915112345678 info"],
    ["whatsapp.phone_number.state", "4915112345678 info"],
    ["whatsapp.onboarding.completed", "4915112345678 info"],
    ["whatsapp.onboarding.stuck", "4915112345678 warning"],
    ["whatsapp.watch.stale", "acme ERR_UPSTREAM_REJECTED"],
    ["whatsapp.watch.recovered", "acme ERR_UPSTREAM_REJECTED"],
    ["webhook.test", "test"],
  ] as const)("of type %s are recognised as the service sends them", async (type, says) => {
    const { body, headers } = (await eventExamples())[type];
    const event = verifyWebhook(body, headers, EXAMPLE_SECRET, { now: () => 1_767_225_665_000 });
    if (!isKnownEvent(event)) throw new Error("not known");
    expect([event.type, describeEvent(event)]).toEqual([type, says]);
    expect(event).toEqual(JSON.parse(body));
  });

  it("narrow to the one type that a switch forgot", async () => {
    const { body } = (await eventExamples())["whatsapp.onboarding.stuck"];
    expect(describeAllButStuck(JSON.parse(body))).toBe("codeVerificationStatus");
  });
});

describe("isNewer", () => {
  it.each([
    ["0001767323000124", "0001767323000123", true],
    ["0001767323000123", "0001767323000123", false],
    ["0001767323000122", "0001767323000123", false],
    ["0001767323000123", undefined, true],
    ["0001767323000123", null, true],
    ["10000000000000000", "9999999999999999", true],
    ["9999999999999999", "10000000000000000", false],
    ["7", "0000000000000007", false],
    ["9007199254740993", "9007199254740992", true],
  ])("says for %s after %s: %s", (sequence, last, expected) => {
    expect(isNewer(sequence, last)).toBe(expected);
  });
});

describe("arrivalOf", () => {
  const marked = { "webhook-redelivery": "true" };
  const unknown = { specversion: "1.0", id: "e", source: "s", type: "later" } as const;
  const at = (sequence: string) => ({ ...unknown, sequence });

  it.each([
    ["new", "above the last", "5", {}, false, "4"],
    ["new", "the first of all", "5", {}, false, undefined],
    ["new", "the first of all, with SQL's null", "5", {}, false, null],
    ["duplicate", "an id that is stored", "5", {}, true, "4"],
    ["duplicate", "a marked one of a stored id", "5", marked, true, "5"],
    ["history", "marked", "5", marked, false, "9"],
    ["history", "marked, above the last", "5", marked, false, "4"],
    ["history", "not marked, below the last", "5", {}, false, "9"],
    ["history", "marked in fetch's Headers", "5", new Headers(marked), false, "4"],
  ])("is %s for an event that is %s", (arrival, _, sequence, headers, knowsId, lastSequence) => {
    expect(arrivalOf(at(sequence), headers, { knowsId, lastSequence })).toBe(arrival);
  });

  it("is new for an event without a sequence", () => {
    expect(arrivalOf(unknown, {}, { knowsId: false, lastSequence: "9" })).toBe("new");
  });
});

describe("changesOf", () => {
  it("gives the changes of each event, and none where there are none", async () => {
    const counts = Object.entries(await eventExamples()).map(([type, { body }]) => [
      type,
      changesOf(JSON.parse(body)).length,
    ]);
    expect(Object.fromEntries(counts)).toMatchObject({
      "whatsapp.phone_number.changed": 1,
      "whatsapp.watch.stale": 0,
      "webhook.test": 0,
    });
    const later = { specversion: "1.0", id: "e", source: "s", type: "later" } as const;
    expect(changesOf(later)).toEqual([]);
  });
});
