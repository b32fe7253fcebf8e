/**
 * How a second is counted. No page says, so a client has to hold under each of these. That refused
 * calls do not count is a guess too.
 */
export type RatePolicy = "sliding" | "fixed" | "bucket";

export type RateLimit = {
  /** Undefined if the call may pass, else the milliseconds (at least 1) until one may. */
  take(operation: string, now: number): number | undefined;
};

const SECOND = 1000;

type Counter = (now: number) => number | undefined;

/** At most so many calls in any window of one second. */
function sliding(qps: number): Counter {
  const passed: number[] = [];
  return (now) => {
    while (passed[0] !== undefined && passed[0] <= now - SECOND) passed.shift();
    const oldest = passed[0];
    if (oldest !== undefined && passed.length >= qps) return oldest + SECOND - now;
    passed.push(now);
    return undefined;
  };
}

/** At most so many calls in each second of the clock. */
function fixed(qps: number): Counter {
  let window = Number.NEGATIVE_INFINITY;
  let count = 0;
  return (now) => {
    const current = Math.floor(now / SECOND);
    if (current !== window) {
      window = current;
      count = 0;
    }
    if (count >= qps) return (current + 1) * SECOND - now;
    count += 1;
    return undefined;
  };
}

/** A bucket of so many tokens, which refills evenly over a second. */
function bucket(qps: number): Counter {
  // In milliseconds of credit, because fractions of a token would not add up to a whole one.
  const cost = SECOND;
  let credit = qps * cost;
  let last = Number.NaN;
  return (now) => {
    if (!Number.isNaN(last)) {
      credit = Math.min(qps * cost, credit + Math.max(0, now - last) * qps);
    }
    last = now;
    if (credit < cost) return Math.ceil((cost - credit) / qps);
    credit -= cost;
    return undefined;
  };
}

const COUNTERS = { sliding, fixed, bucket } as const;

const perSecond = (operation: string, qps: number) =>
  operation === "GetWhatsappHealthStatus" ? Math.ceil(qps / 2) : qps;

/**
 * `qps` calls a second for each operation, shared by all callers of the account. Each operation's page
 * has a limit of its own, 10 a second per account for those that the sandbox knows. Page
 * GetWhatsappHealthStatus has 5: half of what the others get.
 */
export function createRateLimit(qps: number, policy: RatePolicy): RateLimit {
  const counters = new Map<string, Counter>();
  return {
    take(operation, now) {
      const counter = counters.get(operation) ?? COUNTERS[policy](perSecond(operation, qps));
      counters.set(operation, counter);
      const wait = counter(now);
      return wait === undefined ? undefined : Math.max(1, Math.ceil(wait));
    },
  };
}
