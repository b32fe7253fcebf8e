import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { AnyAppError } from "../../../shared/errors.ts";
import {
  UpstreamAccountError,
  UpstreamRejectedError,
  UpstreamTimeoutError,
} from "../../../shared/errors.ts";
import { createLog } from "../../../shared/log.ts";
import { newBackoffState } from "../../../shared/polling/backoff.ts";
import { createSyncRead } from "../../../shared/polling/sync-read.ts";
import type { CallLimiter, CallOptions } from "../../../shared/signing/upstream.ts";
import { createFakeUpstream } from "../../support/fake-upstream.ts";
import { connect, type Rig, startRig } from "../signing/client-rig.ts";

const SYNC = "ChatappSyncPhoneNumber";
const DENIED = new UpstreamAccountError({ action: SYNC, upstreamCode: "Ram.PermissionDeny" });
const TIMEOUT = new UpstreamTimeoutError({ action: SYNC });
const OPEN: CallLimiter = { acquire: async () => true, release: () => undefined };
const CALL: CallOptions = { deadlineAt: 50_000, limiter: OPEN };

function createScene() {
  const calls: string[] = [];
  const deadlines: number[] = [];
  const lines: { message: string; code: string }[] = [];
  const scene = {
    calls,
    deadlines,
    lines,
    nowMs: 1_000_000,
    monotonicMs: 0,
    /** What syncs fail with, until undefined. */
    failure: undefined as AnyAppError | undefined,
    isOpen: true,
    list: [] as unknown[] | undefined,
  };
  const read = createSyncRead(
    {
      upstream: createFakeUpstream(
        {
          query({ customer }) {
            calls.push(`query ${customer}`);
            return { RequestId: "QUERY" };
          },
          sync({ customer, deadlineAt }) {
            calls.push(`sync ${customer}`);
            deadlines.push(deadlineAt);
            return scene.failure ?? { RequestId: "SYNC", PhoneNumbers: scene.list };
          },
        },
        { clock: { monotonic: () => scene.monotonicMs, sleep: async () => {} } },
      ),
      now: () => scene.nowMs,
      monotonic: () => scene.monotonicMs,
      log: createLog({
        level: "info",
        now: () => scene.nowMs,
        write: (line) => void lines.push(JSON.parse(line)),
      }),
    },
    { limiter: { ...OPEN, acquire: async () => scene.isOpen }, backoff: newBackoffState() },
  );
  return Object.assign(scene, {
    async read(custSpaceId?: string) {
      calls.length = 0;
      return (await read({ custSpaceId }, CALL)).requestId;
    },
  });
}

