import { readFileSync } from "node:fs";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { EXAMPLE_SECRET, eventExamples } from "../contract/event-examples.ts";
import { createExampleReceiver } from "./example-receiver.ts";
import { deliver, EPOCH, eventBody, OTHER_SECRET, SECRET } from "./receiver-test-sender.ts";

let server: Server | undefined;
afterEach(async () => {
  server?.closeAllConnections();
  await new Promise((resolve) => server?.close(resolve) ?? resolve(undefined));
  server = undefined;
});

async function start(act: (text: string) => void, secrets = SECRET): Promise<string> {
  const started = createExampleReceiver({ secrets, act, now: () => EPOCH });
  server = started;
  await new Promise<void>((resolve) => started.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(started.address() as AddressInfo).port}/`;
}

const CHANGE = { field: "qualityRating", from: "GREEN", to: "RED" };

/** A complete event of the service under another sequence. */
async function changed(sequence: string, fields: object = {}): Promise<string> {
  const { body } = (await eventExamples())["whatsapp.phone_number.changed"];
  return JSON.stringify({ ...JSON.parse(body), id: `evt_${sequence}`, sequence, ...fields });
}

describe("the example receiver", () => {
  it("is short enough to be copied", () => {
    const text = readFileSync(new URL("./example-receiver.ts", import.meta.url), "utf8");
    expect(text.split("\n").length).toBeLessThanOrEqual(65);
  });

  it("passes each signed event on once, in order", async () => {
    const acted: string[] = [];
    const url = await start((text) => acted.push(text));
    for (const sequence of ["0002", "0002", "0003"]) {
      expect(await deliver(url, await changed(sequence))).toBe(204);
    }
    const text =
      "whatsapp.phone_number.changed: critical 4915112345678, qualityRating GREEN > RED (critical)";
    expect(acted).toEqual([text, text]);
  });

  it("keeps each stage's sequences apart", async () => {
    const acted: string[] = [];
    const url = await start((text) => acted.push(text));
    await deliver(url, await changed("2000", { source: "urn:waba-numbers:1:dev" }));
    await deliver(url, await changed("1500", { source: "urn:waba-numbers:1:prod" }));
    expect(acted).toHaveLength(2);
  });

  it("accepts a redelivered event by its id, and lets it overtake nothing", async () => {
    const acted: string[] = [];
    const url = await start((text) => acted.push(text.split(":")[0] ?? ""));
    const again = { headers: { "webhook-redelivery": "true" } };
    await deliver(url, await changed("2000"));
    for (const sequence of ["1900", "1900", "3000"]) {
      expect(await deliver(url, await changed(sequence), again)).toBe(204);
    }
    await deliver(url, await changed("2500"));
    await deliver(url, await changed("2000"), again);
    expect(acted).toEqual([
      "whatsapp.phone_number.changed",
      "again",
      "again",
      "whatsapp.phone_number.changed",
    ]);
  });

  it("takes a redelivered event for history where a proxy drops the mark", async () => {
    const acted: string[] = [];
    const url = await start((text) => acted.push(text.split(":")[0] ?? ""));
    for (const sequence of ["2000", "1900", "1900", "2100"]) {
      expect(await deliver(url, await changed(sequence))).toBe(204);
    }
    const type = "whatsapp.phone_number.changed";
    expect(acted).toEqual([type, "again", type]);
  });

  it("accepts every event that the service sends", async () => {
    const acted: string[] = [];
    const url = await start((text) => acted.push(text.split(":")[0] ?? ""), EXAMPLE_SECRET);
    for (const { body } of Object.values(await eventExamples())) {
      const event = { ...JSON.parse(body), partitionkey: JSON.parse(body).type };
      expect(await deliver(url, JSON.stringify(event))).toBe(204);
    }
    expect(acted).toHaveLength(10);
  });

  it("judges the severity and the changes of every type of event", async () => {
    const acted: string[] = [];
    const url = await start((text) => acted.push(text), EXAMPLE_SECRET);
    for (const { body } of Object.values(await eventExamples())) {
      const event = { ...JSON.parse(body), partitionkey: JSON.parse(body).type };
      await deliver(url, JSON.stringify(event));
    }
    expect(acted).toEqual([
      "whatsapp.phone_number.changed: critical 4915112345678, qualityRating GREEN > RED (critical)",
      "whatsapp.phone_number.discovered: info 4915187654321",
      "whatsapp.phone_number.missing: critical 4915112345678, absent",
      "whatsapp.phone_number.returned: info 4915112345678",
      "whatsapp.phone_number.health_changed: critical 4915112345678, blocked",
      "whatsapp.phone_number.state: info 4915112345678",
      "whatsapp.onboarding.completed: info 4915112345678",
      "whatsapp.onboarding.stuck: warning 4915112345678, codeVerificationStatus, Verify the number: request a code, then submit it with ChatappVerifyAndRegister.",
      "whatsapp.watch.stale: warning acme, since 2026-01-01T00:01:00.000Z (ERR_UPSTREAM_REJECTED)",
      "whatsapp.watch.recovered: info acme, since 2026-01-01T00:01:00.000Z (ERR_UPSTREAM_REJECTED)",
    ]);
  });

  it("gets an event again that it could not act on", async () => {
    let works = false;
    const acted: string[] = [];
    const url = await start((text) => {
      if (!works) throw new Error("the database is away");
      acted.push(text);
    });
    expect(await deliver(url, await changed("0001"))).toBe(503);
    works = true;
    expect(await deliver(url, await changed("0001"))).toBe(204);
    expect(acted).toHaveLength(1);
  });

  it.each([
    [401, "signed by another", { secret: OTHER_SECRET }],
    [401, "that is too old", { at: EPOCH - 301_000 }],
    [401, "without a signature", { headers: { "webhook-signature": "" } }],
    [400, "without the fields of its type", {}],
  ])("answers %i to an event %s", async (status, _, options) => {
    const acted: string[] = [];
    const url = await start((text) => acted.push(text));
    const body = status === 400 ? eventBody("evt_1", "0001", [CHANGE]) : await changed("0001");
    expect(await deliver(url, body, options)).toBe(status);
    expect(acted).toEqual([]);
  });

  it("answers 500 if its own secret is invalid", async () => {
    const url = await start(() => {}, "secret");
    expect(await deliver(url, await changed("0001"))).toBe(500);
  });
});
