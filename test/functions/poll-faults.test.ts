import { afterEach, describe, expect, it } from "vitest";
import type { Fault } from "../sandbox/cams-faults.ts";
import { type PollStage, startPollStage } from "../support/poll-stage.ts";
import { NUMBER, OTHER } from "../support/watch-builders.ts";

let stage: PollStage | undefined;

afterEach(async () => {
  await stage?.close();
  stage = undefined;
});

/** One customer with two numbers, read a minute ago. */
async function startKnown(): Promise<PollStage> {
  const started = await startPollStage({ acme: [NUMBER, OTHER] });
  stage = started;
  expect(await started.run()).toMatchObject({ read: 1, changed: 0, failed: 0 });
  await started.clock.advance(60_000);
  started.upstream.control.clearCalls();
  return started;
}

/** What is stored of the customer, without its failure. */
async function knownOf({ store }: PollStage): Promise<unknown> {
  const { failure: _failure, ...row } = JSON.parse((await store.get("c/acme"))?.value ?? "{}");
  return row;
}

/** After the fault: one real change is sent once, and nothing else. */
async function expectNextChangeOnce({ upstream, receiver, clock, run }: PollStage): Promise<void> {
  upstream.control.clearFaults();
  upstream.control.setNumber("acme", NUMBER, { Status: "BANNED" });
  await clock.advance(60_000);
  expect(await run()).toMatchObject({ read: 1, changed: 1, failed: 0, delivered: 1, pending: 0 });
  await clock.advance(60_000);
  expect(await run()).toMatchObject({ read: 1, changed: 0, delivered: 0, pending: 0 });
  const sent = receiver.received().map(({ event }) => event.data?.changes);
  expect(sent).toEqual([
    [
      {
        field: "status",
        from: "CONNECTED",
        to: "BANNED",
        direction: "worse",
        severity: "critical",
      },
    ],
  ]);
  expect(receiver.problems()).toEqual([]);
}

const code = (name: string): Fault => ({ kind: "code", code: name });

/** Fault, calls it takes, and whether the run stops. */
const FAILING: readonly (readonly [string, Fault, number, string | undefined])[] = [
  ["throttle", { kind: "throttle", retryAfterMs: 500 }, 3, undefined],
  ["html-502", { kind: "html-502" }, 3, undefined],
  ["reset-before", { kind: "reset-before" }, 3, undefined],
  ["reset-after", { kind: "reset-after" }, 3, undefined],
  ["truncated", { kind: "truncated" }, 3, undefined],
  ["empty-body", { kind: "empty-body" }, 3, undefined],
  ["http-500", { kind: "http-500" }, 3, undefined],
  ["array-body", { kind: "array-body" }, 3, undefined],
  ["null-body", { kind: "null-body" }, 3, undefined],
  ["Product.Unsubscript", code("Product.Unsubscript"), 1, undefined],
  ["Unknown.ResourceOwnerId", code("Unknown.ResourceOwnerId"), 1, undefined],
  ["System.LimitControl", code("System.LimitControl"), 3, undefined],
  ["ServiceUnavailable", code("ServiceUnavailable"), 3, undefined],
  ["Ram.PermissionDeny", code("Ram.PermissionDeny"), 2, "account"],
  ["Forbidden.RAM", code("Forbidden.RAM"), 2, "account"],
  ["SignatureDoesNotMatch", code("SignatureDoesNotMatch"), 2, "account"],
  ["InvalidAccessKeyId.NotFound", code("InvalidAccessKeyId.NotFound"), 2, "account"],
  ["a code nobody has heard of", code("Moon.NotFull"), 1, undefined],
];

describe("poll with an upstream that misbehaves", () => {
  it.each(FAILING)(
    "poll counts %s as a failed or throttled read and nothing else",
    async (name, fault, calls, stopped) => {
      const throttled = name === "throttle" || name === "System.LimitControl" ? 1 : 0;
      const known = await startKnown();
      const { upstream, receiver, run } = known;
      const before = await knownOf(known);
      upstream.control.fault({ ...fault, count: 10 });

      const report = await run();
      expect(report).toMatchObject({
        read: 0,
        changed: 0,
        failed: 1 - throttled,
        throttled,
        pending: 0,
      });
      expect(report.stopped).toBe(stopped);
      expect(upstream.control.calls()).toHaveLength(calls);
      expect(await knownOf(known)).toEqual(before);
      expect(receiver.attempts()).toEqual([]);
      await expectNextChangeOnce(known);
    },
  );

  it("poll counts an upstream that stays silent as a failed read when its time is up", async () => {
    const known = await startKnown();
    const { upstream, receiver, shorten, run } = known;
    const before = await knownOf(known);
    upstream.control.fault({ kind: "hang", count: 10 });
    shorten(40);
    expect(await run()).toMatchObject({ read: 0, changed: 0, failed: 1 });
    expect(await knownOf(known)).toEqual(before);
    expect(receiver.attempts()).toEqual([]);
    shorten(8_000);
    await expectNextChangeOnce(known);
  });

  it.each([
    ["slow", { kind: "slow", delayMs: 40 }],
    ["reordered", { kind: "reordered" }],
    ["unknown-fields", { kind: "unknown-fields" }],
    ["malformed-row", { kind: "malformed-row" }],
  ] as const)("poll finds no change in a reply that is %s", async (_, fault) => {
    const known = await startKnown();
    const { upstream, receiver, run } = known;
    const before = await knownOf(known);
    upstream.control.fault({ ...fault, count: 10 });
    expect(await run()).toMatchObject({ read: 1, changed: 0, failed: 0 });
    expect(await knownOf(known)).toEqual(before);
    expect(receiver.attempts()).toEqual([]);
    await expectNextChangeOnce(known);
  });

  it("poll counts an empty list as an absence and sends nothing", async () => {
    const known = await startKnown();
    const { upstream, receiver, run } = known;
    upstream.control.fault({ kind: "empty-list" });
    expect(await run()).toMatchObject({ read: 1, changed: 0, failed: 0 });
    expect(await knownOf(known)).toMatchObject({ numbers: { [NUMBER]: { absent: { reads: 1 } } } });
    expect(receiver.attempts()).toEqual([]);
    await expectNextChangeOnce(known);
  });

  it.each(["throttle", "reset-before", "http-500", "truncated", "empty-body"] as const)(
    "poll reads again after one %s and sends the change that is there",
    async (kind) => {
      const { upstream, receiver, run } = await startKnown();
      upstream.control.setNumber("acme", OTHER, { QualityRating: "RED" });
      upstream.control.fault({ kind });
      expect(await run()).toMatchObject({ read: 1, changed: 1, failed: 0, delivered: 1 });
      expect(upstream.control.calls()).toHaveLength(2);
      expect(receiver.received()).toHaveLength(1);
      expect(receiver.problems()).toEqual([]);
    },
  );
});
