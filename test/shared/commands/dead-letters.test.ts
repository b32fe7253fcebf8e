import { beforeEach, describe, expect, it } from "vitest";
import {
  aCustomer,
  anEvent,
  type CommandRig,
  createCommandRig,
  RECEIVER_KEY,
} from "./command-rig.ts";

let rig: CommandRig;

const keyOf = (customer: string, seq: number) =>
  `dead/${customer}/${String(seq).padStart(16, "0")}`;

async function putDeadLetter(customer: string, seq: number): Promise<void> {
  const event = { ...anEvent(seq), refusals: { count: 9, nextAt: 1 } };
  await rig.put(keyOf(customer, seq), {
    schema: 1,
    event,
    status: 422,
    diedAt: "2026-01-01T00:00:00.000Z",
  });
}

beforeEach(async () => {
  rig = createCommandRig();
  await putDeadLetter("a", 7);
  await putDeadLetter("a", 12);
  await putDeadLetter("b", 3);
});

describe("dead-list", () => {
  it("gives pages by customer and sequence, with numbers masked", async () => {
    const first = await rig.run({ command: "dead-list", limit: 2 });
    expect(first).toEqual({
      command: "dead-list",
      deadLetters: [7, 12].map((seq) => ({
        custSpaceId: "a",
        seq,
        id: `evt_${seq}`,
        type: "whatsapp.phone_number.changed",
        phoneNumber: "*********5678",
        status: 422,
        diedAt: "2026-01-01T00:00:00.000Z",
      })),
      more: true,
      after: "a/0000000000000012",
    });
    const second = await rig.run({ command: "dead-list", limit: 2, after: first.after });
    expect(second).toMatchObject({ deadLetters: [{ custSpaceId: "b", seq: 3 }], more: false });
  });

  it.each(["~account", "~watch.a"])(
    "names events about the watch by %s, and the other commands know it",
    async (customer) => {
      await putDeadLetter(customer, 9);
      const { deadLetters } = await rig.run({ command: "dead-list", after: "b/0000000000000003" });
      expect(deadLetters).toMatchObject([{ custSpaceId: customer }]);
      await rig.run({ command: "redeliver", customer });
      await rig.run({ command: "dead-redeliver", customer });
      expect(await rig.keys(`dead/${customer}/`)).toEqual([]);
      expect(await rig.keys("dead/")).toHaveLength(3);
    },
  );

  it.each(["~", "~watch.", "~other", "a/b", "~watch.a/b", "~account2"])(
    "takes %s for no customer",
    async (customer) => {
      const answer = await rig.run({ command: "dead-drop", customer });
      expect(answer).toMatchObject({ error: { issues: [{ path: "customer" }] } });
      expect(await rig.keys("dead/")).toHaveLength(3);
    },
  );

  it("marks a dead letter that this version cannot read", async () => {
    await rig.put(keyOf("b", 3), { schema: 2 });
    expect(await rig.run({ command: "dead-list", after: "a/0000000000000012" })).toEqual({
      command: "dead-list",
      deadLetters: [{ custSpaceId: "b", seq: 3, unreadable: true }],
      more: false,
    });
  });
});

