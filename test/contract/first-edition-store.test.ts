import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { PhoneNumberItem } from "../../shared/schemas/upstream.ts";
import { createWatchWorld, type WatchWorld } from "../support/watch-world.ts";

/**
 * A store as the code of the first edition left it after 26 hours of adds and reads, at this time,
 * with the lists that it had last read. Each customer's name says what became of its added number.
 */
const { at, store, lists } = JSON.parse(
  readFileSync(new URL("first-edition-store.json", import.meta.url), "utf8"),
) as {
  readonly at: number;
  readonly store: Readonly<Record<string, object>>;
  readonly lists: Readonly<Record<string, readonly PhoneNumberItem[]>>;
};

const MINUTE = 60_000;
const HOUR = 3_600_000;

/** A world with that store, after the first runs of this edition. */
async function upgrade(rows = store): Promise<WatchWorld> {
  const world = createWatchWorld();
  await world.clock.advance(at - world.clock.now());
  for (const [key, row] of Object.entries(rows)) {
    await world.store.put(key, JSON.stringify(row), "absent");
  }
  for (const [customer, items] of Object.entries(lists)) world.answers.set(customer, items);
  await runFor(world, 3 * MINUTE, MINUTE);
  return world;
}

async function runFor(world: WatchWorld, ms: number, stepMs: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += stepMs) {
    await world.run();
    await world.clock.advance(stepMs);
  }
}

/** The customers and types of the events since the last look, in the order of the customers. */
function sent(world: WatchWorld): string[] {
  const lines = world.sent.map(({ event }) => {
    const { type, partitionkey, data } = JSON.parse(event.body);
    return [partitionkey, type.replace("whatsapp.", ""), data.blockedBy].filter(Boolean).join(" ");
  });
  world.forget();
  return lines.sort();
}

/** What the first edition owed: it took a lapsed verification for a number out of service. */
const OWED = ["stuck-connected-expired onboarding.completed"];

describe("a store of the first edition with added numbers in the priority lane", () => {
  it("sends no event by the upgrade alone, whether lane or sweep reads first", async () => {
    expect(sent(await upgrade())).toEqual(OWED);
    const swept = await upgrade(
      Object.fromEntries(Object.entries(store).filter(([key]) => !key.startsWith("hot/"))),
    );
    expect(sent(swept)).toEqual([]);
    for (const [key, row] of Object.entries(store)) {
      if (key.startsWith("hot/")) await swept.store.put(key, JSON.stringify(row), "absent");
    }
    await runFor(swept, 3 * MINUTE, MINUTE);
    expect(sent(swept)).toEqual(OWED);
  });

  it("has every number that was open stuck once, a day after its add", async () => {
    const world = await upgrade();
    sent(world);
    await runFor(world, 26 * HOUR, HOUR);
    expect(sent(world)).toEqual([
      "open-expired-declined onboarding.stuck nameStatus",
      "open-pending onboarding.stuck codeVerificationStatus",
      "open-pending-declined onboarding.stuck nameStatus",
    ]);
  });

  it("has every open number completed once it is in service", async () => {
    const world = await upgrade();
    sent(world);
    for (const [customer, items] of Object.entries(lists)) {
      const well = { Status: "CONNECTED", NameStatus: "APPROVED" };
      world.answers.set(
        customer,
        items.map((one) => ({ ...one, ...well })),
      );
    }
    await runFor(world, 2 * HOUR, 15 * MINUTE);
    const completed = sent(world).filter((line) => line.endsWith("onboarding.completed"));
    expect(completed).toEqual(
      [
        "open-connected-rejected",
        "open-expired-declined",
        "open-pending",
        "open-pending-declined",
        "stuck-banned",
        "stuck-blanks-declined",
        "stuck-connected-rejected",
        "stuck-expired-declined",
        "stuck-in-review",
        "stuck-near-form",
        "stuck-pending",
        "stuck-two-spellings",
        "stuck-unverified-declined",
        "stuck-verified-rejected",
      ].map((customer) => `${customer} onboarding.completed`),
    );
  });
});
