import { describe, expect, it } from "vitest";
import { createScene, HOUR, ids, OPEN, page, T0 } from "./discovery-scene.ts";

describe("discover", () => {
  it("discover watches the customers of every page, as the environment's list would", async () => {
    const scene = createScene();
    scene.pages.set(1, page(ids(1, 100), 103));
    scene.pages.set(2, page(["s101", "s102", "s103", "s103"], 103));

    expect(await scene.run()).toBe(103);

    expect(await scene.customers()).toEqual(ids(1, 103));
    expect(JSON.parse((await scene.row("s103")) ?? "")).toEqual({
      schema: 1,
      seq: T0,
      numbers: {},
      pending: [],
    });
    expect(scene.pagesRead).toEqual([1, 2]);
    expect(scene.progress).toMatchObject({ startedAt: T0, done: true });
    expect(scene.lines).toEqual([]);
  });

  it("discover lists again an hour after the last listing began, and not sooner", async () => {
    const scene = createScene();
    scene.pages.set(1, page(["a"], 1));
    await scene.run();
    scene.pages.set(1, page(["a", "b"], 2));
    scene.nowMs = T0 + HOUR - 1;
    expect([await scene.run(), scene.pagesRead]).toEqual([0, []]);
    scene.nowMs = T0 + HOUR;
    expect([await scene.run(), scene.pagesRead]).toEqual([1, [1]]);
    expect(await scene.customers()).toEqual(["a", "b"]);
  });

  it("discover lists again although the last listing seems to begin in the future", async () => {
    const scene = createScene();
    await scene.run();
    scene.nowMs = T0 - 1;
    await scene.run();
    expect(scene.pagesRead).toEqual([1]);
    expect(scene.progress.startedAt).toBe(T0 - 1);
  });

  it("discover leaves known and removed customers exactly as they are", async () => {
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

    expect(await scene.run()).toBe(1);

    const after = (await scene.store.scan("c/", "", 10)).filter(({ key }) => key !== "c/new");
    expect(after).toEqual(before);
    expect(await scene.row("new")).toContain(`"seq":${T0}`);
  });

  it("discover leaves out instances of other channels, however the channel is spelled", async () => {
    const scene = createScene();
    scene.pages.set(1, [
      { CustSpaceId: "a", ChannelType: "WhatsApp" },
      { CustSpaceId: "b", ChannelType: "viber" },
      { CustSpaceId: "c" },
    ]);
    expect(await scene.run()).toBe(2);
    expect(await scene.customers()).toEqual(["a", "c"]);
  });

  describe("over several runs", () => {
    it("discover reads 40 pages in a run, and the next run continues", async () => {
      const scene = createScene();
      for (let n = 1; n <= 45; n += 1) scene.pages.set(n, page([`p${n}`], 45));
      expect(await scene.run()).toBe(40);
      expect(scene.progress).toEqual({ page: 41, seen: 40, tries: 0, startedAt: T0, done: false });
      scene.nowMs = T0 + 2 * HOUR;
      expect(await scene.run()).toBe(5);
      expect(scene.pagesRead).toEqual([41, 42, 43, 44, 45]);
      expect(scene.progress).toMatchObject({ startedAt: T0, done: true });
    });

    it("discover ends without a warning when the limiter ends, and begins no page after the deadline", async () => {
      const scene = createScene();
      const grants = [true, false];
      scene.limiter = { ...OPEN, acquire: async () => grants.shift() ?? false };
      scene.pages.set(1, page(["a"]));
      scene.pages.set(2, page(["b"]));
      expect(await scene.run()).toBe(1);
      expect(scene.progress).toEqual({ page: 2, seen: 1, tries: 0, startedAt: T0, done: false });
      scene.limiter = OPEN;
      scene.monotonicMs = 50_000;
      expect([await scene.run(), scene.pagesRead]).toEqual([0, []]);
      scene.monotonicMs = 0;
      expect([await scene.run(), scene.pagesRead]).toEqual([1, [2, 3]]);
      expect(scene.lines).toEqual([]);
    });
  });

  describe("the end", () => {
    it("a listing without a total ends with an empty page", async () => {
      const scene = createScene();
      scene.pages.set(1, page(["a"]));
      scene.pages.set(2, page(["b"]));
      await scene.run();
      expect(scene.pagesRead).toEqual([1, 2, 3]);
      expect(scene.progress.done).toBe(true);
    });

    it("a listing with pages smaller than requested does not end early", async () => {
      const scene = createScene();
      scene.pages.set(1, page(ids(1, 50), 120));
      scene.pages.set(2, page(ids(51, 100), 120));
      scene.pages.set(3, page(ids(101, 120), 120));
      expect(await scene.run()).toBe(120);
      expect(scene.pagesRead).toEqual([1, 2, 3]);
    });

    it("a listing may end with a page without a list", async () => {
      const scene = createScene();
      scene.pages.set(1, { TotalCount: 0 });
      expect(await scene.run()).toBe(0);
      expect(scene.progress.done).toBe(true);
      expect(scene.lines).toEqual([]);
    });

    it("a listing without an end is cut off with a warning", async () => {
      const scene = createScene();
      scene.pages.set(10_000, page(["a"]));
      scene.progress = { page: 10_000, seen: 5, tries: 0, startedAt: T0, done: false };
      await scene.run();
      expect(scene.pagesRead).toEqual([10_000]);
      expect(scene.progress.done).toBe(true);
      expect(scene.lines).toMatchObject([{ message: "listing of customer spaces has no end" }]);
    });
  });
});
