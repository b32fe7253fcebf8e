import { describe, expect, it } from "vitest";
import {
  StoreUnavailableError,
  UpstreamAccountError,
  UpstreamUnavailableError,
} from "../../../shared/errors.ts";
import { NO_LIST } from "../../support/fake-upstream.ts";
import { createScene, HOUR, page, T0 } from "./discovery-scene.ts";

const DENIED = new UpstreamAccountError({
  action: "ListInstance",
  upstreamCode: "Ram.PermissionDeny",
});
const DOWN = new UpstreamUnavailableError({ action: "ListInstance" }, false);

describe("discover", () => {
  describe("pages that fail", () => {
    it.each([
      ["by an error", DOWN, { code: "ERR_UPSTREAM_UNAVAILABLE", page: 2 }],
      ["without a list", NO_LIST, { page: 2, hasList: false, requestId: "REQ" }],
    ])(
      "a page that fails %s is logged and read again by the next run",
      async (_name, failing, line) => {
        const scene = createScene();
        scene.pages.set(1, page(["a"]));
        scene.pages.set(2, failing);
        for (const pagesRead of [[1, 2], [2], [2], [2]]) {
          await scene.run();
          expect(scene.pagesRead).toEqual(pagesRead);
          expect(scene.lines).toMatchObject([{ level: "warn", ...line }]);
        }
        scene.pages.set(2, page(["b"]));
        expect([await scene.run(), scene.pagesRead]).toEqual([1, [2, 3]]);
        expect(await scene.customers()).toEqual(["a", "b"]);
      },
    );

    it("a listing that is stuck starts over after an hour", async () => {
      const scene = createScene();
      scene.progress = { page: 9, seen: 800, tries: 60, startedAt: T0 - HOUR, done: false };
      scene.pages.set(1, page(["a"], 1));
      expect([await scene.run(), scene.pagesRead]).toEqual([1, [1]]);
      expect(scene.progress).toEqual({ page: 2, seen: 1, tries: 0, startedAt: T0, done: true });
      scene.progress = { page: 9, seen: 800, tries: 60, startedAt: T0 - HOUR, done: false };
      scene.pages.set(1, DOWN);
      await scene.run();
      expect(scene.progress).toEqual({ page: 1, seen: 0, tries: 1, startedAt: T0, done: false });
    });

    it("a page with malformed rows gives the others at once and is done at the third try", async () => {
      const scene = createScene();
      scene.pages.set(1, { Data: [...page(["a"]).Data, 42], TotalCount: 3 });
      scene.pages.set(2, page(["b"], 3));
      for (const [pagesRead, added] of [
        [[1], 1],
        [[1], 0],
        [[1, 2], 1],
      ] as const) {
        expect([await scene.run(), scene.pagesRead]).toEqual([added, pagesRead]);
        expect(scene.lines).toMatchObject([{ level: "warn", page: 1, malformed: 1 }]);
      }
      expect(scene.progress.done).toBe(true);
    });
  });

  describe("an account that may not list", () => {
    it("an account that may not list costs one call and one warning an hour", async () => {
      const scene = createScene();
      scene.pages.set(1, DENIED);
      expect(await scene.run()).toBe(0);
      expect(scene.lines).toMatchObject([
        {
          level: "warn",
          message: "customer spaces cannot be listed for an hour: allow cams:ListInstance",
          code: "ERR_UPSTREAM_ACCOUNT",
          facts: { upstreamCode: "Ram.PermissionDeny" },
        },
      ]);
      scene.nowMs = T0 + HOUR - 1;
      expect([await scene.run(), scene.pagesRead, scene.lines]).toEqual([0, [], []]);
      scene.nowMs = T0 + HOUR;
      await scene.run();
      expect([scene.pagesRead, scene.lines.length]).toEqual([[1], 1]);
      scene.pages.set(1, page(["a"], 1));
      scene.nowMs = T0 + 2 * HOUR;
      expect(await scene.run()).toBe(1);
    });

    it("an account that may not list is left alone for an hour, wherever the listing stood", async () => {
      const scene = createScene();
      scene.progress = { page: 7, seen: 600, tries: 0, startedAt: T0 - 3 * HOUR, done: false };
      scene.pages.set(7, DENIED);
      await scene.run();
      expect(scene.progress).toMatchObject({ startedAt: T0, done: true });
      expect([await scene.run(), scene.pagesRead]).toEqual([0, []]);
    });
  });

  it("discover throws the store's errors and foreign ones, and none of the upstream's", async () => {
    const scene = createScene();
    scene.pages.set(1, page(["a"], 1));
    const { store } = scene;
    scene.store = { ...store, get: () => Promise.reject(new StoreUnavailableError("get")) };
    await expect(scene.run()).rejects.toMatchObject({ code: "ERR_STORE" });
    scene.store = store;
    scene.pages.set(1, new TypeError("a mistake"));
    await expect(scene.run()).rejects.toThrow(TypeError);
    scene.pages.set(1, page(["a"], 1));
    expect(await scene.run()).toBe(1);
  });
});
