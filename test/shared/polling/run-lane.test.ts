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
  it("the lane is read before the sweep, onboarding first, each customer once", async () => {
    const world = await worldWith(6, { c05: worse(), c06: onboarding() });
    expect(await world.run({ qps: 1 })).toMatchObject({ read: 6, laneRead: 2, laneLeft: false });
    expect(read(world)).toEqual(["c06", "c05", "c01", "c02", "c03", "c04"]);
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

  it("the lane takes at most half of the calls and continues with the longest unread", async () => {
    const laneRow = Object.fromEntries(customers(99).map((customer) => [customer, onboarding()]));
    const world = await worldWith(99, laneRow);
    const settings = { runMs: 10_000 };
    const report = await world.run(settings);
    expect(report).toMatchObject({ laneRead: 40, laneLeft: true });
    expect(new Set(read(world).slice(0, 40))).toEqual(new Set(customers(40)));
    expect(report.read).toBeGreaterThan(70);

    world.forget();
    world.restart();
    await world.minute();
    await world.run(settings);
    expect(new Set(read(world).slice(0, 40))).toEqual(new Set(customers(80).slice(40)));
  });

  it("the lane is read in the order onboarding, worse, asked, whatever the customers' names", async () => {
    const asked = JSON.stringify({ schema: 1, onboarding: {}, askedUntil: T0 + 86_400_000 });
    const world = await worldWith(4, { c01: asked, c02: worse(), c03: onboarding() });
    expect(await world.run({ qps: 1 })).toMatchObject({ read: 4, laneRead: 3 });
    expect(read(world)).toEqual(["c03", "c02", "c01", "c04"]);
  });

  it("the lane leaves something for worse and asked when onboarding wants everything", async () => {
    const laneRow = Object.fromEntries(customers(60).map((customer) => [customer, onboarding()]));
    const asked = JSON.stringify({ schema: 1, onboarding: {}, askedUntil: T0 + 86_400_000 });
    const world = await worldWith(99, { ...laneRow, c98: worse(), c99: asked });
    const report = await world.run({ runMs: 10_000 });
    expect(report).toMatchObject({ laneRead: 40, laneLeft: true });
    const lane = read(world).slice(0, 40);
    expect(lane).toContain("c98");
    expect(lane).toContain("c99");
    expect(lane.filter((customer) => customer in laneRow)).toHaveLength(38);
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
