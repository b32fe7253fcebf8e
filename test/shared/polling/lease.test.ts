import { randomUUID } from "node:crypto";
import { describe, expect, it } from "vitest";
import { type Lease, type Progress, takeLease } from "../../../shared/polling/lease.ts";
import { createMemoryStore } from "../../../shared/store/memory.ts";
import type { Store } from "../../../shared/store/store.ts";
import { createFakeClock } from "../../support/fake-clock.ts";
import { T0 } from "../../support/watch-builders.ts";

const PROGRESS: Progress = {
  sweep: { cursor: "c/7", startedAt: T0, done: false },
  onboarding: { cursor: "hot/1", startedAt: T0 + 1, done: true },
  worse: { cursor: "", startedAt: T0 + 2, done: false },
  asked: { cursor: "hot/2", startedAt: T0 + 3, done: true },
  expiryCursor: "idem/x",
};

function createWorld(store?: Store) {
  const clock = createFakeClock(T0);
  const kept = store ?? createMemoryStore({ newVersion: randomUUID });
  const take = () =>
    takeLease({
      store: kept,
      now: clock.now,
      monotonic: clock.monotonic,
      newId: randomUUID,
    });
  return { clock, store: kept, take };
}

async function taken(lease: Promise<Lease | undefined>): Promise<Lease> {
  const found = await lease;
  if (!found) throw new Error("the lease should be free");
  return found;
}

describe("takeLease", () => {
  it("the lease is free at first, and then held against everyone", async () => {
    const { take } = createWorld();
    const lease = await taken(take());
    expect(lease.isHeld()).toBe(true);
    expect(lease.progress.sweep).toEqual({ cursor: "", startedAt: 0, done: true });
    expect(await take()).toBeUndefined();
  });

  it("the lease goes to one run when several ask at once", async () => {
    const { take } = createWorld();
    const leases = await Promise.all([take(), take(), take(), take()]);
    expect(leases.filter(Boolean)).toHaveLength(1);
  });

  it("the lease hands its progress to the next run when it is released", async () => {
    const { take } = createWorld();
    const first = await taken(take());
    await first.release(PROGRESS);
    expect(first.isHeld()).toBe(false);
    const second = await taken(take());
    expect(second.progress).toMatchObject(PROGRESS);
  });

  it("the lease is free 30 s after it expired at 90 s, and not before", async () => {
    const { clock, take } = createWorld();
    await taken(take());
    clock.jump(119_999);
    expect(await take()).toBeUndefined();
    clock.jump(1);
    expect(await take()).toBeDefined();
  });

  it("the lease is kept by renewals, which save progress for whoever takes over", async () => {
    const { clock, take } = createWorld();
    const lease = await taken(take());
    clock.jump(50_000);
    expect(await lease.renew(PROGRESS)).toBe(true);
    clock.jump(50_000);
    expect(lease.isHeld()).toBe(true);
    clock.jump(69_999);
    expect(await take()).toBeUndefined();
    clock.jump(1);
    expect((await taken(take())).progress).toMatchObject(PROGRESS);
  });

  it("the lease cannot be renewed or released by a run that lost it", async () => {
    const { clock, store, take } = createWorld();
    const old = await taken(take());
    clock.jump(120_000);
    const next = await taken(take());
    const row = await store.get("lease/poll");
    expect(await old.renew(PROGRESS)).toBe(false);
    expect(old.isHeld()).toBe(false);
    expect(await old.renew(PROGRESS)).toBe(false);
    await old.release(PROGRESS);
    expect(await store.get("lease/poll")).toEqual(row);
    expect(next.isHeld()).toBe(true);
  });

  it("the lease is not held by its run from 60 s after the last renewal, by both clocks", async () => {
    const { clock, take } = createWorld();
    const lease = await taken(take());
    clock.jump(59_999);
    expect(lease.isHeld()).toBe(true);
    clock.jump(1);
    expect(lease.isHeld()).toBe(false);
  });

  it("the lease ends by the wall clock alone, as a frozen instance may not see its monotonic clock move", async () => {
    const { clock, take } = createWorld();
    const lease = await taken(take());
    clock.shiftWall(60_000);
    expect(clock.monotonic()).toBe(0);
    expect(lease.isHeld()).toBe(false);
  });

  it("the lease ends by the monotonic clock alone, as the wall clock may be set back", async () => {
    const { clock, take } = createWorld();
    const lease = await taken(take());
    clock.jump(60_000);
    clock.shiftWall(-60_000);
    expect(clock.now()).toBe(T0);
    expect(lease.isHeld()).toBe(false);
  });

  it("the lease's 60 s count from before the write, however long that took", async () => {
    const world = createWorld();
    let isSlow = false;
    const slow: Store = {
      ...world.store,
      async put(...row) {
        const outcome = await world.store.put(...row);
        if (isSlow) world.clock.jump(10_000);
        return outcome;
      },
    };
    const lease = await taken(
      takeLease({
        store: slow,
        now: world.clock.now,
        monotonic: world.clock.monotonic,
        newId: () => "a",
      }),
    );
    isSlow = true;
    expect(await lease.renew(PROGRESS)).toBe(true);
    world.clock.jump(50_000);
    expect(lease.isHeld()).toBe(false);
  });

  it("the lease's row keeps fields that a later version has stored", async () => {
    const { store, take } = createWorld();
    await (await taken(take())).release(PROGRESS);
    const found = await store.get("lease/poll");
    const row = { ...JSON.parse(found?.value ?? ""), later: { kept: 1 } };
    await store.put("lease/poll", JSON.stringify(row), found?.version ?? "");
    await (await taken(take())).release(PROGRESS);
    const last = JSON.parse((await store.get("lease/poll"))?.value ?? "");
    expect(last).toEqual({ schema: 1, owner: "", until: 0, ...PROGRESS, later: { kept: 1 } });
  });
});
