import { beforeEach, describe, expect, it } from "vitest";
import { createAcknowledgements } from "../../../shared/outbox/acknowledgements.ts";
import { deliverNext } from "../../../shared/outbox/deliver.ts";
import type { CustomerRow } from "../../../shared/schemas/customer-row.ts";
import { numberEventSchema } from "../../../shared/schemas/event.ts";
import {
  aCustomer,
  aNumber,
  anEvent,
  type CommandRig,
  createCommandRig,
  START,
} from "./command-rig.ts";

/** A receiver that accepts what others get. */
const WELL = {
  hasAcceptedRecently: () => true,
  accepted: async () => undefined,
  probed: async () => undefined,
};

let rig: CommandRig;

const rowOf = async (customer: string) => (await rig.row(`c/${customer}`)) as CustomerRow;
const eventsOf = async (customer: string) =>
  (await rowOf(customer)).pending.map(({ body }) => JSON.parse(body));

/** One number sent, and the first four hexadecimal digits of SHA-256 of `a/4930111`. */
const FIRST_SENT = "a/1-b314";

const EMPTY_ANSWER = {
  command: "resync",
  customers: 0,
  events: 0,
  advanced: 0,
  missing: 0,
  leftOut: 0,
  unreadable: 0,
  leftOutOf: [],
  more: false,
};

beforeEach(async () => {
  rig = createCommandRig();
  await rig.put(
    "c/a",
    aCustomer({
      numbers: {
        "4930222": aNumber({ status: "BANNED", qualityRating: "RED" }),
        "4930111": aNumber(),
        "4930333": { ...aNumber(), missingSince: "2026-01-01T01:00:00.000Z" },
      },
      pending: [anEvent(1000)],
    }),
  );
});

