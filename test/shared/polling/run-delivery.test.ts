import { describe, expect, it } from "vitest";
import { item, NUMBER } from "../../support/watch-builders.ts";
import { createWatchWorld, customers, type WatchWorld } from "../../support/watch-world.ts";

const DOWN = { kind: "failed", reason: "status", status: 503 } as const;
const REFUSED = { kind: "refused", status: 400 } as const;
const TAKEN = { kind: "delivered", status: 204 } as const;

/** Customers that were read a minute ago and whose number is banned now. */
async function bannedWorld(count: number): Promise<WatchWorld> {
  const world = createWatchWorld();
  await world.watch(customers(count));
  await world.run();
  await world.minute();
  world.forget();
  setStatus(world, count, "BANNED");
  return world;
}

function setStatus(world: WatchWorld, count: number, status: string): void {
  for (const customer of customers(count)) {
    world.answers.set(customer, [item(NUMBER, { Status: status })]);
  }
}

const sentIds = (world: WatchWorld) =>
  world.sent.map(({ event }) => event.id).filter((id) => id !== "evt_test");

describe("deliveries of a run", () => {
  it("a run delivers what it finds itself", async () => {
    const world = await bannedWorld(3);
    expect(await world.run()).toMatchObject({ changed: 3, delivered: 3, pending: 0 });
    expect(new Set(sentIds(world)).size).toBe(3);
  });

  it("a slow receiver never holds up the reads of a run", async () => {
    const world = await bannedWorld(30);
    world.receive = async () => {
      await world.clock.sleep(14_000);
      return TAKEN;
    };
    const began = world.clock.monotonic();
    await world.run();
    expect(world.calls).toHaveLength(30);
    expect(Math.max(...world.calls.map(({ at }) => at)) - began).toBeLessThan(5_000);
  });

  it("deliveries stop after a few failures of the receiver, which cost no event an attempt", async () => {
    const world = await bannedWorld(60);
    world.receive = () => DOWN;
    const report = await world.run();
    expect(report).toMatchObject({ delivered: 0, pending: 60, receiver: "open" });
    expect(world.sent.length).toBeGreaterThanOrEqual(5);
    expect(world.sent.length).toBeLessThanOrEqual(25);
    for (const customer of customers(60)) {
      expect((await world.row(customer)).pending[0]).not.toHaveProperty("refusals");
    }
    world.receive = () => TAKEN;
    world.forget();
    await world.minute();
    expect(await world.run()).toMatchObject({ delivered: 60, pending: 0, receiver: "closed" });
    expect(new Set(sentIds(world)).size).toBe(60);
  });

  it("deliveries after a failure of the receiver begin with one probe, in a new process too", async () => {
    const world = await bannedWorld(10);
    world.receive = () => DOWN;
    await world.run();
    world.forget();
    world.restart();
    await world.minute();
    await world.run();
    expect(world.sent).toHaveLength(1);
  });

  it("deliveries end at a 410 until an operator enables them", async () => {
    const world = await bannedWorld(1);
    world.receive = () => ({ kind: "gone", status: 410 });
    expect(await world.run()).toMatchObject({ pending: 1, receiver: "disabled" });
    world.receive = () => TAKEN;
    world.forget();
    for (let minute = 0; minute < 5; minute += 1) {
      await world.clock.advance(3_600_000);
      expect(await world.run()).toMatchObject({ read: 1, pending: 1, receiver: "disabled" });
    }
    expect(world.sent).toEqual([]);
  });

  it("deliveries wait as long as Retry-After says", async () => {
    const world = await bannedWorld(1);
    world.receive = () => ({ ...DOWN, status: 429, retryAfterMs: 150_000 });
    await world.run();
    world.receive = () => TAKEN;
    world.forget();
    for (let minute = 0; minute < 2; minute += 1) {
      await world.minute();
      expect(await world.run()).toMatchObject({ delivered: 0, pending: 1 });
    }
    await world.minute();
    expect(await world.run()).toMatchObject({ delivered: 1, pending: 0 });
  });

  it("a 400 counts as the receiver's failure while it refuses the test event as well", async () => {
    const world = await bannedWorld(1);
    world.receive = () => REFUSED;
    await world.run();
    expect(world.sent.map(({ event }) => event.id)).toContain("evt_test");
    expect((await world.row("c01")).pending[0]).not.toHaveProperty("refusals");
  });

  it("a 400 counts as the event's own fault while the receiver accepts the test event", async () => {
    const world = await bannedWorld(1);
    world.receive = ({ id }) => (id === "evt_test" ? TAKEN : REFUSED);
    const report = await world.run();
    expect(report).toMatchObject({ pending: 1, receiver: "closed" });
    const [pending] = (await world.row("c01")).pending;
    expect(pending?.refusals?.count).toBeGreaterThanOrEqual(1);
    expect(pending?.refusals?.count).toBeLessThanOrEqual(2);
  });

  it("an outage of the receiver changes neither the order nor the bytes of a customer's events", async () => {
    const world = await bannedWorld(1);
    world.receive = () => DOWN;
    await world.run();
    for (const status of ["CONNECTED", "FLAGGED"]) {
      setStatus(world, 1, status);
      await world.minute();
      await world.run();
    }
    const tried = world.sent.map(({ event }) => event.body);
    world.forget();
    world.receive = () => TAKEN;
    await world.clock.advance(3_600_000);
    await world.run();

    // After failures a probe comes first.
    expect(world.sent[0]?.event.id).toBe("evt_test");
    const events = world.sent.slice(1).map(({ event }) => JSON.parse(event.body));
    expect(events.map(({ data }) => data.current.status)).toEqual([
      "BANNED",
      "CONNECTED",
      "FLAGGED",
    ]);
    expect(events.map(({ sequence }) => sequence)).toEqual([
      "0001767225660040",
      "0001767225725060",
      "0001767225790060",
    ]);
    const probe = world.sent[0]?.event.body;
    expect(new Set(tried.filter((body) => body !== probe))).toEqual(
      new Set([world.sent[1]?.event.body]),
    );
  });

  it("a run delivers first what an earlier run left pending", async () => {
    const world = await bannedWorld(2);
    world.receive = () => DOWN;
    world.answers.delete("c01");
    await world.run();
    world.receive = () => TAKEN;
    setStatus(world, 2, "RESTRICTED");
    world.forget();
    world.restart();
    await world.minute();
    expect(await world.run()).toMatchObject({ changed: 2, delivered: 3 });
    const events = world.sent.map(({ event }) => JSON.parse(event.body));
    expect(events[0]).toMatchObject({ partitionkey: "c02", sequence: "0001767225660040" });
    expect(events.filter(({ partitionkey }) => partitionkey === "c02")).toHaveLength(2);
  });

  it("a run that has nothing to read delivers all the same", async () => {
    const world = await bannedWorld(1);
    world.receive = () => DOWN;
    await world.run();
    world.receive = () => TAKEN;
    world.forget();
    await world.clock.advance(20_000);
    expect(await world.run()).toMatchObject({ read: 0, delivered: 1 });
  });
});
