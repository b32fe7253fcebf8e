import { describe, expect, it } from "vitest";
import { recordAddIntent } from "../../../shared/customers/add-intent.ts";
import { eraseCustomer } from "../../../shared/customers/erase.ts";
import { prioritizeWorse } from "../../../shared/customers/priority-lane.ts";
import { UpstreamRejectedError, UpstreamThrottledError } from "../../../shared/errors.ts";
import { item, MINUTE, NUMBER, OTHER } from "../../support/watch-builders.ts";
import { createWatchWorld, type WatchWorld } from "../../support/watch-world.ts";

const YEAR = 31_536_000_000;
const DAY = 86_400_000;
const DOWN = { kind: "failed", reason: "network" } as const;
const TAKEN = { kind: "delivered", status: 204 } as const;
const REFUSED = new UpstreamRejectedError(
  { action: "QueryChatappPhoneNumbers", upstreamCode: "Product.Unsubscript" },
  "customer",
);

const THROTTLED = new UpstreamThrottledError({ action: "QueryChatappPhoneNumbers" });

/** A customer whose numbers are known. */
async function knownWorld(): Promise<WatchWorld> {
  const world = createWatchWorld();
  await world.watch(["acme"]);
  world.answers.set("acme", [item(NUMBER), item(OTHER)]);
  await world.run();
  await world.minute();
  return world;
}

/** One run by a clock that is a year ahead. */
async function runAhead(world: WatchWorld): Promise<void> {
  world.clock.shiftWall(YEAR);
  world.upstreamAheadMs = -YEAR;
  world.restart();
  await world.run();
  world.clock.shiftWall(-YEAR);
  world.upstreamAheadMs = 0;
  world.restart();
}

/** A run a minute, for an hour at most, until an event of this type arrives; its minute. */
async function minutesUntil(world: WatchWorld, type: string): Promise<number> {
  for (let minute = 1; minute <= 60; minute += 1) {
    await world.minute();
    await world.run();
    if (world.sent.some(({ event }) => JSON.parse(event.body).type === type)) return minute;
  }
  return Number.POSITIVE_INFINITY;
}

describe("a sweep that a clock three hours behind began", () => {
  it("puts off no stale event, although a throttled customer lets no later sweep be full", async () => {
    const world = createWatchWorld();
    await world.watch(["acme", "busy", "well"]);
    await world.run();
    const lease = await world.store.get("lease/poll");
    const row = JSON.parse(lease?.value ?? "{}");
    row.sweep.full.startedAt -= 3 * 60 * MINUTE;
    await world.store.put("lease/poll", JSON.stringify(row), lease?.version ?? "absent");
    world.answers.set("acme", REFUSED);
    world.answers.set("busy", THROTTLED);

    expect(await minutesUntil(world, "whatsapp.watch.stale")).toBeLessThan(35);
  });
});

