import type { UpstreamCall } from "../upstream-control.ts";

const WINDOW_MS = 10_000;

export type CallMeter = {
  note(call: Pick<UpstreamCall, "at" | "code">): void;
  /** `failed` are the calls that were neither answered with OK nor throttled. */
  read(now: number): {
    readonly calls: number;
    readonly throttled: number;
    readonly failed: number;
    /** Over the last ten seconds, to a tenth. */
    readonly perSecond: number;
  };
};

/** Counts the calls that reach the upstream, in constant space but for those of ten seconds. */
export function createCallMeter(): CallMeter {
  const counts = { calls: 0, throttled: 0, failed: 0 };
  const recent: number[] = [];
  return {
    note({ at, code }) {
      counts.calls += 1;
      if (code?.startsWith("Throttling")) counts.throttled += 1;
      else if (code !== "OK") counts.failed += 1;
      recent.push(at);
    },
    read(now) {
      while (recent[0] !== undefined && recent[0] <= now - WINDOW_MS) recent.shift();
      const perSecond = Math.round((recent.length * 10_000) / WINDOW_MS) / 10;
      return { ...counts, perSecond };
    },
  };
}
