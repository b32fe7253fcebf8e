import { beforeEach, describe, expect, it } from "vitest";
import {
  aCustomer,
  aNumber,
  anEvent,
  type CommandRig,
  createCommandRig,
  RECEIVER_KEY,
  START,
} from "./command-rig.ts";

let rig: CommandRig;

beforeEach(() => {
  rig = createCommandRig();
});

const pass = (fields: object = {}) => ({ cursor: "", startedAt: 0, done: true, ...fields });

const leaseRow = (fields: object = {}) => ({
  schema: 1,
  owner: "",
  until: 0,
  sweep: pass(),
  onboarding: pass(),
  worse: pass(),
  expiryCursor: "",
  ...fields,
});

describe("status", () => {
  it("answers for an empty store and writes nothing", async () => {
    rig.writesLeft = 0;
    expect(await rig.run({ command: "status" })).toEqual({
      command: "status",
      verdict: { status: "CRIT", reasons: ["poll has never run"] },
      lastRunAt: null,
      lastRunAgeSeconds: null,
      customers: 0,
      failures: [],
      ahead: [],
      sequencesAhead: 0,
      watched: 0,
      unwatched: 0,
      neverRead: 0,
      failing: 0,
      stale: 0,
      numbers: 0,
      blocked: 0,
      limited: 0,
      unreadable: 0,
      pending: 0,
      pendingCustomers: 0,
      dead: 0,
      receiver: { state: "closed", since: "2026-01-02T03:04:05.000Z" },
      sweep: null,
      lane: { onboarding: 0, worse: 0, asked: 0 },
      freshness: null,
      account: null,
      oldestReadAgeSeconds: null,
      lease: { held: false, until: null },
      atLeast: [],
    });
  });

  it("names the customers whose sequence is ahead, the furthest first", async () => {
    await rig.put("c/a", aCustomer({ seq: START + 600_000 }));
    await rig.put("c/b", aCustomer({ seq: START + 600_001 }));
    await rig.put("c/d", aCustomer({ seq: START + 31_536_000_000 }));
    expect(await rig.run({ command: "status" })).toMatchObject({
      sequencesAhead: 2,
      ahead: [
        { custSpaceId: "d", until: "2027-01-02T03:04:05.000Z" },
        { custSpaceId: "b", until: "2026-01-02T03:14:05.001Z" },
      ],
    });
  });

  it("counts customers, events, dead letters and the priority lane", async () => {
    await rig.put("c/a", aCustomer({ numbers: { "49151": aNumber() }, pending: [anEvent(1)] }));
    await rig.put("c/b", aCustomer({ pending: [anEvent(2), anEvent(3)] }));
    await rig.put("c/c", { schema: 1, seq: 1, numbers: {}, pending: [] });
    await rig.put("c/d", aCustomer({ removedAt: "2026-01-01T00:00:00.000Z" }));
    await rig.put("c/e", { schema: 2 });
    await rig.put("c/~account", aCustomer());
    await rig.put("due/a/0000000000000001", { schema: 1 });
    await rig.put("due/b/0000000000000002", { schema: 1 });
    await rig.put("due/b/0000000000000003", { schema: 1 });
    await rig.put("due/c/0000000000000009", { schema: 1 });
    await rig.put("dead/a/0000000000000000", { schema: 1 });
    await rig.put("hot/a", {
      schema: 1,
      onboarding: { "49151": { cc: "49", addedAt: "2026-01-01T00:00:00.000Z" } },
      worseUntil: 5,
    });
    expect(await rig.run({ command: "status" })).toMatchObject({
      customers: 5,
      watched: 3,
      unwatched: 1,
      neverRead: 1,
      numbers: 1,
      unreadable: 1,
      pending: 3,
      pendingCustomers: 2,
      dead: 1,
      lane: { onboarding: 1, worse: 1 },
      atLeast: [
        "watched",
        "unwatched",
        "neverRead",
        "failing",
        "stale",
        "numbers",
        "blocked",
        "limited",
      ],
    });
  });

  it("counts customers whose reads fail, and reports the account's failure apart", async () => {
    const failure = { reads: 2, since: "2026-01-02T02:00:00.000Z", code: "ERR_UPSTREAM_TIMEOUT" };
    const staleAt = "2026-01-02T02:31:00.000Z";
    await rig.put("c/a", aCustomer({ failure }));
    await rig.put("c/b", aCustomer({ failure: { ...failure, staleAt } }));
    await rig.put("c/c", aCustomer());
    const upstreamMessage = "The user is not authorized.";
    const account = { ...failure, upstreamCode: "Forbidden.RAM", upstreamMessage };
    await rig.put("c/~account", aCustomer({ failure: account }));
    await rig.put("c/d", aCustomer({ failure: { ...failure, transportCode: "ENOTFOUND" } }));
    expect(await rig.run({ command: "status" })).toMatchObject({
      watched: 4,
      failing: 3,
      stale: 1,
      failures: [
        { custSpaceId: "a", since: "2026-01-02T02:00:00.000Z", code: "ERR_UPSTREAM_TIMEOUT" },
        { custSpaceId: "b" },
        { custSpaceId: "d", transportCode: "ENOTFOUND" },
      ],
      account: {
        failingSince: "2026-01-02T02:00:00.000Z",
        code: "ERR_UPSTREAM_TIMEOUT",
        upstreamCode: "Forbidden.RAM",
        upstreamMessage,
      },
    });
  });

  it("names customers whose own rows are unusable, each once", async () => {
    const code = { code: "ERR_STORE_ROW" };
    const failure = { reads: 2, since: "2026-01-02T02:00:00.000Z", ...code };
    const staleAt = "2026-01-02T02:31:00.000Z";
    await rig.put("c/a", { schema: 99 });
    await rig.put("c/~watch.a", aCustomer({ failure: { ...failure, staleAt } }));
    await rig.put("c/b", aCustomer({ failure }));
    await rig.put("c/~watch.b", aCustomer({ failure }));
    await rig.put("c/c", aCustomer());
    await rig.put("c/~watch.c", aCustomer());
    const since = { since: failure.since, ...code };
    expect(await rig.run({ command: "status" })).toMatchObject({
      ...{ customers: 3, watched: 2, unreadable: 1, failing: 2, stale: 1 },
      failures: [
        { custSpaceId: "b", ...since },
        { custSpaceId: "a", ...since },
      ],
    });

    const listed = await rig.run({ command: "watch-list", failing: true });
    expect(listed.customers).toMatchObject([
      { custSpaceId: "b", failingSince: failure.since, ...code },
      { custSpaceId: "a", failingSince: failure.since, ...code },
    ]);
    const all = await rig.run({ command: "watch-list" });
    const ids = (all.customers as { custSpaceId: string }[]).map((one) => one.custSpaceId);
    expect(ids).toEqual(["a", "b", "c"]);
  });

  it("reports the stored state of the receiver", async () => {
    await rig.put(RECEIVER_KEY, {
      schema: 1,
      state: "open",
      step: 2,
      nextProbeAt: START + 1000,
      since: "2026-01-02T03:00:00.000Z",
      reason: "status 503",
    });
    expect((await rig.run({ command: "status" })).receiver).toEqual({
      state: "open",
      since: "2026-01-02T03:00:00.000Z",
      nextProbeAt: "2026-01-02T03:04:06.000Z",
      reason: "status 503",
    });
  });

  it("reports where the sweep stands, and that some reads are at least as old", async () => {
    await rig.put("c/a", aCustomer());
    const sweep = pass({ cursor: "c/a", startedAt: START - 90_000, done: false });
    await rig.put("lease/poll", leaseRow({ owner: "x", until: START + 60_000, sweep }));
    expect(await rig.run({ command: "status" })).toMatchObject({
      sweep: {
        startedAt: "2026-01-02T03:02:35.000Z",
        ageSeconds: 90,
        done: false,
        cursor: "a",
      },
      oldestReadAgeSeconds: 90,
      oldestReadIs: "at-least",
      lease: { held: true, until: "2026-01-02T03:05:05.000Z" },
    });
  });

  it("reports that no read is older than a finished sweep", async () => {
    await rig.put("c/a", aCustomer());
    const sweep = pass({ cursor: "c/a", startedAt: START - 40_000 });
    await rig.put("lease/poll", leaseRow({ sweep }));
    expect(await rig.run({ command: "status" })).toMatchObject({
      oldestReadAgeSeconds: 40,
      oldestReadIs: "at-most",
      lease: { held: false, until: null },
    });
  });

  it("counts the numbers that cannot send", async () => {
    const health = (canSend: string) => ({ canSend, reasons: [], observedAt: "2026-01-01" });
    const numbers = Object.fromEntries(
      ["blocked", "blocked", "limited", "available"].map((canSend, index) => [
        `4917${index}`,
        { ...aNumber(), health: health(canSend) },
      ]),
    );
    await rig.put("c/a", aCustomer({ numbers: { ...numbers, "49151": aNumber() } }));
    const answer = await rig.run({ command: "status" });
    expect(answer).toMatchObject({ numbers: 5, blocked: 2, limited: 1 });
  });

  it("names what it could not count in its time", async () => {
    await rig.put("c/a", aCustomer());
    await rig.put("dead/a/0000000000000000", { schema: 1 });
    rig.scanMs = 15_000;
    expect(await rig.run({ command: "status" })).toMatchObject({
      customers: 0,
      dead: 0,
      atLeast: [
        "dead",
        "customers",
        "watched",
        "unwatched",
        "neverRead",
        "failing",
        "stale",
        "numbers",
        "blocked",
        "limited",
        "unreadable",
      ],
    });
  });

  it("counts a customer whose row a newer version wrote, and continues", async () => {
    await rig.put("c/a", aCustomer({ pending: [anEvent(1)] }));
    await rig.put("c/b", { schema: 2 });
    await rig.put("c/c", aCustomer({ pending: [anEvent(2), anEvent(3)] }));
    await rig.put("due/a/0000000000000001", { schema: 1 });
    await rig.put("due/b/0000000000000005", { schema: 1 });
    await rig.put("due/c/0000000000000003", { schema: 1 });
    expect(await rig.run({ command: "status" })).toMatchObject({
      customers: 3,
      watched: 2,
      unreadable: 1,
      pending: 3,
      pendingCustomers: 2,
      atLeast: [
        "pending",
        "pendingCustomers",
        "watched",
        "unwatched",
        "neverRead",
        "failing",
        "stale",
        "numbers",
        "blocked",
        "limited",
      ],
    });
  });

  it("answers although a dead letter has a time that is none", async () => {
    const event = { id: "evt_1", seq: 1, type: "t", body: "{}" };
    const dead = { schema: 1, event, status: 400, diedAt: "2026-13-45" };
    await rig.put("dead/a/0000000000000001", dead);
    expect(await rig.run({ command: "status" })).toMatchObject({ dead: 1, deadUntil: undefined });
  });

  it("answers although the rows of lease, receiver, account and lane are unreadable", async () => {
    await rig.put("c/a", aCustomer({ numbers: { "49151": aNumber() } }));
    for (const key of ["lease/poll", RECEIVER_KEY, "c/~account", "hot/a"]) {
      await rig.put(key, { schema: 2 });
    }
    expect(await rig.run({ command: "status" })).toMatchObject({
      watched: 1,
      numbers: 1,
      unreadable: 0,
      lease: { unreadable: true },
      receiver: { unreadable: true },
      account: { unreadable: true },
      sweep: null,
      freshness: null,
      atLeast: ["lane"],
    });
  });
});
