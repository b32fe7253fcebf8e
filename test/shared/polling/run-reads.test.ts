import { describe, expect, it } from "vitest";
import { gist, item, T0 } from "../../support/watch-builders.ts";
import { createWatchWorld, customers, type WatchWorld } from "../../support/watch-world.ts";

async function worldOf(count: number): Promise<WatchWorld> {
  const world = createWatchWorld();
  await world.watch(customers(count));
  return world;
}

const read = (world: WatchWorld) => world.calls.map(({ customer }) => customer);

describe("reads of a run", () => {
  it("a run of ten customers costs ten reads, and the next minute ten more", async () => {
    const world = await worldOf(10);
    const first = await world.run();
    expect(first).toMatchObject({
      leaseHeld: false,
      read: 10,
      changed: 0,
      failed: 0,
      delivered: 0,
      pending: 0,
      sweepDone: true,
    });
    expect(read(world).sort()).toEqual(customers(10));
    await world.minute();
    expect(await world.run()).toMatchObject({ read: 10 });
    expect(world.calls).toHaveLength(20);
  });

  it("a run ends when nothing is due any more", async () => {
    const world = await worldOf(10);
    const { durationMs } = await world.run();
    expect(durationMs).toBeLessThan(2_500);
  });

  it("a run reads no customer that was read within the interval", async () => {
    const world = await worldOf(10);
    await world.run();
    await world.clock.advance(40_000);
    expect(await world.run()).toMatchObject({ read: 0, sweepDone: true });
    expect(world.calls).toHaveLength(10);
  });

  it("a run waits for what is nearly due and leaves a whole interval between two reads", async () => {
    const world = await worldOf(3);
    await world.run();
    await world.clock.advance(55_000);
    expect(await world.run()).toMatchObject({ read: 3 });
    for (const customer of customers(3)) {
      const times = world.calls.filter((call) => call.customer === customer).map(({ at }) => at);
      expect((times[1] ?? 0) - (times[0] ?? 0)).toBeGreaterThanOrEqual(60_000);
    }
  });

  it("a run leaves a whole interval between two reads after a slower sweep", async () => {
    const world = await worldOf(5);
    const first = await world.run({ qps: 1 });
    await world.clock.advance(60_000 - first.durationMs);
    expect(await world.run()).toMatchObject({ read: 5 });
    for (const customer of customers(5)) {
      const times = world.calls.filter((call) => call.customer === customer).map(({ at }) => at);
      expect((times[1] ?? 0) - (times[0] ?? 0)).toBeGreaterThanOrEqual(60_000);
    }
  });

  it("a run does not wait for the end of a long interval", async () => {
    const world = await worldOf(3);
    const daily = { pollIntervalMs: 86_400_000 };
    await world.run(daily);
    await world.clock.advance(86_400_000 - 30_000);
    const { read: reads, durationMs } = await world.run(daily);
    expect(reads).toBe(0);
    expect(durationMs).toBeLessThan(10_000);
  });

  it("a run does not wait past its own end", async () => {
    const world = await worldOf(3);
    await world.run();
    await world.clock.advance(56_000);
    const { durationMs } = await world.run({ runMs: 1_000 });
    expect(durationMs).toBeLessThanOrEqual(1_000);
  });

  it("a run keeps the interval in a new process too", async () => {
    const world = await worldOf(10);
    await world.run();
    world.restart();
    await world.clock.advance(30_000);
    expect(await world.run()).toMatchObject({ read: 0 });
  });

  it("a run writes nothing for unchanged customers", async () => {
    const world = await worldOf(10);
    await world.run();
    await world.minute();
    world.forget();
    await world.run();
    expect(world.calls).toHaveLength(10);
    expect(world.writes).toEqual(["lease/poll", "lease/poll"]);
  });

  it("a run starts no call after its working time, and every call ends 65 s after its beginning", async () => {
    const world = await worldOf(600);
    world.latencyMs = 100;
    const began = world.clock.monotonic();
    const report = await world.run();
    expect(report.read).toBeGreaterThan(300);
    expect(report.read).toBeLessThan(410);
    expect(report.sweepDone).toBe(false);
    const last = Math.max(...world.calls.map(({ at }) => at));
    expect(last).toBeLessThan(began + 50_000);
    expect(last).toBeGreaterThan(began + 45_000);
    expect(new Set(world.calls.map(({ deadlineAt }) => deadlineAt))).toEqual(
      new Set([began + 65_000]),
    );
  });

  it("a run works no longer than its settings say", async () => {
    const world = await worldOf(100);
    const { durationMs } = await world.run({ runMs: 3_000 });
    expect(Math.max(...world.calls.map(({ at }) => at))).toBeLessThan(3_000);
    expect(durationMs).toBeLessThan(3_100);
  });

  it("a run continues where the last one stopped, and reads each customer once", async () => {
    const world = await worldOf(600);
    await world.run();
    const stopped = world.calls.length;
    await world.clock.advance(10_000);
    world.restart();
    await world.run();
    const sweep = read(world).slice(0, 600);
    expect(stopped).toBeLessThan(600);
    expect(new Set(sweep).size).toBe(600);
  });

  it("a run that ends a sweep begins the next one if it is due", async () => {
    const world = await worldOf(500);
    const first = await world.run();
    await world.clock.advance(60_000 - first.durationMs);
    const second = await world.run();
    expect(first.read).toBeLessThan(500);
    expect(first.read + second.read).toBeGreaterThan(600);
    const perCustomer = new Map<string, number[]>();
    for (const { customer, at } of world.calls) {
      perCustomer.set(customer, [...(perCustomer.get(customer) ?? []), at]);
    }
    for (const [earlier = 0, later = Number.POSITIVE_INFINITY] of perCustomer.values()) {
      expect(later - earlier).toBeGreaterThanOrEqual(60_000);
    }
  });

  it("a run that dies halfway leaves a cursor that skips no customer", async () => {
    const world = await worldOf(300);
    world.onStore = () => {
      if (world.calls.length >= 150) throw new Error("the process is gone");
    };
    await expect(world.run()).rejects.toThrow("the process is gone");
    world.onStore = () => undefined;
    const died = world.calls.length;
    world.restart();
    await world.clock.advance(121_000);
    await world.run();
    // The cursor is saved every five seconds: at most those 40 or so reads are made again.
    expect(new Set(read(world).slice(0, died + 150 + 60)).size).toBe(300);
  });

  it("a run that finds the lease held reads from when it is free, what is due by then", async () => {
    const world = await worldOf(10);
    const first = world.begin();
    const second = world.begin();
    const [one, other] = await world.clock.run(Promise.all([first, second]));
    expect([one.leaseHeld, other.leaseHeld].sort()).toEqual([false, true]);
    const held = one.leaseHeld ? one : other;
    expect(held).toMatchObject({ read: 0, changed: 0, failed: 0, delivered: 0, pending: 0 });
    expect(held.durationMs).toBe(2_000);
    expect(world.calls).toHaveLength(10);
  });

  it("a run takes over within 30 s of a kill, also one that is under way", async () => {
    const world = await worldOf(300);
    let isDead = false;
    world.onStore = () => (isDead ? new Promise<void>(() => undefined) : undefined);
    void world.begin();
    await world.clock.advance(15_000);
    isDead = true;
    await world.clock.advance(10_000);
    isDead = false;
    world.restart();
    world.forget();
    const killedAt = world.clock.monotonic() - 10_000;
    expect(await world.run()).toMatchObject({ leaseHeld: true, stopped: undefined });
    expect((world.calls[0]?.at ?? 0) - killedAt).toBeLessThan(30_000);
    expect(world.calls.length).toBeGreaterThan(100);
  });

  it("a run that finds the lease held to its end delivers what is due", async () => {
    const world = await worldOf(1);
    await world.run();
    world.answers.set("c01", [item(undefined, { Status: "BANNED" })]);
    world.receive = () => ({ kind: "failed", reason: "network" });
    await world.minute();
    await world.run();
    world.receive = () => ({ kind: "delivered", status: 204 });
    const version = (await world.store.get("lease/poll"))?.version ?? "absent";
    const row = JSON.parse((await world.text("lease/poll")) ?? "{}");
    const until = world.clock.now() + 58_000;
    await world.store.put("lease/poll", JSON.stringify({ ...row, owner: "other", until }), version);
    expect(await world.run()).toMatchObject({ leaseHeld: true, read: 0, delivered: 1 });
  });

  it("a run continues after a freeze once it has renewed its lease", async () => {
    const world = await worldOf(200);
    let calls = 0;
    for (const customer of customers(200)) {
      world.answers.set(customer, () => {
        calls += 1;
        if (calls === 50) world.clock.shiftWall(61_000);
        return [item()];
      });
    }
    // By the wall clock the first ones are due again.
    expect(await world.run()).toMatchObject({ stopped: undefined, failed: 0, read: 256 });
    const [at = 0] = world.calls.slice(60).map((call) => call.at);
    expect(at).toBeGreaterThan(10_000);
  });

  it("a run frozen for a minute makes no further call if another took its lease", async () => {
    const world = await worldOf(200);
    let calls = 0;
    const freeze = async () => {
      calls += 1;
      if (calls === 50) {
        world.clock.shiftWall(61_000);
        const found = await world.store.get("lease/poll");
        const row = { ...JSON.parse(found?.value ?? "{}"), owner: "other" };
        await world.store.put("lease/poll", JSON.stringify(row), found?.version ?? "absent");
      }
      return [item()];
    };
    for (const customer of customers(200)) world.answers.set(customer, freeze);
    expect(await world.run()).toMatchObject({ stopped: "lease-lost", failed: 0 });
    expect(calls).toBeLessThan(70);
  });

  it("a run that lost its lease to another makes no call after its next checkpoint", async () => {
    const world = await worldOf(400);
    const ended = world.begin();
    const lease = async () => JSON.parse((await world.text("lease/poll")) ?? "{}");
    await world.clock.advance(12_000);
    const found = await world.store.get("lease/poll");
    const takenOver = JSON.stringify({ ...(await lease()), owner: "another run" });
    await world.store.put("lease/poll", takenOver, found?.version ?? "");
    const lostAt = world.clock.monotonic();

    expect(await world.clock.run(ended)).toMatchObject({ stopped: "lease-lost", failed: 0 });
    expect(Math.max(...world.calls.map(({ at }) => at)) - lostAt).toBeLessThan(5_000);
    expect(await lease()).toMatchObject({ owner: "another run" });
  });

  it("a run puts the environment's customers on the watch list and reads them", async () => {
    const world = createWatchWorld();
    expect(await world.run({ watch: ["self", "acme"] })).toMatchObject({ read: 2 });
    expect(read(world).sort()).toEqual(["acme", "self"]);
    expect(await world.row("acme")).toMatchObject({ schema: 2, seq: T0 });
  });

  it("a run reads no customer that was removed", async () => {
    const world = createWatchWorld();
    await world.watch(["gone"], { removedAt: new Date(T0).toISOString() });
    expect(await world.run({ watch: ["gone"] })).toMatchObject({ read: 0, failed: 0 });
    expect(world.calls).toEqual([]);
  });

  it("a run does not read the row of the account's own events", async () => {
    const world = await worldOf(1);
    await world.watch(["~account"]);
    await world.run();
    expect(read(world)).toEqual(["c01"]);
  });
});