describe("dead-redeliver", () => {
  it("sends the same id and bytes, marked, and deletes what the receiver accepts", async () => {
    expect(await rig.run({ command: "dead-redeliver", customer: "a" })).toEqual({
      command: "dead-redeliver",
      delivered: 2,
      refused: [],
      unreadable: 0,
      more: false,
    });
    expect(rig.sent).toEqual([
      {
        id: "evt_7",
        body: '{"id":"evt_7","type":"whatsapp.phone_number.changed","subject":"4915112345678"}',
        redelivery: true,
      },
      {
        id: "evt_12",
        body: '{"id":"evt_12","type":"whatsapp.phone_number.changed","subject":"4915112345678"}',
        redelivery: true,
      },
    ]);
    expect(await rig.keys()).toEqual([keyOf("b", 3)]);
  });

  it("keeps and names an event that is refused again, and continues", async () => {
    rig.answer({ kind: "refused", status: 422 });
    expect(await rig.run({ command: "dead-redeliver", all: true })).toMatchObject({
      delivered: 2,
      refused: [{ custSpaceId: "a", seq: 7, status: 422 }],
      more: false,
    });
    expect(await rig.keys()).toEqual([keyOf("a", 7)]);
  });

  it("stops at a receiver that fails and keeps the rest", async () => {
    rig.answer(
      { kind: "delivered", status: 200 },
      { kind: "failed", reason: "status", status: 503 },
    );
    expect(await rig.run({ command: "dead-redeliver", all: true })).toMatchObject({
      delivered: 1,
      stopped: { reason: "status", status: 503 },
      more: true,
      after: "a/0000000000000007",
    });
    expect(await rig.keys()).toEqual([keyOf("a", 12), keyOf("b", 3)]);
  });

  it("disables a receiver that answers 410", async () => {
    rig.answer({ kind: "gone", status: 410 });
    const answer = await rig.run({ command: "dead-redeliver", customer: "b", seq: 3 });
    expect(answer).toMatchObject({ delivered: 0, stopped: { reason: "gone", status: 410 } });
    expect(await rig.row(RECEIVER_KEY)).toMatchObject({ state: "disabled", reason: "410" });
    expect(await rig.keys("dead/b/")).toEqual([keyOf("b", 3)]);
  });

  it("sends nothing to a paused receiver", async () => {
    await rig.run({ command: "webhook-pause" });
    const answer = await rig.run({ command: "dead-redeliver", all: true });
    expect(answer).toMatchObject({ delivered: 0, stopped: { reason: "paused" }, more: false });
    expect(rig.sent).toEqual([]);
  });

  it("ends after 20 s and continues from its cursor", async () => {
    rig.attemptMs = 10_000;
    const first = await rig.run({ command: "dead-redeliver", all: true });
    expect(first).toMatchObject({ delivered: 2, more: true, after: "a/0000000000000012" });
    const command = { command: "dead-redeliver", all: true, after: first.after };
    expect(await rig.run(command)).toMatchObject({ delivered: 1, more: false });
    expect(await rig.keys("dead/")).toEqual([]);
  });

  it("loses no event if it dies between the receiver's response and the deletion", async () => {
    rig.writesLeft = 0;
    const command = { command: "dead-redeliver", customer: "b" };
    await expect(rig.run(command)).rejects.toMatchObject({ code: "ERR_STORE" });
    expect(await rig.keys("dead/b/")).toEqual([keyOf("b", 3)]);
    rig.writesLeft = Number.POSITIVE_INFINITY;
    expect(await rig.run(command)).toMatchObject({ delivered: 1 });
    expect(rig.sent.map(({ id }) => id)).toEqual(["evt_3", "evt_3"]);
  });
});

describe("dead-drop", () => {
  it("deletes one event by its sequence", async () => {
    const answer = await rig.run({ command: "dead-drop", customer: "a", seq: 12 });
    expect(answer).toEqual({ command: "dead-drop", dropped: 1, more: false });
    expect(await rig.keys()).toEqual([keyOf("a", 7), keyOf("b", 3)]);
    expect(rig.sent).toEqual([]);
  });

  it("logs no customer id that is a number whole, not even in a sentence", async () => {
    const customer = "4915112345678";
    await rig.put(`c/${customer}`, aCustomer());
    const answer = await rig.run({ command: "dead-drop", customer, seq: 5 });
    expect(answer).toMatchObject({ notFound: `${customer} has no dead letter 5.` });
    expect(rig.logLines.join()).not.toContain(customer);
    expect(rig.logLines.join()).toContain("*********5678");
  });

  it("deletes every dead letter with all: true", async () => {
    expect(await rig.run({ command: "dead-drop", all: true })).toMatchObject({ dropped: 3 });
    expect(await rig.keys()).toEqual([]);
  });

  it.each([
    [{ command: "dead-drop" }, "", "give either customer or all: true"],
    [{ command: "dead-drop", customer: "a", all: true }, "", "give either customer or all: true"],
    [{ command: "dead-drop", all: true, seq: 3 }, "seq", "needs customer"],
    [{ command: "dead-drop", all: false }, "all", "must be true or left out"],
  ])("refuses %j and deletes nothing", async (payload, path, message) => {
    const { error } = (await rig.run(payload)) as { error: { code: string; issues: unknown } };
    expect(error.code).toBe("ERR_INVALID_REQUEST");
    expect(error.issues).toContainEqual({ path, message });
    expect(await rig.keys()).toHaveLength(3);
  });
});
