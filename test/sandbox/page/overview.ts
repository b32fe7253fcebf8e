import type { AttemptResult } from "../../../shared/webhook/attempt.ts";
import type { Status } from "../functions.ts";
import type { PollRun, PollTimer } from "../poll-timer.ts";
import type { CallMeter } from "./call-meter.ts";
import type { Overview, UpstreamFault } from "./state.ts";

export type OverviewSources = {
  readonly upstream: {
    readonly isSimulated: boolean;
    readonly fault: UpstreamFault;
    readonly meter: ReturnType<CallMeter["read"]>;
    readonly limit: number;
  };
  readonly timer: ReturnType<PollTimer["state"]>;
  readonly intervalSeconds: number;
  readonly status: Status | undefined;
  /** When the status was asked for: its ages count back from then. */
  readonly statusAt: number;
  readonly receiver: Overview["receiver"];
};

/** The state of the parties, from what each of them tells. */
export function toOverview(sources: OverviewSources): Overview {
  const { upstream, timer, intervalSeconds, status, statusAt, receiver } = sources;
  const { meter, ...facts } = upstream;
  const oldest = status?.oldestReadAgeSeconds;
  return {
    verdict: status?.verdict ?? null,
    upstream: { ...facts, ...meter },
    poll: {
      runningSince: timer.runningSince ?? null,
      nextAt: timer.nextAt ?? null,
      intervalSeconds,
      last: timer.last ? viewRun(timer.last) : null,
    },
    store: status
      ? {
          waiting: status.pending,
          dead: status.dead,
          customers: status.watched,
          numbers: status.numbers,
          failing: status.failing,
          stale: status.stale,
          isPartial: status.atLeast.length > 0,
        }
      : null,
    freshSince: typeof oldest === "number" ? statusAt - oldest * 1000 : null,
    breaker: status ? viewBreaker(status.receiver) : null,
    receiver,
  };
}

/** What became of a request to the receiver, and why. */
export function describeResult(result: AttemptResult): string {
  return result.status === undefined
    ? `failed: ${statusOf(result)}`
    : `${result.kind} (${result.status})`;
}

/** The status, or why there is none. */
export function statusOf(result: AttemptResult): string {
  if (result.status !== undefined) return String(result.status);
  return FAILURES[result.reason] ?? result.reason;
}

const FAILURES: Readonly<Record<string, string>> = {
  network: "no connection. Is it running?",
  timeout: "no response in time",
  target: "its address is not allowed",
};

function viewRun(run: PollRun): Overview["poll"]["last"] {
  const { endedAt } = run;
  if ("error" in run) {
    const { code } = (run.error ?? {}) as { readonly code?: unknown };
    const trouble = typeof code === "string" ? code : "failed; see what npm start prints";
    return { endedAt, read: 0, changed: 0, failed: 0, trouble };
  }
  const { report } = run;
  const count = (name: string) => (typeof report[name] === "number" ? report[name] : 0);
  return {
    endedAt,
    read: count("read"),
    changed: count("changed"),
    failed: count("failed"),
    trouble: typeof report.stopped === "string" ? report.stopped : null,
  };
}

function viewBreaker(receiver: Status["receiver"]): Overview["breaker"] {
  if ("unreadable" in receiver) return null;
  const { state, reason } = receiver;
  const probe = "nextProbeAt" in receiver ? receiver.nextProbeAt : undefined;
  return {
    state,
    nextProbeAt: probe === undefined ? null : Date.parse(probe),
    reason: reason ?? null,
  };
}
