import { beforeEach, describe, expect, it } from "vitest";
import { ensureWatched } from "../../../shared/customers/watch-list.ts";
import {
  aCustomer,
  aNumber,
  anEvent,
  type CommandRig,
  createCommandRig,
  START,
} from "./command-rig.ts";

let rig: CommandRig;

beforeEach(() => {
  rig = createCommandRig({ WATCH_CUST_SPACES: "listed" });
});

const TOMBSTONE = {
  schema: 1,
  seq: 1000,
  numbers: {},
  pending: [],
  removedAt: "2026-01-02T03:04:05.000Z",
};

describe("watch", () => {
  it("adds customers and counts those already watched", async () => {
    await rig.put("c/b", aCustomer());
    const answer = await rig.run({ command: "watch", custSpaceIds: ["a", "b", "a"] });
    expect(answer).toEqual({
      command: "watch",
      added: ["a"],
      revived: [],
      alreadyWatched: 1,
      unreadable: [],
      processed: 3,
      more: false,
    });
    expect(await rig.row("c/a")).toEqual({ schema: 1, seq: START, numbers: {}, pending: [] });
    expect(await rig.row("c/b")).toEqual(aCustomer());
    expect(rig.logLines.map((line) => JSON.parse(line))).toEqual([
      {
        time: "2026-01-02T03:04:05.000Z",
        level: "info",
        message: "command",
        command: "watch",
        customers: ["a", "b", "a"],
        added: 1,
        revived: 0,
        alreadyWatched: 1,
        unreadable: 0,
        processed: 3,
        more: false,
        outcome: "done",
        audit: true,
      },
    ]);
  });

  it.each([
    ["done", 9],
    ["failed", 0],
  ])("writes the request id beside the outcome %s", async (outcome, writesLeft) => {
    const rig = createCommandRig({ LOG_LEVEL: "error" });
    rig.writesLeft = writesLeft;
    const command = { command: "watch", custSpaceIds: ["a"] };
    await rig.run(command, { requestId: "req-7" }).catch(() => undefined);
    expect(rig.logLines.map((line) => JSON.parse(line))).toContainEqual(
      expect.objectContaining({ message: "command", outcome, requestId: "req-7", audit: true }),
    );
  });

  it("brings a removed customer back with its sequence and unknown fields", async () => {
    await rig.put("c/a", { ...TOMBSTONE, future: 1 });
    const answer = await rig.run({ command: "watch", custSpaceIds: ["a"] });
    expect(answer).toMatchObject({ added: [], revived: ["a"], alreadyWatched: 0 });
    expect(await rig.row("c/a")).toEqual({
      schema: 1,
      seq: 1000,
      numbers: {},
      pending: [],
      future: 1,
    });
  });

  it("keeps a customer that only an add in progress had added", async () => {
    await rig.put("c/a", { schema: 1, seq: 5, numbers: {}, pending: [], addIntents: ["x"] });
    const answer = await rig.run({ command: "watch", custSpaceIds: ["a"] });
    expect(answer).toMatchObject({ added: [], revived: [], alreadyWatched: 1 });
    expect(await rig.row("c/a")).toEqual({ schema: 1, seq: 5, numbers: {}, pending: [] });
  });

  it("stops after 20 s and reports how many ids it processed", async () => {
    rig.writeMs = 10_000;
    const custSpaceIds = ["a", "a", "b", "c"];
    const answer = await rig.run({ command: "watch", custSpaceIds });
    expect(answer).toMatchObject({ added: ["a", "b"], processed: 3, more: true });
    expect(await rig.keys()).toEqual(["c/a", "c/b"]);
  });

  it("can be repeated if it dies between two customers", async () => {
    rig.writesLeft = 1;
    const command = { command: "watch", custSpaceIds: ["a", "b"] };
    await expect(rig.run(command)).rejects.toMatchObject({ code: "ERR_STORE" });
    rig.writesLeft = Number.POSITIVE_INFINITY;
    expect(await rig.run(command)).toMatchObject({ added: ["b"], alreadyWatched: 1 });
  });
});

