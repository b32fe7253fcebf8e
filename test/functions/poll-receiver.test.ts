import { afterEach, describe, expect, it } from "vitest";
import type { Behaviour, SandboxReceiver } from "../sandbox/receiver.ts";
import { type PollStage, startPollStage } from "../support/poll-stage.ts";
import { NUMBER } from "../support/watch-builders.ts";

let stage: PollStage | undefined;

afterEach(async () => {
  await stage?.close();
  stage = undefined;
});

/** Customers that were read a minute ago and whose number is banned now. */
async function startBanned(count = 1): Promise<PollStage> {
  const names = Array.from({ length: count }, (_, index) => `c${index + 1}`);
  const started = await startPollStage(Object.fromEntries(names.map((name) => [name, [NUMBER]])));
  stage = started;
  expect(await started.run()).toMatchObject({ read: count });
  await started.clock.advance(60_000);
  for (const name of names) started.upstream.control.setNumber(name, NUMBER, { Status: "BANNED" });
  return started;
}

const statuses = ({ receiver }: PollStage) => receiver.attempts().map(({ status }) => status);

const FAULTS: readonly (readonly [string, Behaviour])[] = [
  ["answers 500", { status: 500 }],
  ["answers 503", { status: 503 }],
  ["answers 404", { status: 404 }],
  ["answers 401", { status: 401 }],
  ["redirects", { status: 302, headers: { location: "http://127.0.0.1:9/other" } }],
  ["breaks off", "reset"],
];

/** What was accepted, without the test events that probe the receiver. */
function accepted(receiver: SandboxReceiver) {
  return receiver.received().filter(({ type }) => type !== "webhook.test");
}

describe("poll with a receiver that misbehaves", () => {
  it.each(FAULTS)(
    "poll keeps every event while the receiver %s, and delivers each once afterwards",
    async (_, how) => {
      const banned = await startBanned(8);
      const { receiver, clock, run } = banned;
      receiver.behave(how);
      expect(await run()).toMatchObject({
        changed: 8,
        delivered: 0,
        pending: 8,
        receiver: "open",
      });
      const tries = receiver.attempts().length;
      expect(tries).toBeGreaterThanOrEqual(5);
      expect(tries).toBeLessThanOrEqual(10);

      receiver.behave("ok");
      await clock.advance(60_000);
      expect(await run()).toMatchObject({ delivered: 8, pending: 0, receiver: "closed" });
      await clock.advance(60_000);
      expect(await run()).toMatchObject({ delivered: 0, pending: 0 });
      expect(accepted(receiver)).toHaveLength(8);
      expect(accepted(receiver).filter(({ duplicate }) => duplicate)).toEqual([]);
      expect(receiver.problems()).toEqual([]);
    },
  );

  it("poll sends an event again under the same id when its acknowledgement was lost", async () => {
    const { receiver, run } = await startBanned();
    receiver.behave({ kind: "ack-lost", times: 1 });
    expect(await run()).toMatchObject({ delivered: 1, pending: 0 });
    const [first, second] = accepted(receiver);
    expect(accepted(receiver)).toHaveLength(2);
    expect(second?.id).toBe(first?.id);
    expect(second?.duplicate).toBe(true);
    expect(receiver.problems()).toEqual([]);
  });

  it("poll sends nothing more after a 410", async () => {
    const { receiver, clock, run } = await startBanned();
    receiver.behave({ status: 410 });
    expect(await run()).toMatchObject({ pending: 1, receiver: "disabled" });
    receiver.behave("ok");
    await clock.advance(86_400_000);
    expect(await run()).toMatchObject({ read: 1, pending: 1, receiver: "disabled" });
    expect(receiver.attempts()).toHaveLength(1);
  });

  it("poll waits as long as Retry-After says", async () => {
    const { receiver, clock, run } = await startBanned();
    receiver.behave({ status: 429, headers: { "retry-after": "100" } });
    await run();
    receiver.behave("ok");
    await clock.advance(60_000);
    expect(await run()).toMatchObject({ delivered: 0, pending: 1 });
    // The event, and the test that shows that not the event alone must wait.
    expect(receiver.attempts()).toHaveLength(2);
    await clock.advance(60_000);
    expect(await run()).toMatchObject({ delivered: 1, pending: 0 });
  });

  it("poll loses no event to a receiver that refuses everything, such as one with another secret", async () => {
    const banned = await startBanned();
    const { receiver, store, clock, run } = banned;
    receiver.behave({ status: 400 });
    for (let hour = 0; hour < 12; hour += 1) {
      await run();
      await clock.advance(3_600_000);
    }
    expect(new Set(statuses(banned))).toEqual(new Set([400]));
    const { pending } = JSON.parse((await store.get("c/c1"))?.value ?? "");
    expect(pending).toHaveLength(1);
    expect(pending[0]).not.toHaveProperty("refusals");
    receiver.behave("ok");
    await run();
    expect(accepted(receiver)).toHaveLength(1);
    expect(receiver.problems()).toEqual([]);
  });

  it("poll tries an event that alone is refused again, once the test event is accepted", async () => {
    const banned = await startBanned();
    const { receiver, run } = banned;
    receiver.behave({ status: 422, times: 1 });
    expect(await run()).toMatchObject({ delivered: 1, failedAttempts: 1, receiver: "closed" });
    expect(statuses(banned)).toEqual([422, 204, 204]);
    expect(receiver.received().map(({ type }) => type)).toEqual([
      "webhook.test",
      "whatsapp.phone_number.changed",
    ]);
    expect(receiver.problems()).toEqual([]);
  });

  it("poll sends a customer's changes in order after an outage in which they happened", async () => {
    const { receiver, upstream, clock, run } = await startBanned();
    receiver.behave({ status: 503 });
    await run();
    for (const Status of ["CONNECTED", "BANNED", "CONNECTED", "FLAGGED"]) {
      upstream.control.setNumber("c1", NUMBER, { Status });
      await clock.advance(60_000);
      await run();
    }
    receiver.behave("ok");
    await clock.advance(3_600_000);
    expect(await run()).toMatchObject({ delivered: 5, pending: 0 });
    const current = accepted(receiver).map(({ event }) => event.data?.current);
    expect(current).toMatchObject([
      { status: "BANNED" },
      { status: "CONNECTED" },
      { status: "BANNED" },
      { status: "CONNECTED" },
      { status: "FLAGGED" },
    ]);
    expect(new Set(accepted(receiver).map(({ id }) => id)).size).toBe(5);
    expect(receiver.problems()).toEqual([]);
  });
});
