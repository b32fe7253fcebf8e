import type { PumpReport } from "../outbox/pump.ts";
import type { Pass } from "../schemas/watch-rows.ts";
import type { WalkProgress } from "./walks.ts";

export type TickReport = {
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
  readonly receiver: PumpReport["endpoint"] | "unknown";
  readonly stopped?: "account" | "outage" | "lease-lost";
  readonly durationMs: number;
};

export type Freshness = {
  readonly onboarding: number | null;
  readonly worse: number | null;
  readonly asked: number | null;
  readonly sweep: number | null;
  /** When the last whole sweep ended. */
  readonly sweptAt: string | null;
};

/** The answer of a tick that found the lease held. */
export function heldElsewhere(durationMs: number): TickReport {
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

/** How fresh the stored state is, from where the reading stands. */
export function toFreshness(
  { onboarding, worse, asked, sweep }: WalkProgress,
  now: number,
): Freshness {
  const seconds = ({ full }: Partial<Pass> = {}) =>
    full ? Math.max(0, Math.round((now - full.startedAt) / 1000)) : null;
  return {
    onboarding: seconds(onboarding),
    worse: seconds(worse),
    asked: seconds(asked),
    sweep: seconds(sweep),
    sweptAt: sweep.full ? new Date(sweep.full.endedAt).toISOString() : null,
  };
}