describe("resync", () => {
  it("stores one full-state event per number behind what is pending", async () => {
    const answer = await rig.run({ command: "resync" });
    expect(answer).toEqual({ ...EMPTY_ANSWER, customers: 1, events: 2, missing: 1 });
    const row = await rowOf("a");
    expect(row.seq).toBe(START + 1);
    expect(row.pending.map(({ seq }) => seq)).toEqual([1000, START, START + 1]);
    const [, first, second] = await eventsOf("a");
    expect(first).toEqual({
      id: row.pending[1]?.id,
      specversion: "1.0",
      source: "urn:waba-numbers:local:local",
      type: "whatsapp.phone_number.state",
      subject: "4930111",
      time: "2026-01-01T00:00:00.000Z",
      datacontenttype: "application/json",
      sequence: "0001767323045000",
      partitionkey: "a",
      data: {
        custSpaceId: "a",
        phoneNumber: "4930111",
        changes: [],
        direction: "lateral",
        severity: "info",
        current: { status: "CONNECTED" },
        previous: {},
        observedAt: "2026-01-01T00:00:00.000Z",
      },
    });
    expect(numberEventSchema.parse(first).type).toBe("whatsapp.phone_number.state");
    expect(second.data.current).toEqual({ status: "BANNED", qualityRating: "RED" });
    expect(rig.sent).toEqual([]);
  });

  it("sends a row of the first edition without its spellings of no value", async () => {
    const fields = {
      status: " CONNECTED ",
      qualityRating: "None",
      nameStatus: "null",
      messagingLimitTier: "",
      verifiedName: "None",
    };
    await rig.put("c/a", aCustomer({ schema: 1, numbers: { "4930111": aNumber(fields) } }));
    expect(await rig.run({ command: "resync" })).toMatchObject({ events: 1 });
    const [event] = await eventsOf("a");
    expect(event.data.current).toEqual({ status: "CONNECTED", verifiedName: "None" });
  });

  it("writes a marker, by which a run delivers all events in order", async () => {
    await rig.run({ command: "resync" });
    expect(await rig.keys("due/")).toEqual(["due/a/0001767323045001"]);
    const accepted: string[] = [];
    const deps = {
      store: rig.store,
      now: rig.now,
      monotonic: rig.now,
      random: () => 0.5,
      isClockConfirmed: () => true,
      testEvent: () => ({ id: "test", body: "" }),
      async send({ id }: { id: string }) {
        accepted.push(id);
        return { kind: "delivered", status: 204 } as const;
      },
    };
    const acknowledgements = createAcknowledgements(deps);
    const options = { deadlineAt: 1, receiver: WELL, acknowledgements };
    const ids = (await rowOf("a")).pending.map(({ id }) => id);
    for (let i = 0; i < 4; i += 1) await deliverNext("a", deps, options);
    expect(accepted).toEqual(ids);
    expect(await rig.keys("due/")).toEqual([]);
  });

  it("stores no event for removed customers, others, and those without numbers", async () => {
    const numbers = { "4930444": aNumber() };
    const removed = aCustomer({ numbers, removedAt: "2026-01-01T00:00:00.000Z" });
    await rig.put("c/b", removed);
    await rig.put("c/c", aCustomer());
    const answer = await rig.run({ command: "resync", customer: "b" });
    expect(answer).toEqual(EMPTY_ANSWER);
    expect(await rig.run({ command: "resync" })).toMatchObject({ customers: 1, events: 2 });
    expect(await rowOf("b")).toEqual(removed);
    expect(await rowOf("c")).toEqual(aCustomer());
  });

  it("counts a row that this version cannot read and continues", async () => {
    await rig.put("c/0", { schema: 2 });
    expect(await rig.run({ command: "resync" })).toMatchObject({ unreadable: 1, events: 2 });
  });

  it("stores no more than 500 events of a customer and continues where it stopped", async () => {
    const pending = Array.from({ length: 499 }, (_, i) => anEvent(501 + i));
    await rig.put("c/a", { ...(await rowOf("a")), pending });
    expect(await rig.run({ command: "resync" })).toMatchObject({
      events: 1,
      leftOut: 1,
      leftOutOf: [{ custSpaceId: "a", numbers: 1, after: FIRST_SENT }],
      more: false,
    });
    await rig.put("c/a", { ...(await rowOf("a")), pending: [] });
    const rest = await rig.run({ command: "resync", customer: "a", after: FIRST_SENT });
    expect(rest).toMatchObject({ events: 1, leftOut: 0, missing: 1 });
    expect((await eventsOf("a")).map(({ subject }) => subject)).toEqual(["4930222"]);
  });

  it("continues behind the last number sent although others appeared before it", async () => {
    const { numbers, ...row } = await rowOf("a");
    const more = { ...numbers, "1555": aNumber(), "4930112": aNumber() };
    await rig.put("c/a", { ...row, numbers: more, pending: [] });
    const rest = await rig.run({ command: "resync", customer: "a", after: FIRST_SENT });
    expect(rest).toMatchObject({ events: 2, leftOut: 0 });
    expect((await eventsOf("a")).map(({ subject }) => subject)).toEqual(["4930112", "4930222"]);
  });

  it("sends all numbers again if the last one sent is gone", async () => {
    const { numbers, ...row } = await rowOf("a");
    const { "4930111": _gone, ...others } = numbers;
    await rig.put("c/a", { ...row, numbers: { ...others, "1555": aNumber() }, pending: [] });
    await rig.run({ command: "resync", customer: "a", after: FIRST_SENT });
    expect((await eventsOf("a")).map(({ subject }) => subject)).toEqual(["1555", "4930222"]);
  });

  it("keeps its place if not one more event fits", async () => {
    const pending = Array.from({ length: 500 }, (_, i) => anEvent(501 + i));
    await rig.put("c/a", { ...(await rowOf("a")), pending });
    expect(await rig.run({ command: "resync" })).toMatchObject({
      leftOutOf: [{ custSpaceId: "a", numbers: 2, after: "a/" }],
    });
    expect(await rig.run({ command: "resync", customer: "a", after: FIRST_SENT })).toMatchObject({
      leftOutOf: [{ custSpaceId: "a", numbers: 1, after: FIRST_SENT }],
    });
  });

  it("stores no more than 512 KB of a customer", async () => {
    const large = { ...anEvent(1000), body: "x".repeat(512 * 1024 - 900) };
    await rig.put("c/a", { ...(await rowOf("a")), pending: [large] });
    expect(await rig.run({ command: "resync" })).toMatchObject({ events: 1, leftOut: 1 });
    const [, first] = (await rowOf("a")).pending;
    expect(first?.body.length).toBeGreaterThan(450);
    expect(first?.body.length).toBeLessThan(900);
  });

  it("ends after 20 s and continues from its cursor", async () => {
    await rig.put("c/b", aCustomer({ numbers: { "4930444": aNumber() } }));
    rig.writeMs = 10_000;
    const first = await rig.run({ command: "resync" });
    expect(first).toMatchObject({ events: 2, more: true, after: "a" });
    expect(await rig.run({ command: "resync", after: "a" })).toMatchObject({
      events: 1,
      more: false,
    });
    expect((await rowOf("a")).seq).toBe(START + 1);
  });

  it("leaves only a marker if it dies between its two writes, and can be repeated", async () => {
    const before = await rowOf("a");
    rig.writesLeft = 1;
    await expect(rig.run({ command: "resync" })).rejects.toMatchObject({ code: "ERR_STORE" });
    expect(await rowOf("a")).toEqual(before);
    expect(await rig.keys("due/")).toEqual(["due/a/0001767323045001"]);
    rig.writesLeft = Number.POSITIVE_INFINITY;
    expect(await rig.run({ command: "resync" })).toMatchObject({ events: 2 });
    expect((await rowOf("a")).pending.map(({ seq }) => seq)).toEqual([1000, START, START + 1]);
  });
});

