import { beforeEach, describe, expect, it } from "vitest";
import { createAcknowledgements } from "../../../shared/outbox/acknowledgements.ts";
import { deliverNext } from "../../../shared/outbox/deliver.ts";
import { aCustomer, anEvent, type CommandRig, createCommandRig } from "./command-rig.ts";

/** A receiver that accepts what others get. */
const WELL = {
  hasAcceptedRecently: () => true,
  accepted: async () => undefined,
  probed: async () => undefined,
};

let rig: CommandRig;

const delivered = (seq: number, deliveredAt: string, number?: string) => ({
  ...anEvent(seq, number),
  deliveredAt,
});

beforeEach(() => {
  rig = createCommandRig();
});

describe("a customer's delivered history", () => {
  it("holds what a run delivered, and no dead letter", async () => {
    const refusedOften = { ...anEvent(1), refusals: { count: 9, nextAt: 0 } };
    await rig.put("c/a", aCustomer({ pending: [refusedOften, anEvent(2)] }));
    const results = [{ kind: "refused", status: 422 } as const];
    const deps = {
      store: rig.store,
      now: rig.now,
      monotonic: rig.now,
      random: () => 0.5,
      isClockConfirmed: () => true,
      testEvent: () => ({ id: "test", body: "" }),
      send: async () => results.shift() ?? ({ kind: "delivered", status: 204 } as const),
    };
    for (const kind of ["dead", "delivered"]) {
      const acknowledgements = createAcknowledgements(deps);
      const options = { deadlineAt: 1, receiver: WELL, acknowledgements };
      expect(await deliverNext("a", deps, options)).toMatchObject({ kind });
    }
    expect(await rig.run({ command: "redeliver", customer: "a" })).toMatchObject({ sent: 1 });
    expect(rig.sent.map(({ id }) => id)).toEqual(["evt_2"]);
  });
});

describe("redeliver", () => {
  beforeEach(async () => {
    await rig.put(
      "c/a",
      aCustomer({
        pending: [anEvent(9)],
        delivered: [
          delivered(1, "2026-01-01T10:00:00.000Z"),
          delivered(2, "2026-01-01T11:00:00.000Z", "4930111"),
          delivered(3, "2026-01-01T12:00:00.000Z"),
        ],
        deliveredCutAt: "2026-01-01T09:00:00.000Z",
      }),
    );
    const lastAt = "2026-01-01T11:30:00.000Z";
    await rig.put("c/b", aCustomer({ history: { writes: 1, lastAt } }));
    await rig.put("sent/b/00", { schema: 1, number: 0, events: [delivered(5, lastAt, "4930111")] });
  });

  it("sends a customer's delivered events again, marked, and writes nothing", async () => {
    rig.writesLeft = 0;
    expect(await rig.run({ command: "redeliver", customer: "a" })).toEqual({
      command: "redeliver",
      sent: 3,
      incomplete: 1,
      unreadable: 0,
      refused: [],
      more: false,
    });
    const body = (seq: number, number: string) =>
      `{"id":"evt_${seq}","type":"whatsapp.phone_number.changed","subject":"${number}"}`;
    expect(rig.sent).toEqual([
      { id: "evt_1", body: body(1, "4915112345678"), redelivery: true },
      { id: "evt_2", body: body(2, "4930111"), redelivery: true },
      { id: "evt_3", body: body(3, "4915112345678"), redelivery: true },
    ]);
  });

  it("chooses by number over all customers, however it is written", async () => {
    const answer = await rig.run({ command: "redeliver", number: "+49 30-111" });
    expect(answer).toMatchObject({ sent: 2 });
    expect(rig.sent.map(({ id }) => id)).toEqual(["evt_2", "evt_5"]);
    expect(rig.logLines.join()).not.toContain("30111");
  });

  it("chooses by the time of delivery and counts customers whose events are gone", async () => {
    const since = "2026-01-01T12:30:00+01:00";
    const answer = await rig.run({ command: "redeliver", since });
    expect(answer).toMatchObject({ sent: 2, incomplete: 0 });
    expect(rig.sent.map(({ id }) => id)).toEqual(["evt_3", "evt_5"]);
    const earlier = await rig.run({ command: "redeliver", since: "2026-01-01T09:00:00Z" });
    expect(earlier).toMatchObject({ sent: 4, incomplete: 1 });
  });

  it("continues within a customer after 20 s", async () => {
    rig.attemptMs = 10_000;
    const command = { command: "redeliver", since: "2026-01-01T00:00:00Z" };
    const first = await rig.run(command);
    expect(first).toMatchObject({ sent: 2, incomplete: 1, more: true, after: "a/2" });
    const second = await rig.run({ ...command, after: first.after });
    expect(second).toMatchObject({ sent: 2, incomplete: 0, more: false });
    expect(rig.sent.map(({ id }) => id)).toEqual(["evt_1", "evt_2", "evt_3", "evt_5"]);
  });

  it("names refused events and continues, but stops at a receiver that fails", async () => {
    rig.answer({ kind: "refused", status: 400 }, { kind: "failed", reason: "timeout" });
    expect(await rig.run({ command: "redeliver", customer: "a" })).toMatchObject({
      sent: 0,
      refused: [{ custSpaceId: "a", seq: 1, id: "evt_1", status: 400 }],
      stopped: { reason: "timeout" },
      more: true,
      after: "a/1",
    });
  });

  it("refuses a command that chooses no events", async () => {
    const answer = await rig.run({ command: "redeliver" });
    expect(answer.error).toMatchObject({
      code: "ERR_INVALID_REQUEST",
      issues: [{ path: "", message: "give at least one of customer, number and since" }],
    });
  });
});
