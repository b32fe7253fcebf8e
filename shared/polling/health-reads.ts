import { decideHealth, numbersWithHealth } from "../changes/health.ts";
import { loadCustomer } from "../customers/customer.ts";
import { EARLY_RATIO } from "../customers/priority-lane.ts";
import { isAppError } from "../errors.ts";
import { describeError } from "../log.ts";
import type { RateLimiter } from "../pacing/rate-limiter.ts";
import { CUSTOMER_PREFIX, type CustomerRow, SELF } from "../schemas/customer-row.ts";
import type { HealthProgress } from "../schemas/health.ts";
import { LANE_PREFIX } from "../schemas/watch-rows.ts";
import type { Upstream } from "../signing/upstream.ts";
import { type BackoffState, createBackoff } from "./backoff.ts";
import { dueInMs } from "./due.ts";
import { commitHealth, type HealthAnswer, type HealthCommitOptions } from "./health-commit.ts";
import { type Lease, limitByLease } from "./lease.ts";
import type { CommitDeps, RunDeps } from "./settings.ts";

/** Between two calls of the turn over everyone: the upstream asks for sparing use. */
const TURN_PAUSE_MS = 2_000;
/** Two turns over everyone begin at least so many intervals apart. */
const TURN_INTERVALS = 10;
const PAGE_ROWS = 50;
const CALL_LIMIT_MS = 10_000;
/** A write makes a read void that is under way, so answers of one customer are stored together. */
const ANSWERS_PER_WRITE = 20;

export type HealthReadsDeps = CommitDeps &
  Pick<RunDeps, "monotonic"> & { readonly upstream: Pick<Upstream, "health"> };

export type HealthReadsOptions = HealthCommitOptions & {
  readonly source: string;
  readonly lease: Lease;
  readonly pollIntervalMs: number;
  /** How often the timer fires, in ms: a run waits for no pause that is longer. A minute without it. */
  readonly timerMs: number | undefined;
  /** The health reads' own, beside the reads'. */
  readonly limiter: RateLimiter;
  readonly saved: HealthProgress;
  readonly backoff: BackoffState;
};

/** One row of numbers to ask about, and where its turn is then. */
type Turn = { readonly prefix: string; readonly everyMs: number; readonly pauseMs: number };

/**
 * Asks whether connected numbers can send: those of the priority lane about once a minute, and all
 * in turn at half a call a second, each turn ten intervals after the last at the earliest. What fails says nothing about a customer: it is asked again in its next
 * turn.
 */
export function createHealthReads(options: HealthReadsOptions, deps: HealthReadsDeps) {
  const { store, now, log, monotonic } = deps;
  const { limiter, pollIntervalMs, timerMs = 60_000 } = options;
  const calls = limitByLease(limiter, options.lease);
  const backoff = createBackoff(
    options.backoff,
    {
      denied: (facts) => log.warn("health reads pause: allow cams:GetWhatsappHealthStatus", facts),
      down: (facts) => log.warn("health reads pause after failures in a row", facts),
    },
    now,
  );
  const places = { lane: options.saved.lane, all: options.saved.all };
  const turns: Readonly<Record<keyof typeof places, Turn>> = {
    lane: { prefix: LANE_PREFIX, everyMs: pollIntervalMs * EARLY_RATIO, pauseMs: 0 },
    all: {
      prefix: CUSTOMER_PREFIX,
      everyMs: pollIntervalMs * TURN_INTERVALS,
      pauseMs: TURN_PAUSE_MS,
    },
  };

  /** The reply if it may say something new; `over` if no further call makes sense in this run. */
  async function ask(
    customer: string,
    row: CustomerRow,
    phoneNumber: string,
  ): Promise<HealthAnswer | "over" | undefined> {
    const known = row.numbers[phoneNumber];
    try {
      const params = { custSpaceId: customer, phoneNumber: known?.listedAs ?? phoneNumber };
      const deadlineAt = monotonic() + CALL_LIMIT_MS;
      const call = { limiter: calls, deadlineAt, failsOnThrottle: true };
      const reply = await deps.upstream.health(params, call);
      backoff.noteSuccess();
      const input = { customer, source: options.source, phoneNumber, reply, readAt: now() };
      return decideHealth({ ...input, row }).row && { ...input, known: known?.health };
    } catch (error) {
      if (!isAppError(error)) throw error;
      if (error.code === "ERR_UPSTREAM_NOT_SENT") return limiter.stopped ? "over" : undefined;
      backoff.noteFailure(error);
      return backoff.isPaused() ? "over" : undefined;
    }
  }

  /** Resolves to false when no further call makes sense in this run. */
  async function readCustomer(name: keyof typeof places, key: string): Promise<boolean> {
    const { prefix, pauseMs } = turns[name];
    const customer = key.slice(prefix.length);
    // The account itself has no CustSpaceId, which the operation requires.
    if (customer.startsWith("~") || customer === SELF) return true;
    const row = (await loadCustomer(store, customer).catch(unlessUnusable))?.value;
    if (!row || row.removedAt) return true;
    const { within, numbers = 0 } = places[name];
    const answers: HealthAnswer[] = [];
    const commit = () => commitHealth(customer, answers.splice(0), options, deps);
    let isOver = false;
    for (const [index, phoneNumber] of numbersWithHealth(row).sort().entries()) {
      if (within === key && index < numbers) continue;
      const waitMs = dueInMs(places[name].askedAt ?? 0, pauseMs, now());
      isOver = waitMs > timerMs || !(await limiter.wait(waitMs));
      const answer = isOver ? "over" : await ask(customer, row, phoneNumber);
      isOver = answer === "over";
      if (answer === "over") break;
      if (answer) answers.push(answer);
      if (answers.length === ANSWERS_PER_WRITE) await commit();
      const at = { within: key, numbers: index + 1, askedAt: now() };
      places[name] = { ...places[name], ...at, asked: true };
    }
    await commit();
    return !isOver;
  }

  async function readTurn(name: keyof typeof places): Promise<void> {
    const { prefix, everyMs } = turns[name];
    if (backoff.isPaused()) return;
    if (places[name].done) {
      if (dueInMs(places[name].startedAt, everyMs, now()) > 0) return;
      const { askedAt } = places[name];
      places[name] = { key: "", startedAt: now(), askedAt, done: false };
    }
    while (!limiter.stopped) {
      const rows = await store.scan(prefix, places[name].key, PAGE_ROWS);
      if (rows.length === 0) {
        // A turn that found nobody to ask about is due again: numbers are read, or connected, soon.
        const { startedAt, asked = false, askedAt } = places[name];
        places[name] = { key: "", startedAt: asked ? startedAt : 0, askedAt, done: true };
        return;
      }
      for (const { key } of rows) {
        if (limiter.stopped || !(await readCustomer(name, key))) return;
        const { startedAt, asked, askedAt } = places[name];
        places[name] = { key, startedAt, asked, askedAt, done: false };
      }
    }
  }

  return {
    /** Resolves when nothing is due any more, or the run's time is over. */
    async run(): Promise<void> {
      try {
        await Promise.all([readTurn("lane"), readTurn("all")]);
      } catch (error) {
        if (!isAppError(error)) throw error;
        log.warn("health could not be stored", describeError(error));
      } finally {
        limiter.stop();
      }
    },
    stop: () => limiter.stop(),
    /** Where the next run continues. */
    progress: (): HealthProgress => ({ ...places }),
  };
}

/** The reads report a customer whose row cannot be used. */
function unlessUnusable(error: unknown): undefined {
  if (!isAppError(error) || error.code !== "ERR_STORE_ROW") throw error;
}
