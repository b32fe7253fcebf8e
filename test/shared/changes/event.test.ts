import { CloudEvent, HTTP } from "cloudevents";
import { describe, expect, it } from "vitest";
import { createEvent } from "../../../shared/changes/event.ts";
import type { EventDraft } from "../../../shared/changes/number-update.ts";
import { assess } from "../../../shared/changes/severity.ts";
import { EVENT_TYPES, numberEventSchema } from "../../../shared/schemas/event.ts";
import { formatSequence } from "../../../shared/schemas/sequence.ts";
import {
  FIELDS,
  iso,
  MINUTE,
  NUMBER,
  parse,
  SOURCE,
  stateOf,
} from "../../support/watch-builders.ts";

const ORIGIN = {
  source: SOURCE,
  customer: "acme",
  observedAt: iso(MINUTE),
  upstreamRequestId: "90E63D28-E31D-1EB2-8939-A9486641****",
};

const BANNED: EventDraft = {
  type: EVENT_TYPES.changed,
  phoneNumber: NUMBER,
  changes: [
    { field: "status", from: "CONNECTED", to: "BANNED" },
    { field: "qualityRating", from: "GREEN", to: "YELLOW" },
  ],
  state: stateOf({ ...FIELDS, status: "BANNED", qualityRating: "YELLOW" }),
  previousObservedAt: iso(0),
};

