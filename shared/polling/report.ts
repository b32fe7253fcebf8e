import type { Freshness } from "../customers/freshness.ts";
import type { DispatcherReport } from "../outbox/dispatcher.ts";

export type RunReport = {
  readonly leaseHeld: boolean;
  readonly read: number;
  /** Of those read, answers that could not be used whole. */
  readonly partial: number;
  readonly changed: number;
  readonly failed: number;
  readonly conflicts: number;
  readonly heldBack: number;
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
  readonly receiver: DispatcherReport["receiverState"] | "unknown";
  readonly stopped?: "account" | "outage" | "lease-lost";
  readonly durationMs: number;
};

/** The answer of a run that found the lease held. */
export function heldElsewhere(durationMs: number): RunReport {
  return {
    leaseHeld: true,
    read: 0,
    partial: 0,
    changed: 0,
    failed: 0,
    conflicts: 0,
    heldBack: 0,
    delivered: 0,
    failedAttempts: 0,
    deadLettered: 0,
    pending: 0,
    pendingAtLeast: true,
    laneRead: 0,
    laneLeft: false,
    sweepDone: false,
    discovered: 0,
    freshness: { onboarding: null, worse: null, asked: null, sweep: null, sweptAt: null },
    receiver: "unknown",
    durationMs: Math.round(durationMs),
  };
}
