import type { Freshness } from "../customers/freshness.ts";
import type { DispatcherReport } from "../outbox/dispatcher.ts";
import type { StopReason } from "./failure-judge.ts";

/** What the reads of a run came to. */
export type ReadCounts = {
  /** Customers with a reply. */
  read: number;
  /** Of those read, replies of which not all could be used. */
  partial: number;
  /** Events. */
  changed: number;
  failed: number;
  /** Customers that the upstream's limit kept from being read. */
  throttled: number;
  /** Replies dropped because another process wrote the row meanwhile. */
  conflicts: number;
  /** Changed numbers that wait because too many events of their customer are pending. */
  heldBack: number;
};

export type RunReport = Readonly<ReadCounts> & {
  /** Another run held the lease when this one began. */
  readonly leaseHeld: boolean;
  readonly stopped?: StopReason | "lease-lost" | undefined;
  readonly delivered: number;
  readonly failedAttempts: number;
  readonly deadLettered: number;
  readonly pending: number;
  /** There are more pending events than were counted. */
  readonly pendingAtLeast: boolean;
  readonly laneRead: number;
  readonly laneLeft: boolean;
  readonly sweepDone: boolean;
  /** Customers that a listing of customer spaces has newly put on the watch list. */
  readonly discovered: number;
  /** In seconds: every customer of the lane, or all of them, were read since, or failed. */
  readonly freshness: Freshness;
  readonly receiver: DispatcherReport["receiverState"];
  readonly durationMs: number;
};

export function noReads(): ReadCounts {
  return { read: 0, partial: 0, changed: 0, failed: 0, throttled: 0, conflicts: 0, heldBack: 0 };
}

/** The report of a run that found the lease held to its end, and only delivered. */
export function heldElsewhere(
  { delivered, failedAttempts, deadLettered, receiverState }: DispatcherReport,
  durationMs: number,
): RunReport {
  return {
    leaseHeld: true,
    ...noReads(),
    delivered,
    failedAttempts,
    deadLettered,
    pending: 0,
    pendingAtLeast: true,
    laneRead: 0,
    laneLeft: false,
    sweepDone: false,
    discovered: 0,
    freshness: { onboarding: null, worse: null, asked: null, sweep: null, sweptAt: null },
    receiver: receiverState,
    durationMs: Math.round(durationMs),
  };
}
