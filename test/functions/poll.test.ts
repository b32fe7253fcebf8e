import { afterEach, describe, expect, it } from "vitest";
import { createPoll } from "../../functions/poll.ts";
import { loadConfig } from "../../shared/config.ts";
import { createDeps } from "../../shared/deps.ts";
import { StoreUnavailableError } from "../../shared/errors.ts";
import { POLL } from "../../shared/functions.js";
import { createLog } from "../../shared/log.ts";
import {
  newWebhookSecret,
  SANDBOX_CREDENTIALS,
  sandboxEnvironment,
} from "../sandbox/environment.ts";
import { fcHttpEvent, timerEvent } from "../support/fc-events.ts";
import { type PollStage, startPollStage } from "../support/poll-stage.ts";
import { NUMBER, OTHER, T0 } from "../support/watch-builders.ts";

const DAY_MS = 86_400_000;

let stage: PollStage | undefined;

afterEach(async () => {
  await stage?.close();
  stage = undefined;
});

async function start(...given: Parameters<typeof startPollStage>): Promise<PollStage> {
  stage = await startPollStage(...given);
  return stage;
}

describe("poll", () => {
  it("poll returns what a run did", async () => {
    const { run } = await start({ acme: [NUMBER], self: [OTHER] });
    const { durationMs, ...report } = await run();
    expect(durationMs).toBeLessThan(100);
    expect(report).toEqual({
      leaseHeld: false,
      read: 2,
      partial: 0,
      changed: 0,
      failed: 0,
      throttled: 0,
      conflicts: 0,
      heldBack: 0,
      delivered: 0,
      failedAttempts: 0,
      deadLettered: 0,
      pending: 0,
      pendingAtLeast: false,
      laneRead: 0,
      laneLeft: false,
      sweepDone: true,
      discovered: 0,
      freshness: {
        onboarding: 0,
        worse: 0,
        asked: 0,
        sweep: 0,
        sweptAt: "2026-01-01T00:00:00.000Z",
      },
      receiver: "closed",
    });
  });

  it("poll deletes dead letters and delivered events after 90 days, and says so before", async () => {
    const { run, store, clock, lines } = await start({ acme: [NUMBER] });
    const at = new Date(T0).toISOString();
    const event = { id: "evt_1", seq: 1, type: "t", body: "{}" };
    const dead = { schema: 1, event, status: 422, diedAt: at };
    await store.put("dead/acme/0000000000000001", JSON.stringify(dead), "absent");
    const sent = { schema: 1, number: 0, events: [{ ...event, deliveredAt: at }] };
    await store.put("sent/acme/00", JSON.stringify(sent), "absent");
    const kept = async () =>
      (await store.scan("", "", 100)).filter(({ key }) => /^(de|se)/.test(key));
    const said = () =>
      lines.map((line) => JSON.parse(line)).filter(({ read }) => read === undefined);
    await clock.advance(84 * DAY_MS);
    await run();
    expect(said()).toMatchObject([
      { message: "dead letters will be deleted within a week", level: "warn", deadLetters: 1 },
    ]);
    expect(await kept()).toHaveLength(2);
    await clock.advance(6 * DAY_MS);
    await run();
    expect(await kept()).toEqual([]);
    expect(said().at(-1)).toMatchObject({
      ...{ message: "old events were deleted", deadLetters: 1, deliveredEvents: 1 },
    });
  });

  it("poll removes idempotency rows that have expired, and no others", async () => {
    const { store, run } = await start({ acme: [NUMBER] });
    const row = { schema: 1, bodyHash: "h", state: "done", startedAt: T0 - 1 };
    await store.put("idem/any/old", JSON.stringify({ ...row, expiresAt: T0 }), "absent");
    await store.put("idem/any/new", JSON.stringify({ ...row, expiresAt: T0 + 60_000 }), "absent");
    await run();
    expect((await store.scan("idem/", "", 10)).map(({ key }) => key)).toEqual(["idem/any/new"]);
  });

  it("poll reads the account itself by naming no customer", async () => {
    const { upstream, run } = await start({ self: [NUMBER] });
    await run();
    expect(upstream.control.calls().map(({ custSpaceId, code }) => [custSpaceId, code])).toEqual([
      [undefined, "OK"],
    ]);
  });

  it.each([
    ["no payload", timerEvent()],
    ["a payload of text", timerEvent("every minute")],
    ["an empty object", timerEvent(" {} ")],
    ["an event without a body", Buffer.from("")],
    ["an empty object of its own", Buffer.from("{}")],
    ["no event at all", undefined],
  ])("poll runs on %s", async (_, event) => {
    const { invoke } = await start({ acme: [NUMBER] });
    expect(await invoke(event)).toMatchObject({ leaseHeld: false, read: 1 });
  });

  it.each([
    ["an unknown command", timerEvent('{"command":"nonsense"}')],
    ["a command that is no JSON", timerEvent('{"command":')],
    ["a command with a field too many", timerEvent('{"command":"status","force":true}')],
    ["a watch command without customers", timerEvent('{"command":"watch","custSpaceIds":[]}')],
    [
      "a customer that cannot be one",
      timerEvent('{"command":"watch","custSpaceIds":["ok","a/b"]}'),
    ],
    ["bytes that are no JSON", Buffer.from("run")],
    ["an HTTP request", fcHttpEvent({ method: "POST", path: "/" })],
  ])("poll answers %s with what is wrong, and does nothing", async (_, event) => {
    const { invoke, upstream, store } = await start({ acme: [NUMBER] });
    expect(await invoke(event)).toMatchObject({
      error: { code: "ERR_INVALID_REQUEST", issues: [{ message: expect.any(String) }] },
    });
    expect(upstream.control.calls()).toEqual([]);
    expect(await store.scan("", "", 10)).toEqual([]);
  });

  it("poll watches the customers that a command names, each once, from the next run on", async () => {
    const { run, upstream } = await start({ acme: [NUMBER] });
    upstream.control.addCustomer("beta");
    const command = '{"command":"watch","custSpaceIds":["acme","beta","beta"]}';
    expect(await run(command)).toMatchObject({ command: "watch", added: ["acme", "beta"] });
    expect(upstream.control.calls()).toEqual([]);
    expect(await run(command)).toMatchObject({ command: "watch", added: [], alreadyWatched: 2 });
    expect(await run()).toMatchObject({ read: 2 });
  });

  it("poll runs once for two timer events at once", async () => {
    const { invoke, upstream } = await start({ acme: [NUMBER] });
    const answers = await Promise.all([invoke(timerEvent()), invoke(timerEvent())]);
    expect(answers).toContainEqual(expect.objectContaining({ leaseHeld: true, read: 0 }));
    expect(answers).toContainEqual(expect.objectContaining({ leaseHeld: false, read: 1 }));
    expect(upstream.control.calls()).toHaveLength(1);
  });

  it("poll logs that the store cannot be reached, and throws", async () => {
    const secret = newWebhookSecret();
    const config = loadConfig(
      sandboxEnvironment({
        upstreamUrl: "http://127.0.0.1:9",
        receiverUrl: "http://127.0.0.1:9/webhook",
        webhookSecret: secret,
        apiKey: "key-".repeat(6),
        storeUrl: "memory:",
        pollIntervalSeconds: 60,
      }),
      POLL,
    );
    const lines: string[] = [];
    const log = createLog({ level: "info", now: () => 0, write: (line) => lines.push(line) });
    const openStore = () => Promise.reject(new StoreUnavailableError("open", "timeout"));
    const poll = createPoll({ ...createDeps(config, { log, openStore }), config });
    await expect(poll(timerEvent(), {})).rejects.toMatchObject({ code: "ERR_STORE" });
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([
      { level: "error", message: "poll failed", code: "ERR_STORE", operation: "open" },
    ]);
  });
});

