import { describe, expect, it } from "vitest";
import type { Progress } from "../../../shared/polling/lease.ts";
import { createCheckpoint } from "../../../shared/polling/progress.ts";
import { NEW_SCAN } from "../../../shared/schemas/watch-rows.ts";

const PROGRESS: Progress = {
  sweep: { cursor: "c/7", startedAt: 1, done: false },
  onboarding: NEW_SCAN,
  worse: NEW_SCAN,
  expiryCursor: "",
};

function createScene() {
  const scene = {
    ms: 0,
    saved: [] as Progress[],
    stops: 0,
    renew: async () => true,
  };
  const lease = {
    renew(progress: Progress) {
      scene.saved.push(progress);
      return scene.renew();
    },
  };
  const limiter = {
    stop() {
      scene.stops += 1;
    },
  };
  const checkpoint = createCheckpoint(
    lease,
    limiter,
    () => PROGRESS,
    () => scene.ms,
  );
  return Object.assign(scene, { checkpoint });
}

describe("createCheckpoint", () => {
  it("a checkpoint saves the progress every five seconds", async () => {
    const scene = createScene();
    for (const ms of [0, 4_999, 5_000, 9_999, 10_000]) {
      scene.ms = ms;
      await scene.checkpoint();
    }
    expect(scene.saved).toEqual([PROGRESS, PROGRESS]);
    expect(scene.stops).toBe(0);
  });

  it("a checkpoint is not made while one is under way", async () => {
    const scene = createScene();
    let finish: (isHeld: boolean) => void = () => undefined;
    scene.renew = () => new Promise<boolean>((resolve) => (finish = resolve));
    scene.ms = 5_000;
    const first = scene.checkpoint();
    scene.ms = 20_000;
    await scene.checkpoint();
    finish(true);
    await first;
    expect(scene.saved).toHaveLength(1);
  });

  it("a lease lost at the checkpoint stops the limiter", async () => {
    const scene = createScene();
    scene.renew = async () => false;
    scene.ms = 5_000;
    await scene.checkpoint();
    expect(scene.stops).toBe(1);
  });
});
