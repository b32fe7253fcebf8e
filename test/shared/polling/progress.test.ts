import { expect, it, onTestFinished } from "vitest";
import type { Progress } from "../../../shared/polling/lease.ts";
import { keepRenewing } from "../../../shared/polling/progress.ts";
import { createFakeClock } from "../../support/fake-clock.ts";

const PROGRESS: Progress = {
  sweep: { cursor: "c/7", startedAt: 1, done: false },
  expiryCursor: "",
};

function createScene(renew: () => Promise<boolean> = async () => true) {
  const clock = createFakeClock(0);
  const saved: { readonly at: number; readonly progress: Progress }[] = [];
  let stops = 0;
  const lease = {
    renew(progress: Progress) {
      saved.push({ at: clock.monotonic(), progress });
      return renew();
    },
  };
  const limiter = {
    stop() {
      stops += 1;
    },
  };
  const warnings: string[] = [];
  const log = { warn: (message: string) => void warnings.push(message) };
  const deps = { sleep: clock.sleep, log: log as never };
  const end = keepRenewing(lease, limiter, () => PROGRESS, deps);
  onTestFinished(() => end());
  return { clock, saved, stops: () => stops, warnings, end };
}

it("the lease is renewed every five seconds with the progress, while reads hang", async () => {
  const { clock, saved, stops } = createScene();
  await clock.advance(10_500);
  expect(saved).toEqual([
    { at: 5_000, progress: PROGRESS },
    { at: 10_000, progress: PROGRESS },
  ]);
  expect(stops()).toBe(0);
});

it("a lease lost at a renewal stops the limiter and the renewing", async () => {
  const { clock, saved, stops } = createScene(async () => false);
  await clock.advance(20_000);
  expect(stops()).toBe(1);
  expect(saved).toHaveLength(1);
});

it("a renewal that fails is tried again five seconds later", async () => {
  let isWell = false;
  const { clock, saved, stops, warnings } = createScene(async () => {
    if (isWell) return true;
    isWell = true;
    throw new Error("no store");
  });
  await clock.advance(10_500);
  expect(saved.map(({ at }) => at)).toEqual([5_000, 10_000]);
  expect(stops()).toBe(0);
  expect(warnings).toEqual(["lease could not be renewed"]);
});

it("no renewal begins once the renewing has ended", async () => {
  const { clock, saved, end } = createScene();
  await end();
  await clock.advance(20_000);
  expect(saved).toEqual([]);
});