describe("resync after a restore", () => {
  beforeEach(async () => {
    await rig.put("c/b", aCustomer({ seq: START + 5, numbers: { "4930444": aNumber() } }));
    await rig.put("c/c", aCustomer({ removedAt: "2026-01-01T00:00:00.000Z" }));
    await rig.put("c/~account", aCustomer());
  });

  it("advances every sequence to now, also of removed customers", async () => {
    const answer = await rig.run({ command: "resync", afterRestore: true });
    expect(answer).toMatchObject({ advanced: 3, customers: 2, events: 3 });
    expect((await rowOf("a")).seq).toBe(START + 2);
    expect((await rowOf("a")).pending.map(({ seq }) => seq)).toEqual([1000, START + 1, START + 2]);
    expect((await rowOf("b")).seq).toBe(START + 6);
    expect((await rowOf("c")).seq).toBe(START);
    expect((await rowOf("~account")).seq).toBe(START);
    expect(await rig.keys("due/")).toHaveLength(2);
  });

  it("advances all sequences before the first event, over several calls if needed", async () => {
    rig.writeMs = 10_000;
    const command = { command: "resync", afterRestore: true };
    const first = await rig.run(command);
    expect(first).toMatchObject({ advanced: 2, events: 0, more: true, after: "advance:b" });
    const second = await rig.run({ ...command, after: first.after });
    expect(second).toMatchObject({ advanced: 2, events: 0, more: true, after: "advance:~account" });
    const third = await rig.run({ ...command, after: second.after });
    expect(third).toMatchObject({ advanced: 0, events: 2, more: true, after: "a" });
    const last = await rig.run({ ...command, after: third.after });
    expect(last).toMatchObject({ advanced: 0, events: 1, more: true, after: "b" });
    expect((await rowOf("~account")).seq).toBe(START + 30_000);
  });

  it("can be repeated if it dies at any of its writes", async () => {
    for (const writes of [0, 1, 2, 3, 4, 5, 6]) {
      rig = createCommandRig();
      await rig.put("c/a", aCustomer({ numbers: { "1555": aNumber() }, pending: [anEvent(7)] }));
      await rig.put("c/b", aCustomer({ numbers: { "1666": aNumber() } }));
      await rig.put("c/c", aCustomer({ removedAt: "2026-01-01T00:00:00.000Z" }));
      const command = { command: "resync", afterRestore: true };
      rig.writesLeft = writes;
      await expect(rig.run(command)).rejects.toMatchObject({ code: "ERR_STORE" });
      rig.writesLeft = Number.POSITIVE_INFINITY;
      rig.advance(1);
      expect(await rig.run(command)).toMatchObject({ customers: 2, more: false });
      const row = await rowOf("a");
      expect(row.pending[0]).toEqual(anEvent(7));
      const seqs = row.pending.map(({ seq }) => seq);
      expect(seqs).toEqual([...new Set(seqs)].sort((x, y) => x - y));
      expect(seqs.at(-1)).toBe(row.seq);
      expect(row.seq).toBeGreaterThan(START);
    }
  });
});
