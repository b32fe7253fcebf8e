import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { StoreUnavailableError } from "../../../shared/errors.ts";
import { createLog } from "../../../shared/log.ts";
import {
  type DiscoverProgress,
  discoverProgressSchema,
  newDiscoverProgress,
} from "../../../shared/schemas/discovery.ts";
import type { Gate, ListInstancesReply, Upstream } from "../../../shared/signing/upstream.ts";
import { createMemoryStore } from "../../../shared/store/memory.ts";
import type { Store } from "../../../shared/store/store.ts";
import {
  UpstreamAccountError,
  UpstreamTimeoutError,
  UpstreamUnavailableError,
} from "../../../shared/upstream-errors.ts";
import { discover } from "../../../shared/watch/discover.ts";
import { connect, type Rig, startRig } from "../signing/client-rig.ts";

/** 2026-01-01T00:00:00Z */
const T0 = 1_767_225_600_000;
const HOUR = 3_600_000;
const OPEN: Gate = { enter: async () => true, leave: () => undefined };

type Page = ListInstancesReply | Error;

/** `s001`, `s002`, … */
const ids = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, n) => `s${String(from + n).padStart(3, "0")}`);
const page = (custSpaceIds: readonly string[], more: Partial<ListInstancesReply> = {}) => ({
  requestId: "REQ",
  instances: custSpaceIds.map((custSpaceId) => ({ custSpaceId })),
  total: undefined,
  malformed: 0,
  ...more,
});
const NO_LIST = page([], { instances: undefined });
const DENIED = new UpstreamAccountError({
  action: "ListInstance",
  upstreamCode: "Ram.PermissionDeny",
});
const DOWN = new UpstreamUnavailableError({ action: "ListInstance" }, false);

function createScene(given?: Pick<Upstream, "listInstances">) {
  let versions = 0;
  const store = createMemoryStore({
    newVersion() {
      versions += 1;
      return `v${versions}`;
    },
  });
  const lines: Record<string, unknown>[] = [];
  const asked: number[] = [];
  const pages = new Map<number, Page>();
  const upstream: Pick<Upstream, "listInstances"> = {
    async listInstances({ pageIndex }, call) {
      if (!(await call.gate?.enter())) throw new UpstreamTimeoutError({ action: "ListInstance" });
      asked.push(pageIndex);
      const answer = pages.get(pageIndex) ?? page([]);
      if (answer instanceof Error) throw answer;
      return answer;
    },
  };
  const scene = {
    store: store as Store,
    lines,
    asked,
    nowMs: T0,
    monotonicMs: 0,
    /** Answers by page; those that are not there are empty. */
    pages,
    progress: newDiscoverProgress(),
    gate: OPEN,
    upstream: given ?? upstream,
    /** One tick's share; gives how many customers were new. */
    async tick() {
      asked.length = 0;
      lines.length = 0;
      const log = createLog({
        level: "info",
        now: () => scene.nowMs,
        write: (line) => void lines.push(JSON.parse(line)),
      });
      const found = await discover(
        {
          store: scene.store,
          upstream: scene.upstream,
          now: () => scene.nowMs,
          monotonic: () => scene.monotonicMs,
          log,
        },
        { gate: scene.gate, deadlineAt: 50_000, progress: scene.progress },
      );
      // As it comes back out of the lease's row.
      const stored = JSON.parse(JSON.stringify(found.progress));
      scene.progress = discoverProgressSchema.parse(stored) as DiscoverProgress;
      return found.added;
    },
    async customers() {
      return (await store.scan("c/", "", 100_000)).map(({ key }) => key.slice(2));
    },
    row: async (customer: string) => (await store.get(`c/${customer}`))?.value,
  };
  return scene;
}

