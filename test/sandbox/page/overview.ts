import type { status } from "../../../shared/commands/status.ts";
import type { AttemptResult } from "../../../shared/webhook/attempt.ts";
import type { PollRun, PollTimer } from "../poll-timer.ts";
import type { CallMeter } from "./call-meter.ts";
import type { Overview, UpstreamFault } from "./state.ts";

/** poll's answer to the command `status`. */
export type Status = Awaited<ReturnType<typeof status>>;

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
  /** At the user's own receiver. */
  readonly lastAttempt?: AttemptResult;
};

/** The state of the parties, from what each of them tells. */
export function toOverview(sources: OverviewSources): Overview {
  const { upstream, timer, intervalSeconds, status, statusAt, receiver } = sources;
  const { meter, ...facts } = upstream;
  return {
    upstream: { ...facts, ...meter },
    poll: {
      runningSince: timer.runningSince ?? null,
      nextAt: timer.nextAt ?? null,
      intervalSeconds,
      last: timer.last ? viewRun(timer.last) : null,
    },
    store: status
      ? {
          pending: status.pending,
          dead: status.dead,
          customers: status.watched,
          numbers: status.numbers,
          failing: status.failing,
          stale: status.stale,
          isPartial: status.atLeast.length > 0,
        }
      : null,
    freshSince: {
      lane: since(statusAt, status?.freshness?.onboarding, status?.freshness?.worse),
      sweep: since(statusAt, status?.freshness?.sweep),
    },
    breaker: status ? viewBreaker(status.receiver) : null,
    receiver,
    lastAttempt: sources.lastAttempt
      ? {
          isDelivered: sources.lastAttempt.kind === "delivered",
          text: describeResult(sources.lastAttempt),
        }
      : null,
  };
}

/** What became of a request to the receiver, and why. */
export function describeResult(result: AttemptResult): string {
  const { kind, status } = result;
  if (status !== undefined) return `${kind} (${status})`;
  const reason = "reason" in result ? result.reason : kind;
  return `failed: ${FAILURES[reason] ?? reason}`;
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
    return { endedAt, read: 0, changed: 0, failed: 0, delivered: 0, trouble };
  }
  const { report } = run;
  const count = (name: string) => (typeof report[name] === "number" ? report[name] : 0);
  return {
    endedAt,
    read: count("read"),
    changed: count("changed"),
    failed: count("failed"),
    delivered: count("delivered"),
    trouble: typeof report.stopped === "string" ? report.stopped : null,
  };
}

/** The earliest of them: what is said of a lane must hold for all of it. */
function since(at: number, ...ages: readonly (number | null | undefined)[]): number | null {
  const known = ages.filter((age) => typeof age === "number");
  return known.length === 0 ? null : at - Math.max(...known) * 1000;
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