describe("log of poll", () => {
  it("poll logs one line for a run without changes", async () => {
    const { run, lines } = await start({ acme: [NUMBER] });
    const report = await run();
    expect(lines).toHaveLength(1);
    expect(JSON.parse(lines[0] ?? "")).toEqual({
      time: "2026-01-01T00:00:00.000Z",
      level: "info",
      message: "poll run",
      requestId: "req-1",
      ...report,
    });
  });

  it("poll logs no number, address, key or signature, whatever goes wrong", async () => {
    const { run, lines, upstream, receiver, clock, secret } = await start({
      acme: [NUMBER],
      beta: [OTHER],
    });
    await run();
    const faults = ["http-500", "truncated", "reset-after", "html-502", "null-body"] as const;
    for (const [index, kind] of faults.entries()) {
      await clock.advance(3_600_000);
      upstream.control.clearFaults();
      upstream.control.fault({ kind, custSpaceId: "acme", count: 3 });
      upstream.control.setNumber("beta", OTHER, { Status: index % 2 ? "CONNECTED" : "BANNED" });
      receiver.behave(index % 2 ? { status: 400 } : "reset");
      await run();
    }
    upstream.control.fault({ kind: "code", code: "Ram.PermissionDeny", count: 3 });
    receiver.behave({ status: 410 });
    await clock.advance(3_600_000);
    await run();

    const text = lines.join("\n");
    expect(lines.length).toBeGreaterThan(12);
    for (const line of lines) expect(JSON.parse(line)).toHaveProperty("message");
    for (const forbidden of [
      NUMBER,
      OTHER,
      NUMBER.slice(-6),
      secret,
      secret.slice("whsec_".length),
      SANDBOX_CREDENTIALS.accessKeyId,
      SANDBOX_CREDENTIALS.accessKeySecret,
      upstream.url,
      receiver.url,
      "127.0.0.1",
      "Signature",
      "callback.example",
    ]) {
      expect(text).not.toContain(forbidden);
    }
  });
});