describe("one run by a clock a year ahead", () => {
  it("delays no delivery by more than a minute, although the receiver was down in it", async () => {
    const world = await knownWorld();
    world.answers.set("acme", [item(NUMBER, { Status: "BANNED" }), item(OTHER)]);
    world.receive = () => DOWN;
    for (let run = 0; run < 4; run += 1) {
      await world.run();
      await world.minute();
    }
    await runAhead(world);
    world.receive = () => TAKEN;
    world.forget();
    expect(await minutesUntil(world, "whatsapp.phone_number.changed")).toBeLessThan(3);
  });

  it("delays no missing number by more than an hour", async () => {
    const world = await knownWorld();
    world.answers.set("acme", [item(NUMBER)]);
    await runAhead(world);
    expect(await minutesUntil(world, "whatsapp.phone_number.missing")).toBeLessThan(15);
  });

  it("delays no stale watch by more than an hour, and makes none", async () => {
    const world = await knownWorld();
    world.answers.set("acme", REFUSED);
    await runAhead(world);
    const minutes = await minutesUntil(world, "whatsapp.watch.stale");
    expect(minutes).toBeGreaterThan(28);
    expect(minutes).toBeLessThan(40);
  });

  it("stores no window of a change that ends before it begins", async () => {
    const world = await knownWorld();
    world.answers.set("acme", [item(NUMBER, { QualityRating: "RED" }), item(OTHER)]);
    await runAhead(world);
    world.forget();
    world.answers.set("acme", [item(NUMBER), item(OTHER)]);
    await minutesUntil(world, "whatsapp.phone_number.changed");
    const { data, time } = JSON.parse(world.sent[0]?.event.body ?? "{}");
    expect(Date.parse(data.previousObservedAt)).toBeLessThanOrEqual(Date.parse(time));
  });

  it("reports no customer as stale, no number as missing and no onboarding as stuck", async () => {
    const world = await knownWorld();
    await world.watch(["beta"]);
    world.answers.set("acme", [item(NUMBER)]);
    world.answers.set("beta", REFUSED);
    const added = { cc: "49", national: "15112345678" };
    await recordAddIntent(world.store, "acme", added, "id", world.clock.now());
    world.answers.set("acme", [item(NUMBER, { Status: "PENDING" })]);
    for (let run = 0; run < 3; run += 1) {
      await world.run();
      await world.minute();
    }
    world.forget();
    await runAhead(world);
    expect(world.calls.map(({ customer }) => customer)).toEqual(["acme", "beta"]);
    expect(world.sent).toEqual([]);
    expect(world.lines.join()).toContain('"aheadSeconds":31536000');
  });

  it("deletes no old row, while a right clock does so after its first answer", async () => {
    const world = await knownWorld();
    const hot = JSON.stringify({ schema: 1, onboarding: {}, worseUntil: world.clock.now() + 1e6 });
    await world.store.put("hot/acme", hot, "absent");
    await world.store.put("due/acme/0000000000009999", '{"schema":1,"seenAt":1}', "absent");
    await world.run();
    await world.store.put("due/acme/9999999999999999", '{"schema":1,"seenAt":1}', "absent");
    world.forget();
    await runAhead(world);
    expect(world.expiries).toEqual([]);
    expect(await world.text("hot/acme")).toBe(hot);
    expect(await world.text("due/acme/9999999999999999")).toBeDefined();
    await world.minute();
    world.forget();
    await world.run();
    expect(world.expiries).toEqual([1]);
    expect(await world.text("due/acme/9999999999999999")).toBeUndefined();
  });

  it("keeps no customer in the priority lane for a year", async () => {
    const world = await knownWorld();
    await prioritizeWorse(world.store, "acme", world.clock.now() + YEAR);
    await world.run();
    expect(await world.text("hot/acme")).toBeUndefined();
  });

  it("keeps no marker whose row was never written", async () => {
    const world = await knownWorld();
    const seq = String(world.clock.now() + YEAR).padStart(16, "0");
    await world.store.put(`due/acme/${seq}`, '{"schema":1}', "absent");
    await world.run();
    expect(await world.text(`due/acme/${seq}`)).toBeDefined();
    await world.clock.advance(61 * MINUTE);
    await world.run();
    expect(await world.text(`due/acme/${seq}`)).toBeUndefined();
  });
});

describe("the tombstone of an erased customer", () => {
  const erased = async (customers: string[], customer: string, returns: boolean) => {
    const world = createWatchWorld();
    await world.watch(customers);
    await world.run();
    await eraseCustomer(world.store, customer, { returns, now: world.clock.now });
    return world;
  };
  const scansIn = async (world: WatchWorld) => {
    const scans: string[] = [];
    world.onStore = (operation, key) => void (operation === "scan" && scans.push(key));
    await world.minute();
    await world.run();
    return scans;
  };

  it.each([
    ["that sorts first", ["acme", "beta"], "acme"],
    ["that sorts last", ["acme", "beta"], "beta"],
  ])("goes after a day from a customer %s", async (_, customers, customer) => {
    const world = await erased(customers, customer, false);
    await world.clock.advance(DAY - 120_000);
    expect(await scansIn(world)).toContain(`dead/${customer}/`);
    expect(await world.text(`c/${customer}`)).toBeDefined();
    await world.clock.advance(60_000);
    await scansIn(world);
    expect(await world.text(`c/${customer}`)).toBeUndefined();
  });

  it("takes with it what was written beside it last", async () => {
    const world = await erased(["acme", "beta"], "acme", false);
    await world.store.put("dead/acme/0000000000000001", "{}", "absent");
    await world.clock.advance(DAY);
    await scansIn(world);
    expect(await world.text("dead/acme/0000000000000001")).toBeUndefined();
  });

  it("stays by a clock a year ahead, and while nobody is watched", async () => {
    const world = await erased(["acme", "beta"], "acme", false);
    await runAhead(world);
    expect(await world.text("c/acme")).toBeDefined();
    const alone = await erased(["acme"], "acme", false);
    await alone.clock.advance(DAY);
    expect(await scansIn(alone)).not.toContain("dead/acme/");
    expect(await alone.text("c/acme")).toBeDefined();
  });

  it("costs a sweep no scan after a day where it has to stay", async () => {
    const world = await erased(["acme", "beta"], "acme", true);
    await world.clock.advance(DAY);
    expect(await scansIn(world)).not.toContain("dead/acme/");
    expect(await world.text("c/acme")).toBeDefined();
  });
});
