import type { UpstreamCall } from "../upstream-control.ts";

const RATE_MS = 10_000;
/** A failure is shown for as long: a count that only grows says nothing of now. */
const FAULT_MS = 60_000;

const MOST = 2_000;

export type CallMeter = {
  note(call: Pick<UpstreamCall, "at" | "code">): void;
  /**
   * `perSecond` over the last ten seconds, to a tenth. The others over the last minute; `failed` are
   * the calls that were neither answered with OK nor throttled.
   */
  read(now: number): {
    readonly throttled: number;
    readonly failed: number;
    readonly perSecond: number;
  };
};

/** Counts the calls that reach the upstream, in the space that those of a minute take. */
export function createCallMeter(): CallMeter {
  let calls: number[] = [];
  let throttled: number[] = [];
  let failed: number[] = [];
  return {
    note({ at, code }) {
      // Nobody may be looking for days.
      if (calls.length >= MOST) calls = calls.slice(-MOST / 2);
      calls.push(at);
      if (code?.startsWith("Throttling")) throttled.push(at);
      else if (code !== "OK") failed.push(at);
    },
    read(now) {
      const since = (times: readonly number[], ms: number) => times.filter((at) => at > now - ms);
      calls = since(calls, RATE_MS);
      throttled = since(throttled, FAULT_MS);
      failed = since(failed, FAULT_MS);
      const perSecond = Math.round((calls.length * 10_000) / RATE_MS) / 10;
      return { throttled: throttled.length, failed: failed.length, perSecond };
    },
  };
}
