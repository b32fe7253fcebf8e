import { randomUUID } from "node:crypto";
import { describe, expect, it } from "vitest";
import { createLog } from "../../../shared/log.ts";
import { type Lease, type Progress, takeLease } from "../../../shared/polling/lease.ts";
import { createMemoryStore } from "../../../shared/store/memory.ts";
import type { Store } from "../../../shared/store/store.ts";
import { createFakeClock } from "../../support/fake-clock.ts";
import { T0 } from "../../support/watch-builders.ts";

const PROGRESS: Progress = {
  sweep: { cursor: "c/7", startedAt: T0, done: false },
  expiryCursor: "idem/x",
};

const silentLog = createLog({ level: "error", now: () => T0, write: () => {} });

function createWorld(store?: Store) {
  const clock = createFakeClock(T0);
  const kept = store ?? createMemoryStore({ newVersion: randomUUID });
  const take = () =>
    takeLease({
      store: kept,
      now: clock.now,
      monotonic: clock.monotonic,
      newId: randomUUID,
      log: silentLog,
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

  it.each(["", "{", '{"schema":1}'])("an unreadable lease %j is replaced", async (value) => {
    const { store, take } = createWorld();
    await store.put("lease/poll", value, "absent");
    const lease = await taken(take());
    expect([lease.isHeld(), await take()]).toEqual([true, undefined]);
    await lease.release(lease.progress);
    expect(await take()).toBeDefined();
  });

  it("a lease of a newer version is left alone", async () => {
    const { store, take } = createWorld();
    await store.put("lease/poll", '{"schema":9}', "absent");
    await expect(take()).rejects.toMatchObject({ code: "ERR_STORE_ROW", reason: "newer-schema" });
    expect((await store.get("lease/poll"))?.value).toBe('{"schema":9}');
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

  it("the lease is free 25 s after its last renewal, and not before", async () => {
    const { clock, take } = createWorld();
    await taken(take());
    clock.jump(24_999);
    expect(await take()).toBeUndefined();
    clock.jump(1);
    expect(await take()).toBeDefined();
  });

  it("the lease is kept by renewals, which save progress for whoever takes over", async () => {
    const { clock, take } = createWorld();
    const lease = await taken(take());
    clock.jump(15_000);
    expect(await lease.renew(PROGRESS)).toBe(true);
    clock.jump(15_000);
    expect(lease.isHeld()).toBe(true);
    clock.jump(9_999);
    expect(await take()).toBeUndefined();
    clock.jump(1);
    expect((await taken(take())).progress).toMatchObject(PROGRESS);
  });

  it("the lease cannot be renewed or released by a run that lost it", async () => {
    const { clock, store, take } = createWorld();
    const old = await taken(take());
    clock.jump(25_000);
    const next = await taken(take());
    const row = await store.get("lease/poll");
    expect(await old.renew(PROGRESS)).toBe(false);
    expect(old.isHeld()).toBe(false);
    expect(old.isLost()).toBe(true);
    expect(await old.renew(PROGRESS)).toBe(false);
    await old.release(PROGRESS);
    expect(await store.get("lease/poll")).toEqual(row);
    expect(next.isHeld()).toBe(true);
  });

  it("the lease is not held by its run from 20 s after the last renewal, by both clocks", async () => {
    const { clock, take } = createWorld();
    const lease = await taken(take());
    clock.jump(19_999);
    expect(lease.isHeld()).toBe(true);
    clock.jump(1);
    expect(lease.isHeld()).toBe(false);
  });

  it("the lease ends by the wall clock alone, as a frozen instance may not see its monotonic clock move", async () => {
    const { clock, take } = createWorld();
    const lease = await taken(take());
    clock.shiftWall(20_000);
    expect(clock.monotonic()).toBe(0);
    expect(lease.isHeld()).toBe(false);
  });

  it("the lease ends by the monotonic clock alone, as the wall clock may be set back", async () => {
    const { clock, take } = createWorld();
    const lease = await taken(take());
    clock.jump(20_000);
    clock.shiftWall(-20_000);
    expect(clock.now()).toBe(T0);
    expect(lease.isHeld()).toBe(false);
  });

  it("the lease's 20 s count from before the write, however long that took", async () => {
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
        log: silentLog,
      }),
    );
    isSlow = true;
    expect(await lease.renew(PROGRESS)).toBe(true);
    world.clock.jump(10_000);
    expect(lease.isHeld()).toBe(false);
  });

  it("a lease of a clock a second ahead is held, and one of a clock a year ahead is free", async () => {
    const { store, take } = createWorld();
    const put = async (until: number) => {
      const version = (await store.get("lease/poll"))?.version ?? "absent";
      const row = { schema: 1, ...PROGRESS, owner: "other", until };
      await store.put("lease/poll", JSON.stringify(row), version);
    };
    await put(T0 + 26_000);
    expect(await take()).toBeUndefined();
    await put(T0 + 60_001);
    expect(await take()).toBeDefined();
  });

  it("the lease is renewed after a write whose answer was lost", async () => {
    const { store, take } = createWorld();
    let isLosing = false;
    const put = store.put;
    store.put = async (...row) => {
      const outcome = await put(...row);
      if (isLosing) throw new Error("the answer is lost");
      return outcome;
    };
    const lease = await taken(take());
    isLosing = true;
    await expect(lease.renew(PROGRESS)).rejects.toThrow();
    isLosing = false;
    expect(await lease.renew(PROGRESS)).toBe(true);
    expect(lease.isHeld()).toBe(true);
  });

  it("an owner whose run ended without a release gives the lease to its own process", async () => {
    const { store, clock } = createWorld();
    const deps = {
      store,
      now: clock.now,
      monotonic: clock.monotonic,
      newId: randomUUID,
      log: silentLog,
    };
    const lease = await taken(takeLease(deps));
    expect(await takeLease(deps, "another")).toBeUndefined();
    expect(await takeLease(deps, lease.owner)).toBeDefined();
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
