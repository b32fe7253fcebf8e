/** How the upstream counts a second is undocumented, so clients must work with each of these. */
export type RatePolicy = "sliding" | "fixed" | "bucket";

export type RateLimit = {
  /** Undefined if the call may pass, else the ms (at least 1) until one may. */
  take(operation: string, now: number): number | undefined;
};

const SECOND = 1000;

type Counter = (now: number) => number | undefined;

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

function bucket(qps: number): Counter {
  // Counted in milliseconds of credit, because fractions of a token do not add up to a whole one.
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

/**
 * `qps` calls a second for each operation, shared by all callers of the account. Refused calls do
 * not count.
 */
export function createRateLimit(qps: number, policy: RatePolicy): RateLimit {
  const counters = new Map<string, Counter>();
  return {
    take(operation, now) {
      const counter = counters.get(operation) ?? COUNTERS[policy](qps);
      counters.set(operation, counter);
      const wait = counter(now);
      return wait === undefined ? undefined : Math.max(1, Math.ceil(wait));
    },
  };
}