describe("createEvent", () => {
  it("gives an event with the number, its changes, their severity and its state", () => {
    const event = createEvent(BANNED, 1001, ORIGIN);

    expect({ ...event, body: "" }).toEqual({
      id: event.id,
      seq: 1001,
      type: "whatsapp.phone_number.changed",
      body: "",
    });
    expect(JSON.parse(event.body)).toEqual({
      id: event.id,
      specversion: "1.0",
      source: "urn:waba-numbers:1234567890123456:test",
      type: "whatsapp.phone_number.changed",
      subject: "4915112345678",
      time: "2026-01-01T00:01:00.000Z",
      datacontenttype: "application/json",
      sequence: "0000000000001001",
      partitionkey: "acme",
      data: {
        custSpaceId: "acme",
        phoneNumber: "4915112345678",
        changes: [
          {
            field: "status",
            from: "CONNECTED",
            to: "BANNED",
            direction: "worse",
            severity: "critical",
          },
          {
            field: "qualityRating",
            from: "GREEN",
            to: "YELLOW",
            direction: "worse",
            severity: "warning",
          },
        ],
        direction: "worse",
        severity: "critical",
        current: {
          status: "BANNED",
          qualityRating: "YELLOW",
          codeVerificationStatus: "VERIFIED",
          nameStatus: "Approval",
          newNameStatus: "NONE",
          messagingLimitTier: "TIER_1K",
          verifiedName: "Acme",
        },
        previous: { status: "CONNECTED", qualityRating: "GREEN" },
        observedAt: "2026-01-01T00:01:00.000Z",
        previousObservedAt: "2026-01-01T00:00:00.000Z",
        upstreamRequestId: "90E63D28-E31D-1EB2-8939-A9486641****",
      },
    });
  });

  it.each([
    [EVENT_TYPES.discovered, "lateral", "info"],
    [EVENT_TYPES.missing, "worse", "critical"],
    [EVENT_TYPES.returned, "better", "info"],
  ] as const)(
    "gives an event of type %s the direction %s and the severity %s",
    (type, direction, severity) => {
      const draft: EventDraft = { ...BANNED, type, changes: [], previousObservedAt: undefined };
      expect(assess(draft)).toEqual({ direction, severity });
      const { data } = parse(createEvent(draft, 1001, ORIGIN));
      expect(data.changes).toEqual([]);
      expect(data.previous).toEqual({});
      expect(data).not.toHaveProperty("previousObservedAt");
    },
  );

  it("gives the return of a banned number the direction worse, critical", () => {
    expect(assess({ ...BANNED, type: EVENT_TYPES.returned })).toEqual({
      direction: "worse",
      severity: "critical",
    });
  });

  it.each(Object.values(EVENT_TYPES).filter((type) => type.includes("phone_number")))(
    "gives an event of type %s that the CloudEvents package and the schema accept",
    (type) => {
      const { body } = createEvent({ ...BANNED, type } as EventDraft, 1001, ORIGIN);
      const attributes = JSON.parse(body);
      expect(new CloudEvent(attributes, true).validate()).toBe(true);
      const headers = { "content-type": "application/cloudevents+json" };
      expect(HTTP.toEvent({ headers, body })).toMatchObject({ id: attributes.id, type });
      expect(numberEventSchema.safeParse(attributes).success).toBe(true);
    },
  );

  it("gives the same content the same id, and any other content another id", () => {
    const { id } = createEvent(BANNED, 1001, ORIGIN);
    const others = [
      createEvent(BANNED, 1002, ORIGIN),
      createEvent({ ...BANNED, phoneNumber: "491" }, 1001, ORIGIN),
      createEvent({ ...BANNED, changes: BANNED.changes.slice(1) }, 1001, ORIGIN),
      createEvent(BANNED, 1001, { ...ORIGIN, customer: "other" }),
      createEvent(BANNED, 1001, { ...ORIGIN, source: "urn:waba-numbers:2:test" }),
    ].map((event) => event.id);

    expect(id).toMatch(/^evt_[A-Za-z0-9_-]{22}$/);
    expect(createEvent(BANNED, 1001, ORIGIN).id).toBe(id);
    expect(new Set([id, ...others]).size).toBe(6);
  });

  it("gives a sequence whose text order is its number order", () => {
    expect(formatSequence(7)).toBe("0000000000000007");
    expect(formatSequence(1_767_225_600_000) < formatSequence(1_767_225_600_001)).toBe(true);
    expect(formatSequence(999_999_999_999) < formatSequence(1_000_000_000_000)).toBe(true);
  });

  it("names the fields whose values are cut", () => {
    const long = "n".repeat(1024);
    const cases: [Partial<EventDraft>, string[] | undefined][] = [
      [
        { state: stateOf({ verifiedName: long }, { hashes: { verifiedName: "h" } }) },
        ["verifiedName"],
      ],
      [{ state: stateOf({ verifiedName: long }) }, undefined],
      [
        {
          state: stateOf({ verifiedName: "short" }),
          changes: [{ field: "verifiedName", from: long, to: "short", fromIsCut: true }],
        },
        ["verifiedName"],
      ],
      [
        {
          state: stateOf({ verifiedName: "short" }),
          changes: [{ field: "verifiedName", from: long, to: "short" }],
        },
        undefined,
      ],
    ];
    for (const [part, truncated] of cases) {
      const draft = { ...BANNED, changes: [], ...part };
      expect(parse(createEvent(draft, 1001, ORIGIN)).data.truncated).toEqual(truncated);
    }
  });

  it("cuts values further while the body is over 20,000 bytes, and names each cut field", () => {
    const control = "\u0001".repeat(1024);
    const fields = Object.keys(FIELDS) as (keyof typeof FIELDS)[];
    const state = stateOf(Object.fromEntries(fields.map((field) => [field, control])));
    const changes = fields.map((field) => ({ field, from: `${control.slice(1)}x`, to: control }));
    const event = createEvent({ ...BANNED, state, changes }, 1001, ORIGIN);
    const { data } = parse(event);

    expect(Buffer.byteLength(event.body)).toBeLessThanOrEqual(20_000);
    expect(data.truncated).toEqual([
      "status",
      "qualityRating",
      "codeVerificationStatus",
      "nameStatus",
      "newNameStatus",
      "messagingLimitTier",
      "verifiedName",
    ]);
    expect(data.current.status).toBe("\u0001".repeat(64));
    expect(data.previous.status).toBe("\u0001".repeat(64));
  });

  it("names a field whose old value alone had to be cut", () => {
    const control = "\u0001".repeat(1024);
    const state = stateOf({ status: "x", nameStatus: control, newNameStatus: control });
    const changes: EventDraft["changes"] = [{ field: "status", from: control, to: "x" }];
    const event = createEvent({ ...BANNED, state, changes }, 1001, ORIGIN);

    expect(Buffer.byteLength(event.body)).toBeLessThanOrEqual(20_000);
    expect(parse(event).data.previous.status).toBe("\u0001".repeat(256));
    expect(parse(event).data.truncated).toEqual(["status", "nameStatus", "newNameStatus"]);
  });
});