describe("createSyncRead", () => {
  it("a sync without a list is followed by a query, as it is no read", async () => {
    const scene = createScene();
    scene.list = undefined;
    expect([await scene.read("a"), scene.calls]).toEqual(["QUERY", ["sync a", "query a"]]);
  });

  it("a sync read syncs a customer and queries the account itself", async () => {
    const scene = createScene();
    expect([await scene.read("a"), scene.calls]).toEqual(["SYNC", ["sync a"]]);
    expect([await scene.read(), scene.calls]).toEqual(["QUERY", ["query self"]]);
  });

  it("a sync gets ten seconds at most and never more than the call has", async () => {
    const scene = createScene();
    await scene.read("a");
    scene.monotonicMs = 45_000;
    await scene.read("a");
    expect(scene.deadlines).toEqual([10_000, 50_000]);
  });

  it.each([
    ["a timeout", TIMEOUT],
    ["a refusal", new UpstreamRejectedError({ action: SYNC, upstreamCode: "X" }, "request")],
  ])("a sync read queries after %s of the sync", async (_name, failure) => {
    const scene = createScene();
    scene.failure = failure;
    expect([await scene.read("a"), scene.calls]).toEqual(["QUERY", ["sync a", "query a"]]);
    expect(scene.lines).toEqual([]);
  });

  it("syncs pause for an hour, with one warning, when the account may not sync", async () => {
    const scene = createScene();
    scene.failure = DENIED;
    await Promise.all([scene.read("a"), scene.read("b")]);
    expect(scene.lines).toMatchObject([
      {
        level: "warn",
        message: "syncs pause: allow cams:ChatappSyncPhoneNumber",
        code: "ERR_UPSTREAM_ACCOUNT",
        facts: { upstreamCode: "Ram.PermissionDeny" },
        pauseMs: 3_600_000,
      },
    ]);
    scene.failure = undefined;
    scene.nowMs += 3_599_999;
    expect([await scene.read("a"), scene.calls]).toEqual(["QUERY", ["query a"]]);
    scene.nowMs += 1;
    expect(await scene.read("a")).toBe("SYNC");
  });

  it("syncs pause for five minutes after three failures in a row, not after two", async () => {
    const scene = createScene();
    for (const failure of [TIMEOUT, TIMEOUT, undefined, TIMEOUT, TIMEOUT]) {
      scene.failure = failure;
      await scene.read("a");
    }
    expect(scene.lines).toEqual([]);
    scene.failure = TIMEOUT;
    await scene.read("a");
    expect(scene.lines).toMatchObject([
      { message: "syncs pause after failures in a row", code: "ERR_UPSTREAM_TIMEOUT" },
    ]);
    scene.failure = undefined;
    scene.nowMs += 299_999;
    expect(await scene.read("a")).toBe("QUERY");
    scene.nowMs += 1;
    expect(await scene.read("a")).toBe("SYNC");
  });

  it("a refused sync, which concerns its customer alone, does not count as a failure in a row", async () => {
    const scene = createScene();
    scene.failure = new UpstreamRejectedError({ action: "Sync" }, "customer");
    for (let n = 0; n < 5; n += 1) expect(await scene.read("a")).toBe("QUERY");
    scene.failure = undefined;
    expect([await scene.read("b"), scene.lines]).toEqual(["SYNC", []]);
  });

  it("a sync that the rate limiter refused does not count as a failure in a row", async () => {
    const scene = createScene();
    scene.isOpen = false;
    for (let n = 0; n < 5; n += 1) {
      expect([await scene.read("a"), scene.calls]).toEqual(["QUERY", ["query a"]]);
    }
    scene.isOpen = true;
    expect(await scene.read("a")).toBe("SYNC");
    expect(scene.lines).toEqual([]);
  });

  it("a pause that a wrong clock made endless is over", async () => {
    const scene = createScene();
    scene.failure = DENIED;
    await scene.read("a");
    scene.failure = undefined;
    scene.nowMs -= 1;
    expect(await scene.read("a")).toBe("SYNC");
  });

  describe("against the sandbox", () => {
    let rig: Rig;
    beforeEach(async () => {
      rig = await startRig(connect);
    });
    afterEach(() => rig.close());

    it("a sync read shows what a stale copy hides, and each operation has its own limiter", async () => {
      const entered: string[] = [];
      const limiter = (name: string): CallLimiter => ({
        async acquire() {
          entered.push(name);
          return true;
        },
        release: (outcome) => void entered.push(outcome),
      });
      const lines: string[] = [];
      const read = createSyncRead(
        {
          upstream: rig.upstream,
          now: () => 0,
          monotonic: () => rig.clock.ms,
          log: createLog({ level: "info", now: () => 0, write: (line) => void lines.push(line) }),
        },
        { limiter: limiter("sync"), backoff: newBackoffState() },
      );
      const status = async () =>
        (await read({ custSpaceId: "cust-1" }, { deadlineAt: 60_000, limiter: limiter("query") }))
          .items?.[0]?.Status;
      rig.sandbox.control.lag("cust-1", true);
      rig.sandbox.control.connect("cust-1", "491700000001");
      expect(await status()).toBe("CONNECTED");
      expect(entered).toEqual(["sync", "answered"]);

      rig.sandbox.control.setNumber("cust-1", "491700000001", { Status: "BANNED" });
      rig.sandbox.control.fault({ kind: "code", code: "Ram.PermissionDeny", action: SYNC });
      expect(await status()).toBe("CONNECTED");
      expect(entered.slice(2)).toEqual(["sync", "answered", "query", "answered"]);
      expect(lines).toHaveLength(1);
    });
  });
});
