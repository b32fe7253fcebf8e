import fc from "fast-check";
import { beforeEach, describe, expect, it } from "vitest";
import { prioritizeRequested } from "../../../shared/customers/priority-lane.ts";
import {
  UpstreamAccountError,
  UpstreamTimeoutError,
  UpstreamUnavailableError,
} from "../../../shared/errors.ts";
import { type FakeReply, refusalOf } from "../../support/fake-upstream.ts";
import { SEED } from "../../support/seed.ts";
import { item, NUMBER, OTHER, T0 } from "../../support/watch-builders.ts";
import {
  createWatchWorld,
  customers,
  healthOf,
  type WatchWorld,
} from "../../support/watch-world.ts";

const HEALTH = "GetWhatsappHealthStatus";
const DAY = 86_400_000;
const PAYMENT = {
  ErrorCode: 141006,
  ErrorDescription: "There is an error",
  PossibleSolution: "pay",
};
const BLOCKED = healthOf("BLOCKED", PAYMENT);
const action = HEALTH;

let world: WatchWorld;
beforeEach(() => {
  world = createWatchWorld();
});

const run = () => world.run({ health: true });
const healthCalls = () => world.calls.filter((call) => call.action === HEALTH);
const mostInASecond = () =>
  Math.max(
    ...healthCalls().map(
      ({ at: from }) => healthCalls().filter(({ at }) => at >= from && at < from + 1_000).length,
    ),
  );
const gists = () =>
  world.sent.map(({ event }) => {
    const { type, data } = JSON.parse(event.body);
    return `${type.split(".").at(-1)} ${data.custSpaceId} ${data.health?.canSend ?? ""}`.trim();
  });

async function minutes(count: number): Promise<void> {
  for (let minute = 0; minute < count; minute += 1) {
    await run();
    await world.minute();
  }
}

describe("without WATCH_HEALTH", () => {
  it("no health is asked for, and no run gets longer", async () => {
    await world.watch(["acme"]);
    await world.run();
    expect(healthCalls()).toEqual([]);
    expect(world.clock.monotonic()).toBeLessThan(7_000);
    const lease = JSON.parse((await world.text("lease/poll")) ?? "");
    expect([lease.health, Object.keys(lease.pace.operations)]).toEqual([undefined, ["query"]]);
  });
});

