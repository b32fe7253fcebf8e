import { describe, expect, it } from "vitest";
import { createPollTimer, type PollReport } from "./poll-timer.ts";

/** A timer with a clock that moves only in its sleeps, and with runs that the test ends. */
function rig(over: { readonly poll?: () => Promise<PollReport> } = {}) {
  let now = 0;
  let runs = 0;
  let changes = 0;
  const sleeps: number[] = [];
  const timer = createPollTimer({
    poll: () => {
      runs += 1;
      return over.poll?.() ?? Promise.resolve({ read: runs });
    },
    intervalMs: 5_000,
    readIntervalMs: 2_000,
    now: () => now,
    async sleep(ms, signal) {
      sleeps.push(ms);
      if (!signal.aborted) now += ms;
    },
    onChange: () => {
      changes += 1;
    },
  });
  return { timer, sleeps, runs: () => runs, changes: () => changes, now: () => now };
}

describe("poll's timer on this machine", () => {
  it("waits before a requested run until customers may be read again", async () => {
    const { timer, sleeps, now } = rig();
    expect(await timer.runNow()).toEqual({ startedAt: 0, endedAt: 0, report: { read: 1 } });
    expect(await timer.runNow()).toEqual({ startedAt: 2_000, endedAt: 2_000, report: { read: 2 } });
    expect(sleeps).toEqual([0, 2_000]);
    expect(now()).toBe(2_000);
  });

  it("gives everyone who requests a run during one that run", async () => {
    let end: (report: PollReport) => void = () => {};
    const held = new Promise<PollReport>((resolve) => {
      end = resolve;
    });
    const { timer, runs, changes } = rig({ poll: () => held });
    const both = [timer.runNow(), timer.runNow()];
    await new Promise((resolve) => setImmediate(resolve));
    expect(timer.state()).toEqual({ runningSince: 0, last: undefined, nextAt: undefined });
    end({ read: 7 });
    const [one, other] = await Promise.all(both);
    expect(one).toBe(other);
    expect(runs()).toBe(1);
    expect(changes()).toBe(2);
    expect(timer.state().last).toEqual({ startedAt: 0, endedAt: 0, report: { read: 7 } });
  });

  it("continues after a failed run and reports the failure", async () => {
    const failure = new Error("no store");
    const { timer } = rig({ poll: () => Promise.reject(failure) });
    expect(await timer.runNow()).toEqual({ startedAt: 0, endedAt: 0, error: failure });
    expect(await timer.runNow()).toEqual({ startedAt: 2_000, endedAt: 2_000, error: failure });
  });

  it("runs at each interval until stop, which waits for the run under way", async () => {
    const starts: number[] = [];
    const { timer, sleeps, now } = rig({
      poll: async () => {
        starts.push(now());
        if (starts.length === 3) void timer.stop();
        return {};
      },
    });
    timer.start();
    timer.start();
    await timer.stop();
    expect(starts.length).toBeLessThanOrEqual(3);
    const stopped = starts.length;
    await new Promise((resolve) => setImmediate(resolve));
    expect(starts.length).toBe(stopped);
    expect(timer.state().runningSince).toBeUndefined();
    expect(timer.state().nextAt).toBeUndefined();
    expect(sleeps[0]).toBe(0);
  });

  it("starts runs one interval apart", async () => {
    const starts: number[] = [];
    let done: () => void = () => {};
    const three = new Promise<void>((resolve) => {
      done = resolve;
    });
    const { timer, now } = rig({
      poll: async () => {
        starts.push(now());
        if (starts.length === 3) done();
        return {};
      },
    });
    timer.start();
    await three;
    await timer.stop();
    expect(starts.slice(0, 3)).toEqual([0, 5_000, 10_000]);
  });
});
