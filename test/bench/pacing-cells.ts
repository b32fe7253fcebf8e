import type { RatePolicy } from "../sandbox/cams-limit.ts";
import type { Random } from "../schedules/scheduler.ts";
import type { PacingRun, Trip } from "./pacing-run.ts";

export const LIMIT = 10;
const POLICIES: readonly RatePolicy[] = ["fixed", "sliding", "bucket"];
/** The other caller's calls per second, one after the other, each for a minute. */
const OTHERS = [0, 2, 5, 8];
const SEAM_RUNS = { count: 10, everySeconds: 6 };

/**
 * Where the round trip is spent. `out`: all of it before the server counts, the worst case for a
 * limiter that counts from sending. `half`: half of it after the counting.
 */
export type Way = "out" | "half";
export const WAYS: readonly Way[] = ["out", "half"];

/**
 * One limiter alone, a new one for each run as poll has it, ten of them one right after the other, or
 * one beside another caller.
 */
export const SETTINGS = ["alone", "runs", "seams", "beside"] as const;
export type Setting = (typeof SETTINGS)[number];

export type Cell = {
  readonly policy: RatePolicy;
  readonly roundTrip: string;
  readonly setting: Setting;
  readonly roundTripMs: (random: Random) => number;
  /** Undefined for a cell that is only measured. */
  readonly required:
    | {
        /** At least. */
        readonly share: number;
        /** Of our calls, in the worst run: at most, or below it beside another caller. */
        readonly throttledShare: number;
      }
    | undefined;
};

const upTo = (most: number) => (random: Random) => random() * most;

const ROUND_TRIPS = [
  { roundTrip: "0-20 ms", roundTripMs: upTo(20), share: 0.98, ofMinute: 0.92 },
  { roundTrip: "0-200 ms", roundTripMs: upTo(200), share: 0.9, ofMinute: 0.85 },
  { roundTrip: "300 ms", roundTripMs: () => 300, share: 0.83, ofMinute: 0.78 },
] as const;

/** At the first of the round trips. */
const BESIDE_SHARES = { fixed: 0.9, bucket: 0.95, sliding: 0.75 } as const;

const cellsOf = (
  setting: Setting,
  requiredOf: (roundTrip: (typeof ROUND_TRIPS)[number], policy: RatePolicy) => Cell["required"],
): readonly Cell[] =>
  ROUND_TRIPS.flatMap((one) =>
    POLICIES.map((policy) => ({
      ...{ policy, roundTrip: one.roundTrip, roundTripMs: one.roundTripMs, setting },
      required: requiredOf(one, policy),
    })),
  );

const requiredAlone = ({ share }: { readonly share: number }) => ({ share, throttledShare: 0 });
/** Of whole minutes, in which a run works 57 s. */
const requiredOfMinutes = ({ ofMinute }: { readonly ofMinute: number }) => ({
  share: ofMinute,
  throttledShare: 0,
});

export const CELLS: readonly Cell[] = [
  ...cellsOf("alone", requiredAlone),
  ...cellsOf("runs", requiredOfMinutes),
  ...cellsOf("seams", ({ share }) => ({ share: share - 0.03, throttledShare: 0 })),
  ...cellsOf("beside", (one, policy) =>
    one === ROUND_TRIPS[0] ? { share: BESIDE_SHARES[policy], throttledShare: 0.06 } : undefined,
  ),
];

function tripOf(cell: Pick<Cell, "roundTripMs">, way: Way): (random: Random) => Trip {
  return (random) => {
    const whole = cell.roundTripMs(random);
    return way === "out" ? { out: whole, back: 0 } : { out: whole / 2, back: whole / 2 };
  };
}

/** How long each of the other caller's rates lasts. */
const PHASE_SECONDS = 60;
/** How long a run of poll reads, and how often there is one. */
export const RUN_SECONDS = 57;
export const RUN_EVERY_SECONDS = 60;

/** @param seconds of a limiter alone, or of all runs and the time between them */
export function planRun(
  cell: Pick<Cell, "setting" | "roundTripMs">,
  way: Way,
  seconds: number,
): PacingRun {
  const trip = tripOf(cell, way);
  switch (cell.setting) {
    case "alone":
      return { limit: LIMIT, seconds, trip };
    case "runs": {
      const count = Math.max(1, Math.floor(seconds / RUN_EVERY_SECONDS));
      const runs = { count, everySeconds: RUN_EVERY_SECONDS };
      return { limit: LIMIT, seconds: RUN_SECONDS, runs, trip };
    }
    case "seams":
      return { limit: LIMIT, seconds: SEAM_RUNS.everySeconds, runs: SEAM_RUNS, trip };
    case "beside": {
      const others = (now: number) => OTHERS[Math.floor(now / (PHASE_SECONDS * 1_000))] ?? 0;
      return { limit: LIMIT, seconds: OTHERS.length * PHASE_SECONDS, trip, others };
    }
  }
}