describe("with WATCH_HEALTH", () => {
  it("a number in the lane that is connected and blocked is reported in the next run, once", async () => {
    await world.watch(["acme"]);
    await prioritizeRequested(world.store, "acme", T0 + DAY, world.clock.now());
    await minutes(2);
    world.healths.set(NUMBER, BLOCKED);
    world.forget();
    await run();
    expect(gists()).toEqual(["health_changed acme blocked"]);
    await world.minute();
    await minutes(10);
    expect(gists()).toEqual(["health_changed acme blocked"]);
    expect((await world.row("acme")).numbers[NUMBER]?.health).toMatchObject({
      canSend: "blocked",
      reasons: [{ entity: "WABA", code: "141006" }],
    });
  });

  it("only connected numbers are asked for, by the node phone and today's spelling", async () => {
    world.answers.set("acme", [item(), item(OTHER, { Status: "PENDING" })]);
    await world.watch(["acme", "self"]);
    await minutes(3);
    const asked = healthCalls().map(({ params }) => params);
    expect(new Set(asked.map((params) => JSON.stringify(params)))).toEqual(
      new Set([JSON.stringify({ custSpaceId: "acme", phoneNumber: NUMBER, nodeType: "phone" })]),
    );
  });

  it("a number is asked for whose row of the first edition has blanks around CONNECTED", async () => {
    world.answers.set("acme", [{ PhoneNumber: NUMBER }]);
    const state = { fields: { status: " CONNECTED " }, observedAt: new Date(T0).toISOString() };
    const row = { numbers: { [NUMBER]: state }, baselineAt: state.observedAt };
    await world.watch(["acme"], { ...row, schema: 1 });
    await minutes(2);
    expect(healthCalls()).not.toEqual([]);
  });

  it("the turn over all takes half a call a second, and begins every ten minutes", async () => {
    await world.watch(customers(60));
    await minutes(1);
    await world.clock.advance(600_000);
    world.forget();
    await minutes(3);
    expect(healthCalls()).toHaveLength(60);
    for (const { at } of healthCalls()) {
      const near = healthCalls().filter((call) => call.at >= at && call.at < at + 10_000);
      expect(near.length).toBeLessThanOrEqual(6);
    }
    world.forget();
    await minutes(5);
    expect(healthCalls()).toEqual([]);
  });

  it("the turn over all takes half a call a second across runs, whose first call waits for no pause", async () => {
    await world.watch(customers(20));
    await minutes(1);
    world.forget();
    for (let runs = 0; runs < 12; runs += 1) {
      await world.run({ health: true, runMs: 3_000 });
    }
    const times = healthCalls().map(({ at }) => at);
    expect(times.length).toBeGreaterThanOrEqual(12);
    for (const [index, at] of times.entries()) {
      if (index > 0) expect(at - (times[index - 1] ?? 0)).toBeGreaterThanOrEqual(2_000);
    }
    await world.clock.advance(700_000);
    const startedAt = world.clock.monotonic();
    world.forget();
    await world.run({ health: true, runMs: 3_000 });
    expect((healthCalls()[0]?.at ?? 0) - startedAt).toBeLessThan(1_000);
  });

  it("a run stays for no pause that is longer than its timer's interval", async () => {
    await world.watch(customers(3));
    await minutes(1);
    world.forget();
    const startedAt = world.clock.monotonic();
    await world.run({ health: true, timerMs: 0 });
    expect(healthCalls()).toHaveLength(1);
    expect(world.clock.monotonic() - startedAt).toBeLessThan(1_000);
  });

  it("the lane takes at most 4 calls a second, and a run continues within a customer", async () => {
    const numbers = Array.from({ length: 300 }, (_, index) => String(4_915_100_000_000 + index));
    world.answers.set(
      "acme",
      numbers.map((number) => item(number)),
    );
    await world.watch(["acme"]);
    await prioritizeRequested(world.store, "acme", T0 + DAY, world.clock.now());
    await minutes(1);
    world.forget();
    await minutes(2);
    const asked = new Set(healthCalls().map(({ params }) => params.phoneNumber));
    expect(asked.size).toBe(300);
    expect(mostInASecond()).toBe(4);
  });

  it.each(["a warm instance", "another instance"])(
    "two runs without a pause between hold 4 calls in any second, the second in %s",
    async (instance) => {
      const numbers = Array.from({ length: 300 }, (_, index) => String(4_915_100_000_000 + index));
      world.answers.set(
        "acme",
        numbers.map((number) => item(number)),
      );
      await world.watch(["acme"]);
      await prioritizeRequested(world.store, "acme", T0 + DAY, world.clock.now());
      await minutes(1);
      world.forget();
      await run();
      const firstRun = healthCalls().length;
      if (instance === "another instance") world.restart();
      await run();
      expect(firstRun).toBeGreaterThan(190);
      expect(healthCalls().length).toBeGreaterThan(firstRun + 90);
      expect(mostInASecond()).toBe(4);
    },
  );

  it("the place within a customer names no number, and is forgotten without WATCH_HEALTH", async () => {
    const numbers = Array.from({ length: 300 }, (_, index) => String(4_915_100_000_000 + index));
    world.answers.set(
      "acme",
      numbers.map((number) => item(number)),
    );
    await world.watch(["acme"]);
    await minutes(2);
    const lease = async () => (await world.store.get("lease/poll"))?.value ?? "";
    expect(await lease()).toContain('"within":"c/acme"');
    expect(await lease()).not.toMatch(/49151\d{8}/);
    await world.run();
    expect(await lease()).not.toContain('acme","numbers');
    expect(JSON.parse(await lease()).health).toBeUndefined();
  });

  it("a health write moves no time of a read", async () => {
    await world.watch(["acme"]);
    await minutes(1);
    const before = await world.row("acme");
    world.healths.set(NUMBER, BLOCKED);
    await world.clock.advance(600_000);
    await run();
    const row = await world.row("acme");
    expect(row.numbers[NUMBER]?.health).toBeDefined();
    expect([row.observedAt, row.numbers[NUMBER]?.observedAt]).toEqual([
      before.observedAt,
      before.numbers[NUMBER]?.observedAt,
    ]);
  });

  it.each<[string, Error, string]>([
    ["a missing permission", new UpstreamAccountError({ action }), "allow cams:GetWhatsapp"],
    ["an outage", new UpstreamUnavailableError({ action }, false), "failures in a row"],
  ])(
    "%s pauses the health reads with one warning, and no customer fails",
    async (_, error, says) => {
      await world.watch(customers(5));
      for (const number of [NUMBER]) world.healths.set(number, error);
      await minutes(4);
      const warnings = world.lines.filter((line) => line.includes("health reads pause"));
      expect(warnings).toHaveLength(1);
      expect(warnings[0]).toContain(says);
      expect(gists()).toEqual([]);
      for (const customer of customers(5)) {
        expect((await world.row(customer)).failure).toBeUndefined();
      }
    },
  );

  it("reads take as long, and as many calls, as without", async () => {
    const queries = async (health: boolean) => {
      world = createWatchWorld();
      await world.watch(customers(400));
      for (let minute = 0; minute < 3; minute += 1) {
        await world.run({ health });
        await world.minute();
      }
      return world.calls.filter((call) => call.action !== HEALTH).length;
    };
    const [without, beside] = [await queries(false), await queries(true)];
    expect(Math.abs(beside - without)).toBeLessThanOrEqual(without * 0.01);
  });

  it("24 hours of random faults invent nothing, and lose no block", async () => {
    const faults: FakeReply[] = [
      refusalOf({ action }, "System.LimitControl"),
      refusalOf({ action }, "Unknown.ResourceOwnerId"),
      new UpstreamTimeoutError({ action }),
      new UpstreamUnavailableError({ action }, false),
      {},
      { Data: null },
      { Data: "garbage" },
      { Data: [] },
      healthOf(undefined, PAYMENT),
      healthOf("None"),
    ];
    const [fault] = fc.sample(fc.infiniteStream(fc.nat(2 * faults.length - 1)), {
      seed: SEED,
      numRuns: 1,
    });
    let truth: FakeReply = healthOf("AVAILABLE");
    world.healths.set(NUMBER, () => faults[fault?.next().value ?? 0] ?? truth);
    await world.watch(["acme"]);
    const reported: string[] = [];
    for (let hour = 0; hour < 24; hour += 1) {
      // The lane lasts a day from the last change for the worse.
      await prioritizeRequested(world.store, "acme", world.clock.now() + DAY, world.clock.now());
      if (hour === 6) truth = BLOCKED;
      if (hour === 12) truth = healthOf("BLOCKED", { ...PAYMENT, ErrorDescription: "Payment" });
      if (hour === 18) truth = healthOf("AVAILABLE");
      await minutes(60);
      reported.push(...gists());
      world.forget();
    }
    expect(reported).toEqual(["health_changed acme blocked", "health_changed acme available"]);
    expect((await world.row("acme")).failure).toBeUndefined();
  });
});