describe("discover", () => {
  it("watches the customers of every page, as an environment's list would", async () => {
    const scene = createScene();
    scene.pages.set(1, page(ids(1, 100), { total: 103 }));
    scene.pages.set(2, page(["s101", "s102", "s103", "s103"], { total: 103 }));

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
    scene.pages.set(1, page(["a"], { total: 1 }));
    await scene.tick();
    scene.pages.set(1, page(["a", "b"], { total: 2 }));
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
    scene.pages.set(1, page(["known", "off", "newer", "broken", "new"], { total: 5 }));

    expect(await scene.tick()).toBe(1);

    const after = (await scene.store.scan("c/", "", 10)).filter(({ key }) => key !== "c/new");
    expect(after).toEqual(before);
    expect(await scene.row("new")).toContain(`"seq":${T0}`);
  });

  it("leaves out instances of other channels, however the channel is spelt", async () => {
    const scene = createScene();
    const instances = [
      { custSpaceId: "a", channelType: "WhatsApp" },
      { custSpaceId: "b", channelType: "viber" },
      { custSpaceId: "c" },
    ];
    scene.pages.set(1, page([], { instances, total: 3 }));
    expect(await scene.tick()).toBe(2);
    expect(await scene.customers()).toEqual(["a", "c"]);
  });

  describe("over several ticks", () => {
    it("reads 40 pages in a tick and goes on from the next one", async () => {
      const scene = createScene();
      for (let n = 1; n <= 45; n += 1) scene.pages.set(n, page([`p${n}`], { total: 45 }));
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
      scene.gate = { ...OPEN, enter: async () => grants.shift() ?? false };
      scene.pages.set(1, page(["a"]));
      scene.pages.set(2, page(["b"]));
      expect(await scene.tick()).toBe(1);
      expect(scene.progress).toEqual({ page: 2, seen: 1, tries: 0, startedAt: T0, done: false });
      scene.gate = OPEN;
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
      scene.pages.set(1, page(ids(1, 50), { total: 120 }));
      scene.pages.set(2, page(ids(51, 100), { total: 120 }));
      scene.pages.set(3, page(ids(101, 120), { total: 120 }));
      expect(await scene.tick()).toBe(120);
      expect(scene.asked).toEqual([1, 2, 3]);
    });

    it("may hold no list when there is nothing left to list", async () => {
      const scene = createScene();
      scene.pages.set(1, { ...NO_LIST, total: 0 });
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

  describe("a page that fails", () => {
    it.each([
      ["by an error", DOWN, { code: "ERR_UPSTREAM_UNAVAILABLE", page: 2 }],
      ["without a list", NO_LIST, { page: 2, hasList: false, requestId: "REQ" }],
    ])("%s is logged and read again by the next tick", async (_name, failing, line) => {
      const scene = createScene();
      scene.pages.set(1, page(["a"]));
      scene.pages.set(2, failing);
      for (const asked of [[1, 2], [2], [2], [2]]) {
        await scene.tick();
        expect(scene.asked).toEqual(asked);
        expect(scene.lines).toMatchObject([{ level: "warn", ...line }]);
      }
      scene.pages.set(2, page(["b"]));
      expect([await scene.tick(), scene.asked]).toEqual([1, [2, 3]]);
      expect(await scene.customers()).toEqual(["a", "b"]);
    });

    it("does not keep a listing from beginning anew after an hour", async () => {
      const scene = createScene();
      scene.progress = { page: 9, seen: 800, tries: 60, startedAt: T0 - HOUR, done: false };
      scene.pages.set(1, page(["a"], { total: 1 }));
      expect([await scene.tick(), scene.asked]).toEqual([1, [1]]);
      expect(scene.progress).toEqual({ page: 2, seen: 1, tries: 0, startedAt: T0, done: true });
      scene.progress = { page: 9, seen: 800, tries: 60, startedAt: T0 - HOUR, done: false };
      scene.pages.set(1, DOWN);
      await scene.tick();
      expect(scene.progress).toEqual({ page: 1, seen: 0, tries: 1, startedAt: T0, done: false });
    });

    it("in some rows gives the others at once, and is passed at the third try", async () => {
      const scene = createScene();
      scene.pages.set(1, page(["a"], { malformed: 1, total: 3 }));
      scene.pages.set(2, page(["b"], { total: 3 }));
      for (const [asked, added] of [
        [[1], 1],
        [[1], 0],
        [[1, 2], 1],
      ] as const) {
        expect([await scene.tick(), scene.asked]).toEqual([added, asked]);
        expect(scene.lines).toMatchObject([{ level: "warn", page: 1, malformed: 1 }]);
      }
      expect(scene.progress.done).toBe(true);
    });
  });

  describe("an account that may not list", () => {
    it("costs one call and one warning an hour", async () => {
      const scene = createScene();
      scene.pages.set(1, DENIED);
      expect(await scene.tick()).toBe(0);
      expect(scene.lines).toMatchObject([
        {
          level: "warn",
          message: "customer spaces cannot be listed for an hour: allow cams:ListInstance",
          code: "ERR_UPSTREAM_ACCOUNT",
          facts: { upstreamCode: "Ram.PermissionDeny" },
        },
      ]);
      scene.nowMs = T0 + HOUR - 1;
      expect([await scene.tick(), scene.asked, scene.lines]).toEqual([0, [], []]);
      scene.nowMs = T0 + HOUR;
      await scene.tick();
      expect([scene.asked, scene.lines.length]).toEqual([[1], 1]);
      scene.pages.set(1, page(["a"], { total: 1 }));
      scene.nowMs = T0 + 2 * HOUR;
      expect(await scene.tick()).toBe(1);
    });

    it("is left alone for an hour from then on, wherever the listing stood", async () => {
      const scene = createScene();
      scene.progress = { page: 7, seen: 600, tries: 0, startedAt: T0 - 3 * HOUR, done: false };
      scene.pages.set(7, DENIED);
      await scene.tick();
      expect(scene.progress).toMatchObject({ startedAt: T0, done: true });
      expect([await scene.tick(), scene.asked]).toEqual([0, []]);
    });
  });

  it("throws the store's errors and foreign ones, and nothing of the upstream's", async () => {
    const scene = createScene();
    scene.pages.set(1, page(["a"], { total: 1 }));
    const { store } = scene;
    scene.store = { ...store, get: () => Promise.reject(new StoreUnavailableError("get")) };
    await expect(scene.tick()).rejects.toMatchObject({ code: "ERR_STORE" });
    scene.store = store;
    scene.pages.set(1, new TypeError("a mistake"));
    await expect(scene.tick()).rejects.toThrow(TypeError);
    scene.pages.set(1, page(["a"], { total: 1 }));
    expect(await scene.tick()).toBe(1);
  });

  describe("before the sandbox", () => {
    let rig: Rig;
    beforeEach(async () => {
      rig = await startRig(connect);
    });
    afterEach(() => rig.close());

    it("finds every customer of several pages, but neither other channels nor the account", async () => {
      for (const id of ids(1, 250)) rig.sandbox.control.addCustomer(id);
      const scene = createScene(rig.upstream);
      expect(await scene.tick()).toBe(251);
      expect(await scene.customers()).toEqual(["cust-1", ...ids(1, 250)]);
      expect(rig.sandbox.control.calls().map(({ action }) => action)).toEqual([
        "ListInstance",
        "ListInstance",
        "ListInstance",
      ]);
      rig.sandbox.control.addCustomer("late");
      scene.nowMs += HOUR;
      expect(await scene.tick()).toBe(1);
    });

    it("goes on after faults without losing or inventing a customer", async () => {
      const action = "ListInstance";
      for (const id of ids(1, 150)) rig.sandbox.control.addCustomer(id);
      const scene = createScene(rig.upstream);
      const faults = [
        { kind: "malformed-row" },
        { kind: "html-502", count: 3 },
        { kind: "array-body", count: 3 },
        { kind: "empty-body", count: 3 },
        { kind: "code", code: "InvalidParameter.X" },
        { kind: "code", code: "OK", status: 200 },
      ] as const;
      for (const fault of faults) {
        rig.sandbox.control.fault({ ...fault, action });
        await scene.tick();
        expect(scene.lines).toMatchObject([{ level: "warn" }]);
        expect(scene.progress).toMatchObject({ page: 1, done: false });
      }
      await scene.tick();
      expect(await scene.customers()).toEqual(["cust-1", ...ids(1, 150)]);
      expect(scene.progress.done).toBe(true);
    });
  });
});
