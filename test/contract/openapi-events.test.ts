import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ALL_EVENT_TYPES } from "../../shared/contract/event-schemas.ts";
import { recordAddIntent } from "../../shared/customers/add-intent.ts";
import { isKnownEvent, verifyWebhook } from "../../shared/receiver/verify.ts";
import { CONNECTED, type PollStage, startPollStage } from "../support/poll-stage.ts";
import { NUMBER, OTHER } from "../support/watch-builders.ts";
import { EXAMPLE_SECRET, eventExamples } from "./event-examples.ts";
import { createDocumentChecker, readDocument } from "./openapi-check.ts";

const MINUTE = 60_000;
const PENDING = {
  ...CONNECTED,
  Status: "PENDING",
  CodeVerificationStatus: "NOT_VERIFIED",
  NameStatus: "Pending_Review",
};
const NEW = "4915100000001";
const STUCK = "4915100000002";

type ShownWebhook = {
  readonly post: {
    readonly parameters: readonly { readonly name: string; readonly example?: string }[];
    readonly requestBody: {
      readonly content: {
        readonly "application/cloudevents+json": {
          readonly examples: { readonly sent: { readonly value: unknown } };
        };
      };
    };
  };
};

let stage: PollStage;
beforeEach(async () => {
  stage = await startPollStage({ acme: [NUMBER, OTHER] }, { WATCH_HEALTH: "on" });
});
afterEach(() => stage.close());

async function tickAfter(...minutes: readonly number[]): Promise<void> {
  for (const pause of minutes) {
    await stage.clock.advance(pause * MINUTE);
    await stage.run();
  }
}

async function add(phoneNumber: string): Promise<void> {
  const number = { cc: "49", national: phoneNumber.slice(2) };
  await recordAddIntent(stage.store, "acme", number, phoneNumber, stage.clock.now());
  stage.upstream.control.setNumber("acme", phoneNumber, PENDING);
}

/** A customer's life, in which everything happens that there is an event for. */
async function live(): Promise<void> {
  const { control } = stage.upstream;
  await stage.run();
  await add(NEW);
  await add(STUCK);
  control.setNumber("acme", NUMBER, { QualityRating: "RED", VerifiedName: `${"ü".repeat(3_000)}` });
  control.setNumber("acme", "4915100000003", CONNECTED);
  const errors = [{ ErrorCode: 141006, ErrorDescription: "payment", PossibleSolution: "pay" }];
  control.setHealth("acme", OTHER, { canSend: "BLOCKED", errors });
  await tickAfter(2);
  control.connect("acme", NEW);
  control.setNumber("acme", NEW, CONNECTED);
  control.removeNumber("acme", OTHER);
  await tickAfter(2, 6, 6);
  control.setNumber("acme", OTHER, CONNECTED);
  await tickAfter(2, 24 * 60);
  control.refuse("acme", "Product.Unsubscript");
  await tickAfter(2, 2, 40);
  control.refuse("acme", undefined);
  await tickAfter(2);
  await stage.run('{"command":"resync"}');
  await stage.run('{"command":"webhook-test"}');
  await tickAfter(2);
}

describe("the events that poll sends", () => {
  it("are of every type and fit openapi.json to the last field", async () => {
    const check = createDocumentChecker();
    await live();
    const receipts = stage.receiver.received();
    const sent = receipts.map(({ headers, event }) => [
      event.type,
      check.event(headers, JSON.stringify(event)),
    ]);
    expect(sent.filter(([, problems]) => problems?.length !== 0)).toEqual([]);
    const types = [...new Set(sent.map(([type]) => type))].sort();
    expect(types).toEqual([...ALL_EVENT_TYPES].sort());
    expect(stage.receiver.problems()).toEqual([]);
  });

  it("pass the consumer's helper", async () => {
    await live();
    const known = stage.receiver
      .received()
      .map(({ headers, event, at }) =>
        verifyWebhook(JSON.stringify(event), headers, stage.secret, { now: () => at }),
      )
      .map(isKnownEvent);
    expect(known.length).toBeGreaterThan(10);
    expect(known).not.toContain(false);
  });
});

describe("openapi.json", () => {
  it("refuses an event with an unnamed field, and one without a named field", async () => {
    const check = createDocumentChecker();
    const { body, headers } = (await eventExamples())["whatsapp.phone_number.changed"];
    const sent = { ...headers, "content-type": "application/cloudevents+json; charset=utf-8" };
    expect(check.event(sent, body)).toEqual([]);
    expect(check.event(sent, body.replace('"data":{', '"data":{"callbackUrl":"x",'))).toEqual([
      '/data must NOT have additional properties {"additionalProperty":"callbackUrl"}',
    ]);
    expect(check.event(sent, body.replace('"sequence"', '"seq"'))).toHaveLength(2);
    expect(check.event({ ...sent, "webhook-signature": undefined }, body)).toEqual([
      "webhook-signature is missing",
    ]);
    expect(check.event({ ...sent, "content-type": "application/json" }, body)).toEqual([
      "application/json is not documented",
    ]);
    expect(check.event(sent, body.replace("_number.changed", "_number.other"))).toEqual([
      "whatsapp.phone_number.other is not documented",
    ]);
  });

  it("has examples with the signatures of their bytes", () => {
    const { webhooks } = readDocument() as { readonly webhooks: Record<string, ShownWebhook> };
    for (const { post } of Object.values(webhooks)) {
      const headers = Object.fromEntries(
        post.parameters.map(({ name, example }) => [name, example]),
      );
      const now = () => Number(headers["webhook-timestamp"]) * 1_000;
      const { value } = post.requestBody.content["application/cloudevents+json"].examples.sent;
      expect(verifyWebhook(JSON.stringify(value), headers, EXAMPLE_SECRET, { now })).toEqual(value);
    }
    expect(Object.keys(webhooks)).toHaveLength(ALL_EVENT_TYPES.length);
  });
});
