import { setImmediate as turn } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type SandboxReceiver, startReceiver } from "./receiver.ts";
import { deliver, EPOCH, eventBody, OTHER_SECRET, SECRET } from "./receiver-test-sender.ts";

let receiver: SandboxReceiver;
beforeEach(async () => {
  receiver = await startReceiver({ secrets: [SECRET, OTHER_SECRET], now: () => EPOCH });
});
afterEach(() => receiver.close());

const flagged = { field: "status", from: "CONNECTED", to: "FLAGGED" };
const banned = { field: "status", from: "FLAGGED", to: "BANNED" };
const ids = () => receiver.received().map(({ id }) => id);

describe("the sandbox receiver's verification", () => {
  it("accepts an event signed with any of its secrets", async () => {
    const body = eventBody("evt_1", "01", [flagged]);
    expect(await deliver(receiver.url, body)).toBe(204);
    expect(
      await deliver(receiver.url, eventBody("evt_2", "02", []), { secret: OTHER_SECRET }),
    ).toBe(204);
    expect(receiver.received()[0]).toEqual({
      id: "evt_1",
      type: "whatsapp.phone_number.changed",
      subject: "15550001",
      sequence: "01",
      partitionkey: "c1",
      event: JSON.parse(body),
      body,
      at: EPOCH,
      headers: expect.objectContaining({ "webhook-id": "evt_1" }),
      duplicate: false,
      redelivery: false,
    });
    expect(receiver.problems()).toEqual([]);
  });

  it("answers 401 to a wrong signature, a foreign secret, a changed id and a stale time", async () => {
    const body = eventBody("evt_1", "01", [flagged]);
    const foreign = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSx";
    expect(await deliver(receiver.url, body, { secret: foreign })).toBe(401);
    const headers = { "webhook-signature": "v1,AAAA" };
    expect(await deliver(receiver.url, body, { headers })).toBe(401);
    expect(await deliver(receiver.url, body, { headers: { "webhook-id": "evt_2" } })).toBe(401);
    expect(await deliver(receiver.url, body, { at: EPOCH - 301_000 })).toBe(401);
    expect(await deliver(receiver.url, body, { at: EPOCH + 301_000 })).toBe(401);
    expect(await deliver(receiver.url, body, { at: EPOCH - 300_000 })).toBe(204);
    expect(ids()).toEqual(["evt_1"]);
    expect(receiver.attempts().map(({ status }) => status)).toEqual([401, 401, 401, 401, 401, 204]);
    expect(receiver.attempts()[0]).toMatchObject({
      id: "evt_1",
      at: EPOCH,
      reason: "the signature or its time is wrong",
    });
  });

  it("checks the time by the wall clock without an injected one", async () => {
    const live = await startReceiver({ secrets: [SECRET] });
    try {
      const body = eventBody("evt_1", "01", [flagged]);
      expect(await deliver(live.url, body, { at: Date.now() })).toBe(204);
      expect(await deliver(live.url, body, { at: Date.now() - 400_000 })).toBe(401);
      expect(await deliver(live.url, body, { at: Date.now(), secret: OTHER_SECRET })).toBe(401);
    } finally {
      await live.close();
    }
  });

  it.each([
    ["no id", { id: undefined }],
    ["no type", { type: undefined }],
    ["an empty source", { source: "" }],
    ["another specversion", { specversion: "0.3" }],
    ["no specversion", { specversion: undefined }],
    ["a time that is not RFC 3339", { time: "1 January 2026" }],
    ["an attribute in capitals", { partitionKey: "c1" }],
    ["an attribute that is an object", { extra: { a: 1 } }],
  ])("refuses and reports a signed body with %s", async (_, over) => {
    const body = eventBody("evt_1", "01", [], over);
    expect(await deliver(receiver.url, body, { id: "evt_1" })).toBe(400);
    expect(receiver.problems()).toEqual([
      expect.stringMatching(/^evt_1: the body is not a CloudEvent 1\.0/),
    ]);
    expect(ids()).toEqual([]);
  });

  it("refuses and reports another content-type, and an id that differs from the body's", async () => {
    const body = eventBody("evt_1", "01", []);
    const headers = { "content-type": "application/json" };
    expect(await deliver(receiver.url, body, { headers })).toBe(415);
    expect(await deliver(receiver.url, body, { id: "evt_2" })).toBe(400);
    expect(receiver.problems()).toEqual([
      "evt_1: the content-type is not application/cloudevents+json",
      "evt_2: webhook-id is not the body's id",
    ]);
    const charset = { "content-type": "application/cloudevents+json; charset=utf-8" };
    expect(await deliver(receiver.url, body, { headers: charset })).toBe(204);
  });

  it("accepts events without changes, partition or subject", async () => {
    const over = { type: "webhook.test", sequence: undefined, partitionkey: undefined };
    const bare = { ...over, subject: undefined, data: undefined };
    expect(await deliver(receiver.url, eventBody("evt_1", "", [], bare))).toBe(204);
    const stale = { type: "whatsapp.watch.stale", subject: undefined, data: { custSpaceId: "c1" } };
    expect(await deliver(receiver.url, eventBody("evt_2", "01", [], stale))).toBe(204);
    expect(receiver.problems()).toEqual([]);
    expect(receiver.state()).toEqual(new Map());
  });
});

