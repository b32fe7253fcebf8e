import { describe, expect, it } from "vitest";
import { iso, item, NUMBER, T0 } from "../../support/watch-builders.ts";
import { createWatchWorld, customers, type WatchWorld } from "../../support/watch-world.ts";

const onboarding = () =>
  JSON.stringify({
    schema: 1,
    onboarding: { [NUMBER]: { cc: "49", addedAt: iso(0) } },
  });
const worse = () => JSON.stringify({ schema: 1, onboarding: {}, worseUntil: T0 + 86_400_000 });
const pendingNumber = [item(NUMBER, { Status: "PENDING" })];

const read = (world: WatchWorld) => world.calls.map(({ customer }) => customer);

async function worldWith(count: number, laneRow: Readonly<Record<string, string>>) {
  const world = createWatchWorld();
  await world.watch(customers(count));
  for (const customer of customers(count)) world.answers.set(customer, pendingNumber);
  for (const [customer, row] of Object.entries(laneRow)) {
    await world.store.put(`hot/${customer}`, row, "absent");
  }
  world.forget();
  return world;
}

describe("the priority lane of a run", () => {
  it("the lane is read before the sweep, the newest trouble first, each customer once", async () => {
    const older = JSON.stringify({ schema: 1, worseUntil: T0 + 86_400_000 - 60_000 });
    const asked = JSON.stringify({ schema: 1, askedUntil: T0 + 86_400_000 });
    const world = await worldWith(6, { c03: asked, c05: older, c06: onboarding() });
    expect(await world.run({ qps: 2 })).toMatchObject({ read: 6, laneRead: 3, laneLeft: false });
    expect(read(world)).toEqual(["c06", "c05", "c03", "c01", "c02", "c04"]);
  });

  it("the lane is read every minute although the sweep takes an hour", async () => {
    const world = await worldWith(3, { c02: onboarding() });
    const hourly = { pollIntervalMs: 3_600_000 };
    await world.run(hourly);
    world.forget();
    for (let minute = 0; minute < 5; minute += 1) {
      await world.minute();
      await world.run();
    }
    expect(read(world).filter((customer) => customer === "c02")).toHaveLength(5);
  });

  it("the lane takes at most three of a hundred calls and continues with those left", async () => {
    const laneRow = Object.fromEntries(customers(99).map((customer) => [customer, worse()]));
    const world = await worldWith(99, laneRow);
    const settings = { runMs: 20_000, pollIntervalMs: 60_000 };
    const report = await world.run(settings);
    expect(report).toMatchObject({ laneRead: 4, laneLeft: true });
    expect(new Set(read(world).slice(0, 4))).toEqual(new Set(customers(4)));
    expect(report.read).toBe(99);
  });

  it("the lane holds those whose reads fit, the newest trouble first", async () => {
    const at = (minute: number) => T0 - minute * 60_000;
    const laneRow = Object.fromEntries(
      customers(99).map((customer, minute) => [
        customer,
        JSON.stringify({ schema: 1, worseUntil: at(minute / 100) + 86_400_000 }),
      ]),
    );
    const world = await worldWith(99, laneRow);
    // One call in ten seconds: six customers, each once a minute.
    const slow = { qps: 10 / 3, pollIntervalMs: 3_600_000 / 60 };
    for (let minute = 0; minute < 5; minute += 1) {
      await world.run(slow);
      await world.minute();
    }
    const lane = JSON.parse((await world.text("lease/poll")) ?? "{}").lane;
    expect(lane.heldFrom).toBe(at(4 / 100));
  });

  it("the lane is looked at again while the run lasts", async () => {
    const world = await worldWith(300, {});
    const running = world.begin();
    await world.clock.advance(10_000);
    await world.store.put("hot/c290", worse(), "absent");
    await world.clock.run(running);
    const [at] = world.calls.filter(({ customer }) => customer === "c290").map((call) => call.at);
    expect(at).toBeLessThan(16_000);
  });

  it("the lane drops a customer that is not watched", async () => {
    const world = await worldWith(1, { gone: onboarding() });
    await world.run();
    expect(await world.text("hot/gone")).toBeUndefined();
    expect(read(world)).toEqual(["c01"]);
  });

  it("the lane gets the customer of a number that got worse, for a day", async () => {
    const world = await worldWith(2, {});
    for (const customer of customers(2)) world.answers.set(customer, [item()]);
    await world.run();
    await world.minute();
    world.answers.set("c02", [item(NUMBER, { QualityRating: "RED" })]);
    await world.run();
    const { worseUntil } = JSON.parse((await world.text("hot/c02")) ?? "{}");
    expect(worseUntil).toBeGreaterThan(world.clock.now() + 86_000_000);
    expect(await world.text("hot/c01")).toBeUndefined();
    await world.minute();
    world.forget();
    await world.run();
    expect(read(world)).toEqual(["c02", "c01"]);
  });

  it("the lane does not get the customer of a number that got better", async () => {
    const world = await worldWith(1, {});
    await world.run();
    await world.minute();
    world.answers.set("c01", [item()]);
    expect(await world.run()).toMatchObject({ changed: 1 });
    expect(await world.text("hot/c01")).toBeUndefined();
  });

  it("an unreadable lane row costs no other customer the lane", async () => {
    const world = await worldWith(2, { c01: "not JSON", c02: onboarding() });
    expect(await world.run({ qps: 1 })).toMatchObject({ read: 2, failed: 0, laneRead: 1 });
    expect(read(world)).toEqual(["c02", "c01"]);
    expect(world.lines.join("\n")).toContain("priority lane row unreadable");
  });
});
