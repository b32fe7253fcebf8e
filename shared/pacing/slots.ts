/** A slot is free again this long after its answer. */
const REST_MS = 1_000;

/** A throttled answer leaves this share of the slots, at most once a second. */
const CUT_RATIO = 0.75;
const CUT_PAUSE_MS = 1_000;
/** So many slots a second come back. */
const RECOVERY_PER_SECOND = 0.5;
/** No call starts so soon after a throttled answer: what was full then is mostly still full. */
const HOLD_MS = 300;

/** An early minimum is too high to build on. */
const ANSWERS_BEFORE_LEAD = 100;
/** Less than the half of a round trip that comes after the counting (`createRoundTrips`). */
const LEAD_RATIO = 0.45;
/** With a lead, calls keep apart by this share of an even spacing. */
const SPACING_RATIO = 0.8;

/** What outlives the slots of one run. No time in it depends on a clock. */
export type Pace = {
  /** How long each slot in use still rests, in ms. */
  readonly restMs: number[];
  /** The slots that throttled answers have left. */
  readonly allowed: number;
  /** The shortest round trip in ms, and the mean of so many. Absent before the first. */
  readonly trips?: TripState | undefined;
};

type TripState = { readonly shortest: number; readonly mean: number; readonly count: number };

export type Slots = {
  /** How long until a call may start, in ms, or 0 for now. Call it again after a wait. */
  waitMs(now: number): number;
  /** Allowed only when `waitMs` is 0. */
  start(now: number): void;
  end(now: number, outcome: "answered" | "throttled"): void;
  /** What the next slots begin with. */
  pace(now: number): Pace;
};

/**
 * The decisions of the rate limiter. Pure: time comes in as an argument.
 *
 * There are `limit` slots, each free again one second after its answer. The upstream counts a call
 * between its sending and its answer, so no second there holds more than `limit` calls. No scheme
 * that assumes nothing about the network does better. It costs a round trip for each call. The lead
 * (`createRoundTrips`) wins a part of that back.
 *
 * @param limit calls per second, at least 1
 * @param now monotonic ms, as everywhere here
 * @param earlier of the slots before these, so that no second across the seam holds more either
 */
export function createSlots(limit: number, now: number, earlier?: Pace): Slots {
  const trips = createRoundTrips(earlier?.trips);
  /** When the calls under way started, oldest first. */
  const underWay: number[] = [];
  /** When the calls whose slots rest were answered, oldest first. */
  const resting = restingSince(now, earlier);
  let lastStart = Number.NEGATIVE_INFINITY;
  let allowed = Math.min(limit, Math.max(1, earlier?.allowed ?? limit));
  let allowedSince = now;
  let lastCut = Number.NEGATIVE_INFINITY;
  let heldUntil = Number.NEGATIVE_INFINITY;

  const allowedAt = (at: number) =>
    Math.min(limit, allowed + ((at - allowedSince) / 1_000) * RECOVERY_PER_SECOND);

  return {
    waitMs(at) {
      while (resting[0] !== undefined && resting[0] + REST_MS <= at) resting.shift();
      const lead = trips.leadMs();
      const stillResting = resting.filter((answeredAt) => answeredAt + REST_MS - lead > at);
      const spacing = lead > 0 ? (SPACING_RATIO * 1_000) / limit : 0;
      const apart = Math.max(lastStart + spacing, heldUntil) - at;
      const slots = Math.floor(allowedAt(at));
      const surplus = underWay.length + stillResting.length - slots;
      if (surplus < 0) return Math.max(0, apart);

      // If all are under way, an answer right now frees the first slot.
      const answeredAt = stillResting[surplus] ?? at;
      const free = Math.max(answeredAt + REST_MS - lead - at, apart);
      if (slots === limit) return free;
      const oneMore = ((slots + 1 - allowedAt(at)) / RECOVERY_PER_SECOND) * 1_000;
      return Math.min(free, Math.max(1, oneMore));
    },

    start(at) {
      underWay.push(at);
      lastStart = at;
    },

    end(at, outcome) {
      const startedAt = underWay.shift();
      if (startedAt === undefined) return;
      resting.push(at);
      trips.add(at - startedAt);
      if (outcome === "answered") return;
      trips.distrust();
      heldUntil = at + HOLD_MS;
      if (at - lastCut < CUT_PAUSE_MS) return;
      allowed = Math.max(1, allowedAt(at) * CUT_RATIO);
      allowedSince = at;
      lastCut = at;
    },

    pace(at) {
      const left = resting.map((answeredAt) => answeredAt + REST_MS - at).filter((ms) => ms > 0);
      return {
        // A call without an answer may still be counted upstream.
        restMs: [...left, ...underWay.map(() => REST_MS)],
        allowed: allowedAt(at),
        trips: trips.state(),
      };
    },
  };
}

/** When the calls of earlier slots were answered, oldest first. None rests longer than a second. */
function restingSince(now: number, earlier: Pace | undefined): number[] {
  const restMs = earlier?.restMs ?? [];
  return restMs.map((ms) => now - REST_MS + Math.min(ms, REST_MS)).sort((a, b) => a - b);
}

/** The pace after some ms in which no call was made. */
export function agePace(pace: Pace, ms: number): Pace {
  const restMs = pace.restMs.map((rest) => rest - ms).filter((rest) => rest > 0);
  return { ...pace, restMs, allowed: pace.allowed + (ms / 1_000) * RECOVERY_PER_SECOND };
}

/**
 * How much earlier than a second after its answer a slot may be used again.
 *
 * Two times add up to what is safe: from the last call's counting to its answer, and from sending
 * the next call to its counting. The server's work and the way back are at least half of a round
 * trip. So half of the shortest one is safe, even if the network gets faster this instant. The
 * shortest one of a run is kept for that run and the next.
 *
 * Each answer counts as that of the oldest call. When answers overtake each other, the shortest of
 * these times may be too long. But then they also scatter, and the lead shrinks by as much. At round
 * trips of 0 to 200 ms nothing is left of it.
 */
function createRoundTrips(earlier?: TripState) {
  let shortest = earlier?.shortest ?? Number.POSITIVE_INFINITY;
  let shortestHere = Number.POSITIVE_INFINITY;
  let count = 0;
  let mean = earlier?.mean ?? 0;
  let trusted = Math.min(earlier?.count ?? 0, ANSWERS_BEFORE_LEAD);

  return {
    add(ms: number): void {
      trusted = Math.min(trusted + 1, ANSWERS_BEFORE_LEAD);
      mean += (ms - mean) / trusted;
      shortest = Math.min(shortest, ms);
      shortestHere = Math.min(shortestHere, ms);
      count += 1;
    },

    /** A throttled answer: the lead has to be earned again. */
    distrust(): void {
      trusted = 0;
    },

    leadMs(): number {
      if (trusted < ANSWERS_BEFORE_LEAD) return 0;
      return LEAD_RATIO * Math.max(0, shortest - (mean - shortest));
    },

    state(): TripState | undefined {
      // With enough answers of its own, a run forgets those of the run before.
      const kept = count < ANSWERS_BEFORE_LEAD ? shortest : shortestHere;
      return Number.isFinite(kept) ? { shortest: kept, mean, count: trusted } : undefined;
    },
  };
}