describe("the sandbox receiver's cross-checks", () => {
  it("report no problem for a duplicate or a redelivery", async () => {
    const first = eventBody("evt_1", "01", [flagged]);
    const headers = { "webhook-redelivery": "true" };
    await deliver(receiver.url, first);
    await deliver(receiver.url, first);
    await deliver(receiver.url, eventBody("evt_3", "03", []));
    await deliver(receiver.url, first, { headers });
    await deliver(receiver.url, eventBody("evt_2", "02", [banned]), { headers });
    expect(
      receiver.received().map(({ id, duplicate, redelivery }) => [id, duplicate, redelivery]),
    ).toEqual([
      ["evt_1", false, false],
      ["evt_1", true, false],
      ["evt_3", false, false],
      ["evt_1", true, true],
      ["evt_2", false, true],
    ]);
    expect(receiver.problems()).toEqual([]);
    expect(receiver.state()).toEqual(new Map([["15550001", { status: "FLAGGED" }]]));
  });

  it("report a first receipt after a later one of its own partition only", async () => {
    await deliver(receiver.url, eventBody("evt_2", "02", []));
    await deliver(receiver.url, eventBody("evt_9", "01", [], { partitionkey: "c2" }));
    await deliver(receiver.url, eventBody("evt_1", "01", []));
    await deliver(receiver.url, eventBody("evt_3", "02", []));
    expect(receiver.problems()).toEqual([
      "evt_1: sequence 01 came after 02",
      "evt_3: sequence 02 came after 02",
    ]);
  });

  it("report another body under one id, also if the first attempt was refused", async () => {
    receiver.behave({ status: 503, times: 1 });
    await deliver(receiver.url, eventBody("evt_1", "01", [flagged]));
    await deliver(receiver.url, `${eventBody("evt_1", "01", [flagged])}\n`);
    expect(receiver.problems()).toEqual(["evt_1: the body differs from the first try's"]);
  });

  it("report a change that does not start from the last known value", async () => {
    await deliver(receiver.url, eventBody("evt_1", "01", [flagged]));
    const quality = { field: "qualityRating", from: "GREEN", to: "RED" };
    await deliver(receiver.url, eventBody("evt_2", "02", [banned, quality]));
    await deliver(receiver.url, eventBody("evt_3", "03", [flagged]));
    expect(receiver.problems()).toEqual([
      'evt_3: status starts from "CONNECTED", last known was "BANNED"',
    ]);
    expect(receiver.state()).toEqual(
      new Map([["15550001", { status: "FLAGGED", qualityRating: "RED" }]]),
    );
  });

  it("report a watched field that differs without a change", async () => {
    const current = (fields: object) => ({ data: { phoneNumber: "15550001", current: fields } });
    const before = { status: "CONNECTED", isOfficial: "N" };
    await deliver(receiver.url, eventBody("evt_1", "01", [], current(before)));
    const after = { status: "BANNED", isOfficial: "Y", nameStatus: "Approval" };
    await deliver(receiver.url, eventBody("evt_2", "02", [], current(after)));
    expect(receiver.problems()).toEqual([
      'evt_2: status is now "BANNED", last known was "CONNECTED"',
    ]);
    expect(receiver.state()).toEqual(new Map([["15550001", after]]));
  });

  it("accept any values from a discovered number and a resync", async () => {
    const restated = (type: string, status: string) => ({
      type: `whatsapp.phone_number.${type}`,
      data: { phoneNumber: "15550001", changes: [], current: { status } },
    });
    await deliver(receiver.url, eventBody("evt_1", "01", [flagged]));
    await deliver(receiver.url, eventBody("evt_2", "02", [], restated("discovered", "PENDING")));
    await deliver(receiver.url, eventBody("evt_3", "03", [], restated("state", "CONNECTED")));
    await deliver(receiver.url, eventBody("evt_4", "04", [flagged]));
    expect(receiver.problems()).toEqual([]);
  });
});

describe("the sandbox receiver's behaviour", () => {
  const send = (id: string) => deliver(receiver.url, eventBody(id, id.slice(-2), []));

  it("is the given status and headers for the given times, then accepting", async () => {
    receiver.behave({ status: 429, headers: { "retry-after": "7" }, times: 2 });
    expect([await send("evt_01"), await send("evt_01"), await send("evt_01")]).toEqual([
      429, 429, 204,
    ]);
    receiver.behave({ status: 202 });
    expect([await send("evt_02"), await send("evt_03")]).toEqual([202, 202]);
    receiver.behave("ok");
    expect(await send("evt_04")).toBe(204);
    expect(ids()).toEqual(["evt_01", "evt_02", "evt_03", "evt_04"]);
  });

  it("acknowledges no unsigned event, even with status 200", async () => {
    receiver.behave({ status: 200 });
    const headers = { "webhook-signature": "v1,AAAA" };
    expect(await deliver(receiver.url, eventBody("evt_1", "01", []), { headers })).toBe(401);
  });

  it("ends the connection unread for reset, and after storing the event for ack-lost", async () => {
    receiver.behave("reset");
    expect(await send("evt_01")).toBe("ECONNRESET");
    expect(ids()).toEqual([]);
    receiver.behave({ kind: "ack-lost", times: 1 });
    expect(await send("evt_01")).toBe("ECONNRESET");
    expect(await send("evt_01")).toBe(204);
    expect(receiver.received().map(({ duplicate }) => duplicate)).toEqual([false, true]);
    expect(receiver.attempts().map(({ status }) => status)).toEqual(["reset", "ack-lost", 204]);
  });

  it("never answers for hang, and stores nothing", async () => {
    receiver.behave("hang");
    const pending = send("evt_01");
    while (receiver.attempts().length === 0) await turn();
    expect(ids()).toEqual([]);
    await receiver.close();
    expect(await pending).toBe("ECONNRESET");
  });

  it("answers other paths and methods without noting an attempt", async () => {
    const elsewhere = receiver.url.replace("/webhook", "/");
    expect(await deliver(elsewhere, eventBody("evt_1", "01", []))).toBe(404);
    expect(receiver.attempts()).toEqual([]);
  });
});
