import type { RatePolicy } from "../sandbox/cams-limit.ts";
import type { Random } from "../schedules/scheduler.ts";
import type { Trip } from "./pacing-run.ts";

export const LIMIT = 10;
const POLICIES: readonly RatePolicy[] = ["fixed", "sliding", "bucket"];
/** The other caller's calls per second, one after the other for as long. */
const OTHERS = [0, 2, 5, 8];

/**
 * Where the round trip is spent: `out` all before the server counts, the worst case for whoever
 * paces by sending; `half` as much after it.
 */
export type Way = "out" | "half";
export const WAYS: readonly Way[] = ["out", "half"];

export type Cell = {
  readonly policy: RatePolicy;
  readonly roundTrip: string;
  readonly beside: boolean;
  readonly roundTripMs: (random: Random) => number;
  readonly required: {
    /** At least. */
    readonly share: number;
    /** Of our calls, in the worst run: at most, or below it where there is another caller. */
    readonly throttledShare: number;
  };
};

const upTo = (most: number) => (random: Random) => random() * most;

const ROUND_TRIPS = [
  { roundTrip: "0-20 ms", roundTripMs: upTo(20), share: 0.98 },
  { roundTrip: "0-200 ms", roundTripMs: upTo(200), share: 0.9 },
  { roundTrip: "300 ms", roundTripMs: () => 300, share: 0.83 },
] as const;

const BESIDE_SHARES = { fixed: 0.9, bucket: 0.95, sliding: 0.75 } as const;

export const CELLS: readonly Cell[] = [
  ...ROUND_TRIPS.flatMap(({ roundTrip, roundTripMs, share }) =>
    POLICIES.map((policy) => ({
      ...{ policy, roundTrip, roundTripMs, beside: false },
      required: { share, throttledShare: 0 },
    })),
  ),
  ...POLICIES.map((policy) => ({
    ...{ policy, roundTrip: "0-20 ms", roundTripMs: upTo(20), beside: true },
    required: { share: BESIDE_SHARES[policy], throttledShare: 0.06 },
  })),
];

export function tripOf(cell: Pick<Cell, "roundTripMs">, way: Way): (random: Random) => Trip {
  return (random) => {
    const whole = cell.roundTripMs(random);
    return way === "out" ? { out: whole, back: 0 } : { out: whole / 2, back: whole / 2 };
  };
}

/** The other caller's rate at a time of a run in which each of its rates lasts as long. */
export function othersAt(phaseSeconds: number): (now: number) => number {
  return (now) => OTHERS[Math.floor(now / (phaseSeconds * 1_000))] ?? 0;
}

export const othersSeconds = (phaseSeconds: number) => OTHERS.length * phaseSeconds;
