import { createPace } from "../../shared/watch/pace.ts";
import { createRateLimit, type RatePolicy } from "../sandbox/cams-limit.ts";
import type { Random } from "../schedules/scheduler.ts";

/** Workers beside the slots, as a tick has them. */
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

/** Sends one call; answers whether it was let through. */
export type Transport = (trip: Trip) => Promise<boolean>;

export type PacingRun = {
  /** Calls per second, of the server and of the pace. */
  readonly limit: number;
  readonly seconds: number;
  readonly trip: (random: Random, now: number) => Trip;
  /** Calls per second of another caller at this time; it sends at random and never backs off. */
  readonly others?: (now: number) => number;
};

export type PacingResult = {
  /** Of the calls that the server let through or would have, had we asked: our part. */
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
 * A server that knows nothing of the pace: the sandbox's rate limit, whose windows begin at any
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
 * Calls as often as the pace allows until the time is up. What the other caller got is not there to
 * be had: the share is that of the limit less it.
 */
export async function runPacing(
  run: PacingRun,
  server: PacingServer,
  transport: Transport,
  random: Random,
  clock: PacingClock,
): Promise<PacingResult> {
  const beganAt = clock.monotonic();
  const stopAt = beganAt + run.seconds * 1_000;
  const pace = createPace({ limit: run.limit, stopAt }, clock);
  const counted: number[] = [];
  let underWayMs = 0;
  let accepted = 0;
  let throttled = 0;
  let othersAccepted = 0;
  let othersThrottled = 0;

  const work = async () => {
    while (await pace.enter()) {
      const trip = run.trip(random, clock.monotonic() - beganAt);
      const sentAt = clock.monotonic();
      const isAccepted = await transport(trip);
      pace.leave(isAccepted ? "answered" : "throttled");
      underWayMs += clock.monotonic() - sentAt;
      counted.push(sentAt + trip.out);
      if (isAccepted) accepted += 1;
      else throttled += 1;
    }
  };
  const disturb = async () => {
    while (clock.monotonic() < stopAt) {
      const rate = run.others?.(clock.monotonic() - beganAt) ?? 0;
      // The rate is looked at anew at least every 100 ms; a Poisson process does not remember.
      const gap = rate > 0 ? (-Math.log(1 - random()) / rate) * 1_000 : Number.POSITIVE_INFINITY;
      await clock.sleep(Math.min(gap, 100));
      if (gap > 100 || clock.monotonic() >= stopAt) continue;
      if (server.take()) othersAccepted += 1;
      else othersThrottled += 1;
    }
  };
  const workers = Array.from({ length: run.limit + SPARE_WORKERS }, work);
  await Promise.all([...workers, ...(run.others ? [disturb()] : [])]);
  return {
    share: accepted / (run.limit * run.seconds - othersAccepted),
    accepted,
    throttled,
    throttledShare: throttled / Math.max(1, accepted + throttled),
    othersThrottledShare: othersThrottled / Math.max(1, othersAccepted + othersThrottled),
    roundTripMs: underWayMs / Math.max(1, counted.length),
    counted,
  };
}
