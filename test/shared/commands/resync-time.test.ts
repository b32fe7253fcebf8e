import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { CustomerRow } from "../../../shared/schemas/customer-row.ts";
import { type PollStage, startPollStage } from "../../support/poll-stage.ts";
import { MINUTE, NUMBER, OTHER, T0 } from "../../support/watch-builders.ts";

let stage: PollStage;

beforeEach(async () => {
  stage = await startPollStage({ acme: [NUMBER, OTHER] });
  await stage.run();
  await stage.clock.advance(5 * MINUTE);
});

afterEach(() => stage.close());

async function rowOfAcme(): Promise<{ row: CustomerRow; version: string }> {
  const { value = "{}", version = "" } = (await stage.store.get("c/acme")) ?? {};
  return { row: JSON.parse(value), version };
}

/** Runs `resync` and returns `observedAt` of each state event, by number. */
async function resyncTimes(): Promise<Record<string, string>> {
  const answer = await stage.invoke(Buffer.from('{"command":"resync"}'));
  expect(answer).toMatchObject({ events: 2 });
  const { row } = await rowOfAcme();
  const events = row.pending.map(({ body }) => JSON.parse(body));
  return Object.fromEntries(events.map(({ subject, data }) => [subject, data.observedAt]));
}

describe("the time that resync reports", () => {
  it("is the instance's last read, which stored nothing because nothing had changed", async () => {
    await stage.run();
    const { row } = await rowOfAcme();
    expect(row.numbers[NUMBER]?.observedAt).toBe("2026-01-01T00:00:00.000Z");
    expect(await resyncTimes()).toEqual({
      [NUMBER]: "2026-01-01T00:05:00.000Z",
      [OTHER]: "2026-01-01T00:05:00.000Z",
    });
  });

  it("is the stored time once another instance has written the row", async () => {
    await stage.run();
    const { row, version } = await rowOfAcme();
    const seen = { ...row.numbers[NUMBER], observedAt: new Date(T0 + 6 * MINUTE).toISOString() };
    const numbers = { ...row.numbers, [NUMBER]: seen };
    await stage.store.put("c/acme", JSON.stringify({ ...row, numbers }), version);
    expect(await resyncTimes()).toEqual({
      [NUMBER]: "2026-01-01T00:06:00.000Z",
      [OTHER]: "2026-01-01T00:00:00.000Z",
    });
  });

  it("is not that of a later read that failed", async () => {
    stage.upstream.control.fault({ kind: "code", code: "Product.Unsubscript" });
    await stage.run();
    expect(await resyncTimes()).toEqual({
      [NUMBER]: "2026-01-01T00:00:00.000Z",
      [OTHER]: "2026-01-01T00:00:00.000Z",
    });
  });
});
