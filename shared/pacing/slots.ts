/** A slot is free again this long after its answer. */
const REST_MS = 1_000;

/** On throttling the slots drop to this share of themselves, at most once a second… */
const CUT = 0.75;
const CUT_PAUSE_MS = 1_000;
/** …and so many a second are won back. */
const RECOVERY_PER_SECOND = 0.5;
/** No call starts so soon after a throttled answer: what was full then is mostly still full. */
const HOLD_MS = 300;

/** An early minimum is too high to build on. */
const ANSWERS_BEFORE_LEAD = 100;
/** Less than the half of a round trip that comes after the counting, see `createRoundTrips`. */
const LEAD_SHARE = 0.45;
/** With a lead, calls keep apart by this share of an even spacing. */
const SPACING_SHARE = 0.8;

export type Slots = {
  /** How long until a call may start, in ms; 0 for now. Ask again after a wait. */
  waitMs(now: number): number;
  /** Only when `waitMs` is 0. */
  start(now: number): void;
  end(now: number, outcome: "answered" | "throttled"): void;
};

/**
 * The decisions of the rate limiter, without time or waiting of their own.
 *
 * `limit` slots, each free again one second after its answer: a call is counted upstream no earlier
 * than it is sent and no later than its answer, so no second there can hold more than `limit`. No
 * scheme that assumes nothing about the network can do better. What it costs is the round trip, and
 * of that the lead below wins a part back.
 *
 * @param limit calls per second, at least 1
 * @param now monotonic ms, as everywhere here
 */
export function createSlots(limit: number, now: number): Slots {
  const trips = createRoundTrips();
  /** When the calls under way started, and when those that rest were answered: oldest first. */
  const underWay: number[] = [];
  const resting: number[] = [];
  let lastStart = Number.NEGATIVE_INFINITY;
  let allowed = limit;
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
      const spacing = lead > 0 ? (SPACING_SHARE * 1_000) / limit : 0;
      const apart = Math.max(lastStart + spacing, heldUntil) - at;
      const slots = Math.floor(allowedAt(at));
      const surplus = underWay.length + stillResting.length - slots;
      if (surplus < 0) return Math.max(0, apart);

      // All under way: an answer that comes right now frees its slot no earlier.
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
      allowed = Math.max(1, allowedAt(at) * CUT);
      allowedSince = at;
      lastCut = at;
    },
  };
}

/**
 * How much earlier than a second after its answer a slot may be used again. A slot is safe when the
 * time from the last call's counting to its answer, plus that from sending the next to its counting,
 * is at least the lead. The server's work and the way back make at least half of a round trip, so
 * half of the shortest one is safe by the last call alone, even if the network got faster this
 * instant. The shortest of all is kept as long as the rate limiter lives: a run is too short to forget it.
 *
 * Calls are not told apart: each answer is taken for that of the oldest call. When answers overtake
 * each other the shortest of these times may be too long, but then they also scatter, and by as much
 * as they scatter the lead is shortened; at 0-200 ms nothing is left of it.
 */
function createRoundTrips() {
  let shortest = Number.POSITIVE_INFINITY;
  let mean = 0;
  let trusted = 0;

  return {
    add(ms: number): void {
      trusted = Math.min(trusted + 1, ANSWERS_BEFORE_LEAD);
      mean += (ms - mean) / trusted;
      shortest = Math.min(shortest, ms);
    },

    /** A throttled answer: the lead has to be earned anew. */
    distrust(): void {
      trusted = 0;
    },

    leadMs(): number {
      if (trusted < ANSWERS_BEFORE_LEAD) return 0;
      return LEAD_SHARE * Math.max(0, shortest - (mean - shortest));
    },
  };
}
