import { createRateLimiter } from "../../shared/pacing/rate-limiter.ts";
import { agePace, type Pace } from "../../shared/pacing/slots.ts";
import { createRateLimit, type RatePolicy } from "../sandbox/cams-limit.ts";
import type { Random } from "../schedules/scheduler.ts";

/** Workers beside the slots, as a run of poll has them. */
const SPARE_WORKERS = 2;
const OPERATION = "QueryChatappPhoneNumbers";

export type PacingClock = {
  readonly monotonic: () => number;
  readonly sleep: (ms: number, signal?: AbortSignal) => Promise<void>;
};

/** One way through the network, in ms. */
export type Trip = { readonly out: number; readonly back: number };

export type PacingServer = {
  /** Whether a call that arrives now is let through. */
  take(): boolean;
};

/** Sends one call. Resolves to whether it was let through. */
export type Transport = (trip: Trip) => Promise<boolean>;

export type PacingRun = {
  /** Calls per second, of the server and of the limiter. */
  readonly limit: number;
  /** Of each limiter. */
  readonly seconds: number;
  /** Limiters one after the other, as runs of poll have them: each begins where the last ended. */
  readonly runs?: { readonly count: number; readonly everySeconds: number };
  readonly trip: (random: Random, now: number) => Trip;
  /** Calls per second of another caller at this time. It sends at random and never backs off. */
  readonly others?: (now: number) => number;
};

export type PacingResult = {
  /** Our part of the calls that the server let through, or would have, pauses of runs included. */
  readonly share: number;
  readonly accepted: number;
  readonly throttled: number;
  /** Throttled calls among all of ours. */
  readonly throttledShare: number;
  /** Of the other caller's calls, those that were throttled. */
  readonly othersThrottledShare: number;
  /** As the client saw it, ms: in real time more than the trips alone. */
  readonly roundTripMs: number;
  /** When each call of ours was counted or throttled, ms. */
  readonly counted: readonly number[];
};

/**
 * A server that knows nothing of the limiter: the sandbox's rate limit, whose windows begin at any
 * moment.
 */
export function createPacingServer(
  policy: RatePolicy,
  limit: number,
  random: Random,
  clock: Pick<PacingClock, "monotonic">,
): PacingServer {
  const rate = createRateLimit(limit, policy);
  const offset = random() * 1_000;
  return { take: () => rate.take(OPERATION, clock.monotonic() + offset) === undefined };
}

/** The network of a virtual run: nothing but delays. */
export function createVirtualTransport(server: PacingServer, clock: PacingClock): Transport {
  return async ({ out, back }) => {
    await clock.sleep(out);
    const isAccepted = server.take();
    await clock.sleep(back);
    return isAccepted;
  };
}

/**
 * Calls as often as the limiter allows until the time is up, in each run. What the other caller got
 * is not available, so the share is of the limit less that.
 */
export async function runPacing(
  run: PacingRun,
  server: PacingServer,
  transport: Transport,
  random: Random,
  clock: PacingClock,
): Promise<PacingResult> {
  const beganAt = clock.monotonic();
  const { count, everySeconds } = run.runs ?? { count: 1, everySeconds: 0 };
  const counts: Counts[] = [];
  let earlier: Pace | undefined;
  let endedAt = beganAt;
  for (let index = 0; index < count; index += 1) {
    const dueAt = beganAt + index * everySeconds * 1_000;
    await clock.sleep(Math.max(0, dueAt - clock.monotonic()));
    const kept = earlier && agePace(earlier, clock.monotonic() - endedAt);
    const { pace, ...result } = await runLimiter(run, kept, server, transport, random, clock);
    earlier = pace;
    endedAt = clock.monotonic();
    counts.push(result);
  }
  const sum = (of: (one: Counts) => number) => counts.reduce((total, one) => total + of(one), 0);
  const accepted = sum((one) => one.accepted);
  const throttled = sum((one) => one.throttled);
  const othersAccepted = sum((one) => one.othersAccepted);
  const othersThrottled = sum((one) => one.othersThrottled);
  const calls = Math.max(1, accepted + throttled);
  return {
    share: accepted / (run.limit * (everySeconds || run.seconds) * count - othersAccepted),
    accepted,
    throttled,
    throttledShare: throttled / calls,
    othersThrottledShare: othersThrottled / Math.max(1, othersAccepted + othersThrottled),
    roundTripMs: sum((one) => one.underWayMs) / calls,
    counted: counts.flatMap((one) => one.counted),
  };
}

type Counts = {
  readonly underWayMs: number;
  readonly accepted: number;
  readonly throttled: number;
  readonly othersAccepted: number;
  readonly othersThrottled: number;
  readonly counted: readonly number[];
};

async function runLimiter(
  run: PacingRun,
  earlier: Pace | undefined,
  server: PacingServer,
  transport: Transport,
  random: Random,
  clock: PacingClock,
): Promise<Counts & { readonly pace: Pace }> {
  const beganAt = clock.monotonic();
  const stopAt = beganAt + run.seconds * 1_000;
  const limiter = createRateLimiter({ limit: run.limit, stopAt, earlier }, clock);
  const counted: number[] = [];
  let underWayMs = 0;
  let accepted = 0;
  let throttled = 0;
  let othersAccepted = 0;
  let othersThrottled = 0;

  const work = async () => {
    while (await limiter.acquire()) {
      const trip = run.trip(random, clock.monotonic() - beganAt);
      const sentAt = clock.monotonic();
      const isAccepted = await transport(trip);
      limiter.release(isAccepted ? "answered" : "throttled");
      underWayMs += clock.monotonic() - sentAt;
      counted.push(sentAt + trip.out);
      if (isAccepted) accepted += 1;
      else throttled += 1;
    }
  };
  const disturb = async () => {
    while (clock.monotonic() < stopAt) {
      const rate = run.others?.(clock.monotonic() - beganAt) ?? 0;
      // The rate is looked up at least every 100 ms, which a Poisson process does not notice.
      const gap = rate > 0 ? (-Math.log(1 - random()) / rate) * 1_000 : Number.POSITIVE_INFINITY;
      await clock.sleep(Math.min(gap, 100));
      if (gap > 100 || clock.monotonic() >= stopAt) continue;
      if (server.take()) othersAccepted += 1;
      else othersThrottled += 1;
    }
  };
  const workers = Array.from({ length: run.limit + SPARE_WORKERS }, work);
  await Promise.all([...workers, ...(run.others ? [disturb()] : [])]);
  const pace = limiter.pace();
  return { underWayMs, accepted, throttled, othersAccepted, othersThrottled, counted, pace };
}
