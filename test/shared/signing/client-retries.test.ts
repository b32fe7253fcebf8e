import { describe, expect, it } from "vitest";
import type { Upstream } from "../../../shared/signing/upstream.ts";
import { failureOf, shown, VARIANTS } from "./client-rig.ts";
import { IN_TIME, prepareClient } from "./client-setup.ts";

describe.each(VARIANTS)("%s", (_name, load) => {
  const start = prepareClient(load);

  describe("a read", () => {
    const query = (upstream: Upstream, more: object = {}) =>
      upstream.query({ custSpaceId: "cust-1" }, { ...IN_TIME, ...more });

    it("succeeds at the third try, after a longer wait", async () => {
      const { upstream, sandbox, sleeps } = await start();
      sandbox.control.fault({ kind: "html-502", count: 2 });

      expect((await query(upstream)).items).toHaveLength(1);
      expect(sandbox.control.calls()).toHaveLength(3);
      expect(sleeps).toEqual([250, 500]);
    });

    it("waits at least as long as the upstream's hint says", async () => {
      const { upstream, sandbox, sleeps } = await start();
      sandbox.control.fault({ kind: "throttle", retryAfterMs: 5000 });
      sandbox.control.fault({ kind: "throttle" });

      expect((await query(upstream)).items).toHaveLength(1);
      expect(sleeps).toEqual([5125, 2125]);
    });

    it("fails at once if the wait would end after the deadline", async () => {
      const { upstream, sandbox, sleeps } = await start();
      sandbox.control.fault({ kind: "throttle", retryAfterMs: 10_000 });

      const error = await failureOf(query(upstream, { deadlineAt: 10_000 }));

      expect(shown(error)).toMatchObject({ code: "ERR_UPSTREAM_THROTTLED", retryAfterMs: 10_000 });
      expect(sandbox.control.calls()).toHaveLength(1);
      expect(sleeps).toEqual([]);
    });

    const recordedLimiter = (grants: boolean[]) => {
      const events: string[] = [];
      const limiter = {
        async acquire() {
          const granted = grants.shift() ?? false;
          events.push(granted ? "acquire" : "turned away");
          return granted;
        },
        release: (outcome: string) => void events.push(outcome),
      };
      return { limiter, events };
    };

    it("acquires and releases the limiter for every try, and reports throttled tries", async () => {
      const { upstream, sandbox } = await start();
      sandbox.control.fault({ kind: "throttle" });
      sandbox.control.fault({ kind: "reset-before" });
      const { limiter, events } = recordedLimiter([true, true, true]);

      await query(upstream, { limiter });

      expect(events).toEqual([
        "acquire",
        "throttled",
        "acquire",
        "answered",
        "acquire",
        "answered",
      ]);
    });

    it("fails with the last failure if the limiter turns the next try away", async () => {
      const { upstream, sandbox } = await start();
      sandbox.control.fault({ kind: "array-body", count: 3 });
      const { limiter, events } = recordedLimiter([true, false]);

      const error = await failureOf(query(upstream, { limiter }));

      expect(shown(error)).toMatchObject({ code: "ERR_UPSTREAM_CONTRACT" });
      expect(sandbox.control.calls()).toHaveLength(1);
      expect(events).toEqual(["acquire", "answered", "turned away"]);
    });
  });
});
