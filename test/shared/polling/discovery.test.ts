import { describe, expect, it } from "vitest";
import { createScene, HOUR, ids, OPEN, page, T0 } from "./discovery-scene.ts";

describe("discover", () => {
  it("watches the customers of every page, as an environment's list would", async () => {
    const scene = createScene();
    scene.pages.set(1, page(ids(1, 100), 103));
    scene.pages.set(2, page(["s101", "s102", "s103", "s103"], 103));

    expect(await scene.tick()).toBe(103);

    expect(await scene.customers()).toEqual(ids(1, 103));
    expect(JSON.parse((await scene.row("s103")) ?? "")).toEqual({
      schema: 1,
      seq: T0,
      numbers: {},
      pending: [],
    });
    expect(scene.asked).toEqual([1, 2]);
    expect(scene.progress).toMatchObject({ startedAt: T0, done: true });
    expect(scene.lines).toEqual([]);
  });

  it("lists again when an hour has passed since it began, and not sooner", async () => {
    const scene = createScene();
    scene.pages.set(1, page(["a"], 1));
    await scene.tick();
    scene.pages.set(1, page(["a", "b"], 2));
    scene.nowMs = T0 + HOUR - 1;
    expect([await scene.tick(), scene.asked]).toEqual([0, []]);
    scene.nowMs = T0 + HOUR;
    expect([await scene.tick(), scene.asked]).toEqual([1, [1]]);
    expect(await scene.customers()).toEqual(["a", "b"]);
  });

  it("is not held up by a listing that began in the future", async () => {
    const scene = createScene();
    await scene.tick();
    scene.nowMs = T0 - 1;
    await scene.tick();
    expect(scene.asked).toEqual([1]);
    expect(scene.progress.startedAt).toBe(T0 - 1);
  });

  it("leaves known customers and those that were taken off exactly as they are", async () => {
    const scene = createScene();
    const rows = {
      "c/known": '{"schema":1,"seq":5,"numbers":{},"pending":[]}',
      "c/off": '{"schema":1,"seq":6,"numbers":{},"pending":[],"removedAt":"2025-12-31T00:00:00Z"}',
      "c/newer": '{"schema":2}',
      "c/broken": "not json",
    };
    for (const [key, value] of Object.entries(rows)) await scene.store.put(key, value, "absent");
    const before = await scene.store.scan("c/", "", 10);
    scene.pages.set(1, page(["known", "off", "newer", "broken", "new"], 5));

    expect(await scene.tick()).toBe(1);

    const after = (await scene.store.scan("c/", "", 10)).filter(({ key }) => key !== "c/new");
    expect(after).toEqual(before);
    expect(await scene.row("new")).toContain(`"seq":${T0}`);
  });

  it("leaves out instances of other channels, however the channel is spelt", async () => {
    const scene = createScene();
    scene.pages.set(1, [
      { CustSpaceId: "a", ChannelType: "WhatsApp" },
      { CustSpaceId: "b", ChannelType: "viber" },
      { CustSpaceId: "c" },
    ]);
    expect(await scene.tick()).toBe(2);
    expect(await scene.customers()).toEqual(["a", "c"]);
  });

  describe("over several ticks", () => {
    it("reads 40 pages in a tick and goes on from the next one", async () => {
      const scene = createScene();
      for (let n = 1; n <= 45; n += 1) scene.pages.set(n, page([`p${n}`], 45));
      expect(await scene.tick()).toBe(40);
      expect(scene.progress).toEqual({ page: 41, seen: 40, tries: 0, startedAt: T0, done: false });
      scene.nowMs = T0 + 2 * HOUR;
      expect(await scene.tick()).toBe(5);
      expect(scene.asked).toEqual([41, 42, 43, 44, 45]);
      expect(scene.progress).toMatchObject({ startedAt: T0, done: true });
    });

    it("ends without a word when the pace ends, and begins no page after the deadline", async () => {
      const scene = createScene();
      const grants = [true, false];
      scene.limiter = { ...OPEN, acquire: async () => grants.shift() ?? false };
      scene.pages.set(1, page(["a"]));
      scene.pages.set(2, page(["b"]));
      expect(await scene.tick()).toBe(1);
      expect(scene.progress).toEqual({ page: 2, seen: 1, tries: 0, startedAt: T0, done: false });
      scene.limiter = OPEN;
      scene.monotonicMs = 50_000;
      expect([await scene.tick(), scene.asked]).toEqual([0, []]);
      scene.monotonicMs = 0;
      expect([await scene.tick(), scene.asked]).toEqual([1, [2, 3]]);
      expect(scene.lines).toEqual([]);
    });
  });

  describe("the end", () => {
    it("is an empty page when the upstream does not say how many there are", async () => {
      const scene = createScene();
      scene.pages.set(1, page(["a"]));
      scene.pages.set(2, page(["b"]));
      await scene.tick();
      expect(scene.asked).toEqual([1, 2, 3]);
      expect(scene.progress.done).toBe(true);
    });

    it("does not come early when pages are smaller than asked for", async () => {
      const scene = createScene();
      scene.pages.set(1, page(ids(1, 50), 120));
      scene.pages.set(2, page(ids(51, 100), 120));
      scene.pages.set(3, page(ids(101, 120), 120));
      expect(await scene.tick()).toBe(120);
      expect(scene.asked).toEqual([1, 2, 3]);
    });

    it("may hold no list when there is nothing left to list", async () => {
      const scene = createScene();
      scene.pages.set(1, { TotalCount: 0 });
      expect(await scene.tick()).toBe(0);
      expect(scene.progress.done).toBe(true);
      expect(scene.lines).toEqual([]);
    });

    it("is forced when an upstream would go on for ever", async () => {
      const scene = createScene();
      scene.pages.set(10_000, page(["a"]));
      scene.progress = { page: 10_000, seen: 5, tries: 0, startedAt: T0, done: false };
      await scene.tick();
      expect(scene.asked).toEqual([10_000]);
      expect(scene.progress.done).toBe(true);
      expect(scene.lines).toMatchObject([{ message: "listing of customer spaces has no end" }]);
    });
  });
});