describe("a read whose row another process writes meanwhile", () => {
  const interfere = (world: WatchWorld, times: number) => {
    let left = times;
    world.answers.set("c01", async () => {
      if (left > 0) {
        left -= 1;
        const found = await world.store.get("c/c01");
        const row = { ...JSON.parse(found?.value ?? ""), note: left };
        await world.store.put("c/c01", JSON.stringify(row), found?.version ?? "");
      }
      return [item("49151", { Status: "BANNED" })];
    });
  };

  it("a conflicting read is dropped and made once more", async () => {
    const world = await worldOf(1);
    world.answers.set("c01", [item("49151")]);
    await world.run();
    await world.minute();
    interfere(world, 1);
    world.forget();
    expect(await world.run()).toMatchObject({ read: 1, changed: 1, conflicts: 0, failed: 0 });
    expect(world.calls).toHaveLength(2);
    expect(await world.row("c01")).toMatchObject({ note: 0 });
    expect(world.sent).toHaveLength(1);
  });

  it("a read that conflicts twice is left to the next sweep, which sends the change once", async () => {
    const world = await worldOf(1);
    world.answers.set("c01", [item("49151")]);
    await world.run();
    await world.minute();
    interfere(world, 2);
    world.forget();
    const droppedAt = world.clock.now();
    expect(await world.run()).toMatchObject({ changed: 0, conflicts: 1, failed: 0 });
    expect(world.calls).toHaveLength(2);
    expect(await world.row("c01")).toMatchObject({
      numbers: { "49151": { fields: { status: "CONNECTED" } } },
    });
    await world.minute();
    expect(await world.run()).toMatchObject({ changed: 1, conflicts: 0 });
    const [{ event } = { event: { id: "", body: "null" } }] = world.sent;
    expect(gist({ ...event, seq: 0, type: "x.changed" })).toBe(
      "changed 49151 status:CONNECTED>BANNED",
    );
    // The dropped replies showed the new value, so the window must include them.
    const { previousObservedAt } = JSON.parse(event.body).data;
    expect(Date.parse(previousObservedAt)).toBeLessThan(droppedAt);
  });
});
