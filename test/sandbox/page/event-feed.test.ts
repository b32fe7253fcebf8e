import { describe, expect, it } from "vitest";
import { createChangeTimes } from "./change-times.ts";
import { createEventFeed } from "./event-feed.ts";

const NUMBER = "4915112345678";

describe("the event feed", () => {
  const change = {
    field: "qualityRating",
    from: "GREEN",
    to: "RED",
    direction: "worse",
    severity: "critical",
  };
  const sent = (id: string, over: object = {}) => ({
    id,
    body: JSON.stringify({
      ...{ id, type: "whatsapp.phone_number.changed", subject: NUMBER },
      time: "1970-01-01T00:00:03.000Z",
      ...{ sequence: "0001", partitionkey: "c" },
      data: { phoneNumber: NUMBER, severity: "critical", direction: "worse", changes: [change] },
      ...over,
    }),
  });
  const attempt = (at: number, status: string, answer = "") => ({
    ...{ at, status, answer, isResend: false },
    isAccepted: status === "204",
  });
  const feedOf = (changeTimes = createChangeTimes(), show = (text: string) => text) =>
    createEventFeed({ changeTimes, show });

  it("shows an event from when it waits, with each attempt and its answer", () => {
    const feed = feedOf();
    feed.wait([sent("evt_1")]);
    const [waiting] = feed.events();
    expect(waiting).toMatchObject({ key: 1, state: "waiting", attempts: [], delayMs: null });

    feed.take(sent("evt_1"), attempt(3_000, "503", "busy"));
    feed.take(sent("evt_1"), attempt(9_000, "204"));
    feed.wait([]);

    expect(feed.delivered()).toBe(1);
    expect(feed.events()).toMatchObject([
      {
        ...{ key: 1, id: "evt_1", at: 3_000, state: "delivered", customer: "c" },
        type: "whatsapp.phone_number.changed",
        ...{ phoneNumber: NUMBER, severity: "critical", sequence: "0001", note: null },
        changes: [{ ...change, fromLevel: "good", toLevel: "critical" }],
        attempts: [attempt(3_000, "503", "busy"), attempt(9_000, "204")],
      },
    ]);
    expect(feed.events()[0]?.revision).toBeGreaterThan(waiting?.revision ?? 0);
  });

  it("shows what a number can send as a change of one field, with the reason and what to do", () => {
    const changeTimes = createChangeTimes();
    changeTimes.note("c", [{ PhoneNumber: NUMBER, canSend: "available" }], 0);
    changeTimes.note("c", [{ PhoneNumber: NUMBER, canSend: "blocked" }], 1_000);
    const feed = feedOf(changeTimes);
    const reason = { entity: "WABA", code: "141006", description: "No payment.", solution: "Pay." };
    const data = {
      ...{ phoneNumber: NUMBER, severity: "critical", direction: "worse", changes: [] },
      ...{ previousHealth: null, health: { canSend: "blocked", reasons: [reason] } },
    };
    const type = "whatsapp.phone_number.health_changed";
    feed.take(sent("evt_1", { type, data }), attempt(3_000, "204"));
    expect(feed.events()).toMatchObject([
      {
        changes: [
          {
            ...{ field: "canSend", from: "", to: "blocked", direction: "worse" },
            ...{ severity: "critical", fromLevel: "info", toLevel: "critical" },
          },
        ],
        ...{ note: "WABA 141006: No payment. What to do: Pay.", delayMs: 2_000 },
      },
    ]);
  });

  it("says of an event that waits no longer and was never accepted that it is not delivered", () => {
    const feed = feedOf();
    feed.wait([sent("evt_1"), sent("evt_2")]);
    feed.take(sent("evt_1"), attempt(1, "400"));
    feed.wait([sent("evt_2")]);
    expect(feed.events().map(({ state }) => state)).toEqual(["unsent", "waiting"]);
  });

  it("says of a test of the receiver at once what became of it", () => {
    const feed = feedOf();
    const test = { id: "evt_t", body: '{"type":"webhook.test","data":{"message":"x"}}' };
    feed.take(test, attempt(5, "no connection"));
    expect(feed.events()).toMatchObject([{ state: "unsent", customer: null, at: 5 }]);
  });

  it("hides every spelling of a number, and keeps the bytes that were sent", () => {
    const feed = feedOf(createChangeTimes(), () => "***");
    const data = {
      phoneNumber: NUMBER,
      addedAs: "49015112345678",
      listedAs: "+49 151",
      changes: [],
    };
    feed.take(sent("evt_1", { data }), attempt(1, "204"));
    expect(feed.events()[0]?.body).not.toMatch(/15112345678|\+49 151/);
    expect(feed.events()[0]?.phoneNumber).toBe("***");
    expect(feed.find("evt_1")?.body).toContain(NUMBER);
  });

  it("counts the delay from the change that was observed, not from a later one to the same", () => {
    const changeTimes = createChangeTimes();
    for (const [value, at] of [
      ["GREEN", 0],
      ["RED", 1_000],
      ["GREEN", 4_000],
      ["RED", 5_000],
    ] as const) {
      changeTimes.note("c", [{ PhoneNumber: NUMBER, QualityRating: value }], at);
    }
    const feed = feedOf(changeTimes);
    feed.take(sent("evt_1"), attempt(9_000, "204"));
    expect(feed.events()[0]?.delayMs).toBe(8_000);
  });

  it("keeps a hundred, forgets delivered ones first, and shows fifty of a backlog", () => {
    const feed = feedOf();
    feed.take(sent("evt_waits"), attempt(1, "503"));
    for (let count = 0; count < 130; count += 1) feed.take(sent(`evt_${count}`), attempt(2, "204"));
    expect(feed.delivered()).toBe(130);
    expect(feed.events()).toHaveLength(100);
    expect(feed.events()[0]?.id).toBe("evt_waits");
    const backlog = feedOf();
    const pending = Array.from({ length: 500 }, (_, index) => sent(`evt_${index}`));
    backlog.wait(pending);
    backlog.wait(pending);
    expect(backlog.events()).toHaveLength(50);
  });
});
