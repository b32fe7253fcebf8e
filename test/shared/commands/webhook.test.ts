import { beforeEach, describe, expect, it } from "vitest";
import { type CommandRig, createCommandRig, RECEIVER_KEY } from "./command-rig.ts";

let rig: CommandRig;

beforeEach(() => {
  rig = createCommandRig();
});

describe("webhook-test", () => {
  it("sends one test event and reports the receiver's response", async () => {
    expect(await rig.run({ command: "webhook-test" })).toEqual({
      command: "webhook-test",
      eventId: "evt_test_id1",
      accepted: true,
      result: "delivered",
      status: 204,
    });
    expect(rig.sent.map(({ id }) => id)).toEqual(["evt_test_id1"]);
    // Its signed body says that the request carries the mark, so a receiver can look for it.
    expect(rig.sent[0]?.redelivery).toBe(true);
    expect(JSON.parse(rig.sent[0]?.body ?? "")).toMatchObject({
      type: "webhook.test",
      data: { redelivery: "true" },
    });
    expect(await rig.keys()).toEqual([]);
  });

  it("reports why the delivery failed", async () => {
    const transportCode = "DEPTH_ZERO_SELF_SIGNED_CERT";
    rig.answer({ kind: "failed", reason: "network", transportCode });
    const answer = await rig.run({ command: "webhook-test" });
    const failed = { accepted: false, result: "failed", reason: "network", transportCode };
    expect(answer).toMatchObject(failed);
    expect(answer).toHaveProperty("status", undefined);
  });
});

describe("webhook-pause", () => {
  it("stores the pause once", async () => {
    const answer = await rig.run({ command: "webhook-pause" });
    expect(answer).toEqual({ command: "webhook-pause", state: "paused", changed: true });
    const row = await rig.row(RECEIVER_KEY);
    expect(row).toEqual({
      schema: 1,
      state: "paused",
      step: 0,
      nextProbeAt: 0,
      since: "2026-01-02T03:04:05.000Z",
      reason: "operator",
    });
    rig.advance(5_000);
    expect(await rig.run({ command: "webhook-pause" })).toMatchObject({ changed: false });
    expect(await rig.row(RECEIVER_KEY)).toEqual(row);
  });
});

describe("webhook-enable", () => {
  const DISABLED = {
    schema: 1,
    state: "disabled",
    step: 3,
    nextProbeAt: 77,
    since: "2026-01-01T00:00:00.000Z",
    failures: 4,
    reason: "410",
    future: true,
  };

  it("closes the breaker after a test that was accepted", async () => {
    await rig.put(RECEIVER_KEY, DISABLED);
    expect(await rig.run({ command: "webhook-enable" })).toEqual({
      command: "webhook-enable",
      eventId: "evt_test_id1",
      accepted: true,
      result: "delivered",
      status: 204,
      state: "closed",
      changed: true,
    });
    expect(await rig.row(RECEIVER_KEY)).toEqual({
      schema: 1,
      state: "closed",
      step: 0,
      nextProbeAt: 0,
      since: "2026-01-02T03:04:05.000Z",
      future: true,
    });
  });

  it("changes nothing while the receiver refuses the test", async () => {
    await rig.put(RECEIVER_KEY, DISABLED);
    rig.answer({ kind: "gone", status: 410 });
    const answer = await rig.run({ command: "webhook-enable" });
    expect(answer).toMatchObject({ accepted: false, status: 410, state: "disabled" });
    expect(await rig.row(RECEIVER_KEY)).toEqual(DISABLED);
  });

  it("writes nothing if deliveries run already", async () => {
    const answer = await rig.run({ command: "webhook-enable" });
    expect(answer).toMatchObject({ state: "closed", changed: false });
    expect(await rig.keys()).toEqual([]);
  });

  it("can be repeated if it dies before its write", async () => {
    await rig.put(RECEIVER_KEY, DISABLED);
    rig.writesLeft = 0;
    await expect(rig.run({ command: "webhook-enable" })).rejects.toMatchObject({
      code: "ERR_STORE",
    });
    expect(await rig.row(RECEIVER_KEY)).toEqual(DISABLED);
    rig.writesLeft = 1;
    expect(await rig.run({ command: "webhook-enable" })).toMatchObject({ changed: true });
  });
});
