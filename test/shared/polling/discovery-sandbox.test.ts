import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { connect, type Rig, startRig } from "../signing/client-rig.ts";
import { createScene, HOUR, ids } from "./discovery-scene.ts";

describe("discover", () => {
  describe("against the sandbox", () => {
    let rig: Rig;
    beforeEach(async () => {
      rig = await startRig(connect);
    });
    afterEach(() => rig.close());

    it("discover finds every customer of several pages, but neither other channels nor the account", async () => {
      for (const id of ids(1, 250)) rig.sandbox.control.addCustomer(id);
      const scene = createScene(rig.upstream);
      expect(await scene.run()).toBe(251);
      expect(await scene.customers()).toEqual(["cust-1", ...ids(1, 250)]);
      expect(rig.sandbox.control.calls().map(({ action }) => action)).toEqual([
        "ListInstance",
        "ListInstance",
        "ListInstance",
      ]);
      rig.sandbox.control.addCustomer("late");
      scene.nowMs += HOUR;
      expect(await scene.run()).toBe(1);
    });

    it("discover continues after faults without losing or inventing a customer", async () => {
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
        await scene.run();
        expect(scene.lines).toMatchObject([{ level: "warn" }]);
        expect(scene.progress).toMatchObject({ page: 1, done: false });
      }
      await scene.run();
      expect(await scene.customers()).toEqual(["cust-1", ...ids(1, 150)]);
      expect(scene.progress.done).toBe(true);
    });
  });
});