describe("unwatch", () => {
  it("refuses a customer with pending events, counts them, and changes nothing", async () => {
    const row = aCustomer({ pending: [anEvent(999), anEvent(1000)] });
    await rig.put("c/a", row);
    expect(await rig.run({ command: "unwatch", custSpaceIds: ["a"] })).toEqual({
      command: "unwatch",
      removed: [],
      refused: [{ custSpaceId: "a", pending: 2 }],
      notWatched: [],
      unreadable: [],
      droppedEvents: 0,
      processed: 1,
      more: false,
    });
    expect(await rig.row("c/a")).toEqual(row);
  });

  it("leaves a tombstone with the sequence, and nothing in the priority lane", async () => {
    await rig.put("c/a", aCustomer({ numbers: { "49151": aNumber() } }));
    await rig.put("hot/a", { schema: 1, onboarding: {}, worseUntil: START + 1 });
    const answer = await rig.run({ command: "unwatch", custSpaceIds: ["a", "unknown"] });
    expect(answer).toMatchObject({ removed: ["a"], refused: [], notWatched: ["unknown"] });
    expect(await rig.row("c/a")).toEqual(TOMBSTONE);
    expect(await rig.keys()).toEqual(["c/a"]);
  });

  it("drops pending events and their markers with drop: true", async () => {
    await rig.put("c/a", aCustomer({ pending: [anEvent(1000)] }));
    await rig.put("due/a/0000000000001000", { schema: 1 });
    const answer = await rig.run({ command: "unwatch", custSpaceIds: ["a"], drop: true });
    expect(answer).toMatchObject({ removed: ["a"], droppedEvents: 1 });
    expect(await rig.row("c/a")).toEqual(TOMBSTONE);
    expect(await rig.keys("due/")).toEqual([]);
  });

  it("masks the environment's list, also if the customer had no row yet", async () => {
    await rig.run({ command: "unwatch", custSpaceIds: ["listed"] });
    await ensureWatched(rig.store, ["listed"], new Set(), rig.now);
    expect(await rig.row("c/listed")).toEqual({ ...TOMBSTONE, seq: START });
  });

  it("can be repeated if it dies at any of its writes", async () => {
    for (const writes of [0, 1, 2]) {
      rig = createCommandRig();
      await rig.put("c/a", aCustomer({ pending: [anEvent(1000)] }));
      await rig.put("due/a/0000000000001000", { schema: 1 });
      await rig.put("hot/a", { schema: 1, onboarding: {}, worseUntil: 1 });
      const command = { command: "unwatch", custSpaceIds: ["a"], drop: true };
      rig.writesLeft = writes;
      await expect(rig.run(command)).rejects.toMatchObject({ code: "ERR_STORE" });
      const halfway = (await rig.row("c/a")) as { pending: unknown[] };
      expect(halfway.pending.length).toBe(writes === 0 ? 1 : 0);
      rig.writesLeft = Number.POSITIVE_INFINITY;
      await rig.run(command);
      expect(await rig.keys()).toEqual(["c/a"]);
      expect(await rig.row("c/a")).toEqual(TOMBSTONE);
    }
  });
});

describe("the environment's list", () => {
  it("keeps a customer that a refused add would remove", async () => {
    await rig.put("c/a", { schema: 1, seq: 5, numbers: {}, pending: [], addIntents: ["x"] });
    await ensureWatched(rig.store, ["a"], new Set(), rig.now);
    expect(await rig.row("c/a")).toEqual({ schema: 1, seq: 5, numbers: {}, pending: [] });
  });

  it("changes no removed customer that an add in progress brought back", async () => {
    const row = { ...TOMBSTONE, removedAt: undefined, revivedFrom: "2026", addIntents: ["x"] };
    await rig.put("c/a", row);
    await ensureWatched(rig.store, ["a"], new Set(), rig.now);
    expect(await rig.row("c/a")).toEqual(JSON.parse(JSON.stringify(row)));
  });
});

describe("watch-list", () => {
  it("gives pages in key order, without the account's own row", async () => {
    await rig.put("c/a", aCustomer({ numbers: { "49151": aNumber() }, pending: [anEvent(1)] }));
    await rig.put("c/b", TOMBSTONE);
    await rig.put("c/c", { schema: 2 });
    await rig.put("c/~account", aCustomer());
    expect(await rig.run({ command: "watch-list", limit: 2 })).toEqual({
      command: "watch-list",
      customers: [
        {
          custSpaceId: "a",
          numbers: 1,
          pending: 1,
          firstReadAt: "2026-01-01T00:00:00.000Z",
          changedAt: "2026-01-01T00:00:00.000Z",
        },
        { custSpaceId: "b", numbers: 0, pending: 0, removedAt: "2026-01-02T03:04:05.000Z" },
      ],
      more: true,
      after: "b",
    });
    expect(await rig.run({ command: "watch-list", limit: 2, after: "b" })).toEqual({
      command: "watch-list",
      customers: [{ custSpaceId: "c", unreadable: true }],
      more: false,
    });
  });
});

describe("watch-closely", () => {
  it("puts watched customers into the priority lane for its hours, and names the others", async () => {
    await rig.put("c/a", aCustomer());
    await rig.put("c/gone", aCustomer({ removedAt: "2026-01-01T00:00:00.000Z" }));
    const answer = await rig.run({
      command: "watch-closely",
      custSpaceIds: ["a", "gone", "unknown"],
      hours: 2,
    });
    expect(answer).toEqual({
      command: "watch-closely",
      until: "2026-01-02T05:04:05.000Z",
      inLane: 1,
      notWatched: ["gone", "unknown"],
      unreadable: [],
      processed: 3,
      more: false,
    });
    const laneRow = await rig.store.get("hot/a");
    expect(JSON.parse(laneRow?.value ?? "{}")).toEqual({
      schema: 1,
      askedAt: Date.parse("2026-01-02T03:04:05.000Z"),
      askedUntil: START + 7_200_000,
    });
    expect(await rig.store.get("hot/gone")).toBeUndefined();
  });
});
