import { describe, expect, it } from "vitest";
import { decideHealth } from "../../../shared/changes/health.ts";
import type { CustomerRow } from "../../../shared/schemas/customer-row.ts";
import { numberEventSchema } from "../../../shared/schemas/event.ts";
import type { HealthReply } from "../../../shared/signing/upstream.ts";
import {
  decideOn,
  FIELDS,
  iso,
  item,
  MINUTE,
  NUMBER,
  parse,
  rowAfter,
  rowOf,
  SOURCE,
  stateOf,
  T0,
} from "../../support/watch-builders.ts";

type Reason = Partial<HealthReply["reasons"][number]>;

const reason = ({ entity = "WABA", code = "141006", ...texts }: Reason = {}) => ({
  entity,
  code,
  description: "There is an error with your payment method.",
  solution: "Add a payment method.",
  ...texts,
});
const reply = (canSend: string | undefined, ...reasons: Reason[]): HealthReply => ({
  requestId: "REQ-1",
  canSend,
  reasons: reasons.map(reason),
});
const AVAILABLE = reply("AVAILABLE");
const BLOCKED = reply("BLOCKED", {});

/** The events and the row after these answers, a minute apart. */
function answersOf(answers: readonly HealthReply[], start = rowOf({ [NUMBER]: stateOf() })) {
  let row: CustomerRow = start;
  const events = answers.flatMap((answer, index) => {
    const decision = decideHealth({
      customer: "acme",
      source: SOURCE,
      row,
      phoneNumber: NUMBER,
      reply: answer,
      readAt: T0 + (index + 1) * MINUTE,
    });
    row = rowAfter(decision, row);
    return decision.events;
  });
  return { row, events, gists: events.map(({ body }) => gist(body)) };
}

function gist(body: string): string {
  const { data } = numberEventSchema.parse(JSON.parse(body));
  const { previousHealth: from, health: to } = data;
  return `${from?.canSend ?? null}>${to?.canSend} ${data.direction} ${data.severity}`;
}

describe("decideHealth", () => {
  it.each<[string, HealthReply[], string[]]>([
    ["AVAILABLE at first sight", [AVAILABLE, AVAILABLE], []],
    ["BLOCKED at first sight", [BLOCKED, BLOCKED], ["null>blocked worse critical"]],
    ["LIMITED at first sight", [reply("LIMITED")], ["null>limited worse warning"]],
    ["AVAILABLE, BLOCKED", [AVAILABLE, BLOCKED], ["available>blocked worse critical"]],
    [
      "the same code in other words",
      [AVAILABLE, BLOCKED, reply("blocked", { description: "Payment error", solution: undefined })],
      ["available>blocked worse critical"],
    ],
    [
      "BLOCKED, AVAILABLE",
      [BLOCKED, AVAILABLE],
      ["null>blocked worse critical", "blocked>available better info"],
    ],
    [
      "BLOCKED, LIMITED",
      [BLOCKED, reply("LIMITED")],
      ["null>blocked worse critical", "blocked>limited better info"],
    ],
    [
      "BLOCKED for another reason",
      [BLOCKED, reply("BLOCKED", { code: "131031" })],
      ["null>blocked worse critical", "blocked>blocked lateral critical"],
    ],
    [
      "the same reasons in another order and twice",
      [
        reply("BLOCKED", {}, { entity: "BUSINESS" }),
        reply("BLOCKED", { entity: "BUSINESS" }, {}, {}),
      ],
      ["null>blocked worse critical"],
    ],
    ["a word of no list at first sight", [reply("PAUSED")], []],
    [
      "a word of no list",
      [AVAILABLE, reply("PAUSED"), reply("PAUSED")],
      ["available>paused unknown info"],
    ],
    [
      "no word",
      [BLOCKED, reply(undefined, {}), reply("None"), reply(" ")],
      ["null>blocked worse critical"],
    ],
  ])("of %s gives the events it should", (_, answers, expected) => {
    expect(answersOf(answers).gists).toEqual(expected);
  });

  it("gives an event with the reasons, and keeps every time of a read", () => {
    const { row, events } = answersOf([AVAILABLE, BLOCKED]);
    expect(parse(events[0])).toMatchObject({
      type: "whatsapp.phone_number.health_changed",
      subject: NUMBER,
      time: iso(2 * MINUTE),
      data: {
        changes: [],
        current: FIELDS,
        previous: {},
        observedAt: iso(2 * MINUTE),
        previousObservedAt: iso(MINUTE),
        upstreamRequestId: "REQ-1",
        health: {
          canSend: "blocked",
          reasons: [
            {
              entity: "WABA",
              code: "141006",
              description: "There is an error with your payment method.",
              solution: "Add a payment method.",
            },
          ],
        },
        previousHealth: { canSend: "available", reasons: [] },
      },
    });
    expect(row.observedAt).toBe(iso(0));
    expect(row.numbers[NUMBER]).toMatchObject({
      observedAt: iso(0),
      health: { canSend: "blocked", observedAt: iso(2 * MINUTE) },
    });
    expect([row.pending.length, row.seq]).toEqual([1, events[0]?.seq]);
  });

  it("cuts long texts in the row, and further in a body that is too large", () => {
    const description = "ж".repeat(5_000);
    const reasons = ["A", "B", "C", "D", "E", "F"].map((code) => ({ code, description }));
    const { row, events } = answersOf([reply("BLOCKED", ...reasons)]);
    const stored = row.numbers[NUMBER]?.health?.reasons;
    expect(stored?.map(({ code }) => code)).toEqual(["A", "B", "C", "D", "E"]);
    expect(stored?.[0]?.description?.length).toBe(1_024);
    expect(Buffer.byteLength(events[0]?.body ?? "")).toBeLessThan(20_000);
  });

  it.each([
    ["is not connected", stateOf({ ...FIELDS, status: "PENDING" })],
    ["is missing", stateOf(FIELDS, { missingSince: iso(0) })],
  ])("stores nothing of a number that %s", (_, state) => {
    const start = rowOf({ [NUMBER]: state });
    expect(answersOf([BLOCKED], start)).toMatchObject({ row: start, events: [] });
  });

  it("holds a change back while too many events of the customer are pending", () => {
    const pending = Array.from({ length: 500 }, (_, seq) => ({
      id: "e",
      seq,
      type: "t",
      body: "",
    }));
    const start = rowOf({ [NUMBER]: stateOf() }, { pending });
    expect(answersOf([BLOCKED], start)).toMatchObject({ row: start, events: [] });
  });
});

describe("a change of a watched field", () => {
  it("carries the last known health, so that why stands beside what", () => {
    const { row } = answersOf([BLOCKED]);
    const { events } = decideOn([item(NUMBER, { QualityRating: "RED" })], {
      row,
      readAt: T0 + 5 * MINUTE,
    });
    expect(parse(events[0]).data.health).toMatchObject({
      canSend: "blocked",
      reasons: [{ code: "141006" }],
    });
  });
});
