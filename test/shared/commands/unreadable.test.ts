import { beforeEach, describe, expect, it } from "vitest";
import { aCustomer, aNumber, anEvent, type CommandRig, createCommandRig } from "./command-rig.ts";

let rig: CommandRig;

const NEWER = { schema: 2, of: "a newer version" };
const TOMBSTONE = {
  schema: 1,
  seq: 1000,
  numbers: {},
  pending: [],
  removedAt: "2026-01-02T03:04:05.000Z",
};
const delivered = (seq: number) => ({
  ...anEvent(seq),
  deliveredAt: "2026-01-01T10:00:00.000Z",
});

beforeEach(async () => {
  rig = createCommandRig();
  await rig.put("c/b", NEWER);
});

describe("a customer's row that a newer version wrote", () => {
  it("keeps no other customer from being watched, and stays as it is", async () => {
    const custSpaceIds = ["x1", "b", "x2"];
    expect(await rig.run({ command: "watch", custSpaceIds })).toEqual({
      command: "watch",
      added: ["x1", "x2"],
      revived: [],
      alreadyWatched: 0,
      unreadable: ["b"],
      processed: 3,
      more: false,
    });
    expect(await rig.row("c/b")).toEqual(NEWER);
  });

  it("keeps no other customer from being removed, with drop and without", async () => {
    await rig.put("c/a", aCustomer());
    await rig.put("c/c", aCustomer({ pending: [anEvent(1)] }));
    expect(await rig.run({ command: "unwatch", custSpaceIds: ["b", "a"] })).toEqual({
      command: "unwatch",
      removed: ["a"],
      refused: [],
      notWatched: [],
      unreadable: ["b"],
      droppedEvents: 0,
      processed: 2,
      more: false,
    });
    const dropped = await rig.run({ command: "unwatch", custSpaceIds: ["b", "c"], drop: true });
    expect(dropped).toMatchObject({ removed: ["c"], unreadable: ["b"], droppedEvents: 1 });
    expect(await rig.row("c/a")).toEqual(TOMBSTONE);
    expect(await rig.row("c/b")).toEqual(NEWER);
  });

  it("keeps no other customer out of the priority lane, and neither does a row of the lane", async () => {
    await rig.put("c/a", aCustomer());
    await rig.put("c/c", aCustomer());
    await rig.put("hot/c", NEWER);
    const custSpaceIds = ["b", "c", "a", "unknown"];
    expect(await rig.run({ command: "watch-closely", custSpaceIds })).toMatchObject({
      inLane: 1,
      notWatched: ["unknown"],
      unreadable: ["b", "c"],
      processed: 4,
      more: false,
    });
    expect(await rig.keys("hot/")).toEqual(["hot/a", "hot/c"]);
  });

  it("is counted by a redelivery of its own events", async () => {
    const answer = await rig.run({ command: "redeliver", customer: "b" });
    expect(answer).toMatchObject({ sent: 0, unreadable: 1, more: false });
    const resumed = await rig.run({ command: "redeliver", customer: "b", after: "b/7" });
    expect(resumed).toMatchObject({ sent: 0, unreadable: 1, more: false });
  });

  it("is counted once by a redelivery that continues behind it after 20 s", async () => {
    const others = Array.from({ length: 19 }, (_, i) => `b${i + 10}`);
    for (const customer of others) await rig.put(`c/${customer}`, NEWER);
    await rig.put("c/c", aCustomer({ delivered: [delivered(1), delivered(2)] }));
    const command = { command: "redeliver", since: "2026-01-01T00:00:00Z" };
    rig.scanMs = 10_000;
    const first = await rig.run(command);
    expect(first).toMatchObject({ sent: 0, unreadable: 20, more: true, after: "b28" });
    const second = await rig.run({ ...command, after: first.after });
    expect(second).toMatchObject({ sent: 2, unreadable: 0, more: false });
  });

  it("is counted by a resync of it alone, also one with a cursor and one after a restore", async () => {
    for (const more of [{}, { after: "b/1-0000" }, { afterRestore: true }]) {
      const answer = await rig.run({ command: "resync", customer: "b", ...more });
      expect(answer).toMatchObject({ events: 0, advanced: 0, unreadable: 1, more: false });
    }
    expect(await rig.row("c/b")).toEqual(NEWER);
  });

  it("keeps no other customer from a resync that begins within it", async () => {
    await rig.put("c/c", aCustomer({ numbers: { "49151": aNumber() } }));
    const answer = await rig.run({ command: "resync", after: "b/1-0000" });
    expect(answer).toMatchObject({ customers: 1, events: 1, unreadable: 1, more: false });
  });
});
