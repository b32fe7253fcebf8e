import type { Decision } from "../changes/decide.ts";
import { commitRow } from "../customers/customer.ts";
import { dropFromLane, prioritizeWorse, pruneLane } from "../customers/priority-lane.ts";
import { type AnyAppError, isAppError, UpstreamContractError } from "../errors.ts";
import { describeError, type Log } from "../log.ts";
import type { Dispatcher } from "../outbox/dispatcher.ts";
import type { RateLimiter } from "../pacing/rate-limiter.ts";
import type { CustomerRow } from "../schemas/customer-row.ts";
import type { LaneRow } from "../schemas/watch-rows.ts";
import type { CallLimiter, Upstream } from "../signing/upstream.ts";
import { createFailedReads, type FailedRead } from "./failed-reads.ts";
import {
  concernsCustomer,
  type DeferredDecision,
  type ReadDeps,
  readCustomer,
} from "./read-customer.ts";

/** So many failures in a row, none of them one customer's own, mean that the upstream is out. */
const OUTAGE_AFTER = 10;

/** Empty lists are not believed when this many customers turned empty in one run… */
const EMPTY_CUSTOMERS = 5;
/** …or at least two, and more than this share of those read. */
const EMPTY_SHARE = 0.1;

/** What is remembered of a customer's last read, on the wall clock in ms. */
export type LastRead = {
  /** When it ended, well or not. */
  readonly at: number;
  /** When the last read began that showed all of the stored values; undefined for none. */
  readonly seenAt: number | undefined;
};

/** What a warm instance knows of earlier reads. */
export type ReadMemory = {
  readonly lastReads: Map<string, LastRead>;
  /** When the last good read of any customer began, on the wall clock in ms. */
  readonly lastGood: { at: number | undefined };
};

export type ReaderDeps = ReadDeps & { readonly log: Log };

export type ReaderOptions = {
  readonly limiter: RateLimiter;
  readonly sweepLimiter: CallLimiter;
  /** For customers of the priority lane. */
  readonly laneLimiter: CallLimiter;
  readonly deadlineAt: number;
  readonly dispatcher: Dispatcher;
  readonly memory: ReadMemory;
  readonly query: Upstream["query"];
  /** For customers of the priority lane. */
  readonly laneQuery: Upstream["query"];
};

export type ReaderReport = {
  readonly read: number;
  /** Of those read, answers that could not be used whole: no list, or items of an unknown form. */
  readonly partial: number;
  readonly changed: number;
  readonly failed: number;
  readonly conflicts: number;
  readonly heldBack: number;
  readonly stopped?: "account" | "outage";
};

/**
 * Read times are remembered for this many customers, so that a run's memory does not grow with
 * their number; the others' windows are merely wider.
 */
const MAX_LAST_READS = 1_000;

/** An answer of which not all could be read. */
const UNREADABLE = new UpstreamContractError({ action: "QueryChatappPhoneNumbers" });

/** Reads customers one by one on behalf of a run and judges what the failures say together. */
export function createReader(options: ReaderOptions, deps: ReaderDeps) {
  const held: DeferredDecision[] = [];
  const counts = { read: 0, partial: 0, changed: 0, failed: 0, conflicts: 0, heldBack: 0 };
  const failures: FailedRead[] = [];
  const { lastReads, lastGood } = options.memory;
  let lastError: AnyAppError | undefined;
  let failuresInRow = 0;
  let disbelieved: AnyAppError | undefined;
  let stopped: "account" | "outage" | undefined;

  async function announce(customer: string, row: CustomerRow, decision: Decision): Promise<void> {
    counts.changed += decision.events.length;
    if (row.pending.length > 0) options.dispatcher.enqueue(customer);
    if (decision.heldBack > 0) {
      counts.heldBack += decision.heldBack;
      deps.log.warn("customer has too many undelivered events; new changes wait for delivery", {
        customer,
        pending: row.pending.length,
        heldBack: decision.heldBack,
      });
    }
    if (decision.worse) await changeLane(prioritizeWorse(deps.store, customer, deps.now()));
  }

  /** The priority lane is an extra: a row of it that cannot be used costs the customer nothing else. */
  async function changeLane(change: Promise<void>): Promise<void> {
    try {
      await change;
    } catch (error) {
      if (!isAppError(error) || error.code !== "ERR_STORE_ROW") throw error;
      deps.log.warn("priority lane row unreadable", describeError(error));
    }
  }

  /** A read that confirmed nothing leaves the earlier time, which is still true of what is stored. */
  function noteRead(customer: string, seenAt?: number): void {
    const earlier = lastReads.get(customer);
    lastReads.delete(customer);
    lastReads.set(customer, { at: deps.now(), seenAt: seenAt ?? earlier?.seenAt });
    const [oldest] = lastReads.size > MAX_LAST_READS ? lastReads.keys() : [];
    if (oldest !== undefined) lastReads.delete(oldest);
  }

  /** What could be read of it was taken in; that it was not all is told when it lasts. */
  function notePartial(customer: string): void {
    counts.partial += 1;
    const lastSeenAt = lastReads.get(customer)?.seenAt;
    failures.push({ customer, error: UNREADABLE, lastSeenAt });
  }

  function noteFailure(customer: string, error: AnyAppError, inLane: boolean): void {
    counts.failed += 1;
    failures.push({ customer, error, lastSeenAt: lastReads.get(customer)?.seenAt });
    lastError = error;
    deps.log.warn("customer could not be read", { customer, ...describeError(error) });
    if (error.code === "ERR_UPSTREAM_ACCOUNT" || error.code === "ERR_CREDENTIALS") {
      stopped ??= "account";
      options.limiter.stop();
      return;
    }
    failuresInRow = concernsCustomer(error) ? 0 : failuresInRow + 1;
    // A few customers in trouble may be all of the lane, and come first in every run: that the
    // upstream is out is believed when one of the sweep fails as well.
    if (failuresInRow < OUTAGE_AFTER || inLane) return;
    stopped ??= "outage";
    options.limiter.stop();
  }

  /** A watch too small for so many failures in a row: nobody could be read, for no reason of theirs. */
  function isOutOfReach(): boolean {
    return (
      counts.read === 0 &&
      new Set(failures.map(({ customer }) => customer)).size >= 2 &&
      !failures.some(({ error }) => concernsCustomer(error))
    );
  }

  return {
    /**
     * Reads one customer. Failures are counted and logged, never thrown, but for those of the
     * store: without it nothing can go on. Answers false when the limiter ended before the call.
     */
    async read(customer: string, laneRow?: LaneRow): Promise<boolean> {
      const askedAt = deps.now();
      try {
        const outcome = await readCustomer(customer, deps, {
          deadlineAt: options.deadlineAt,
          limiter: laneRow ? options.laneLimiter : options.sweepLimiter,
          lastSeenAt: lastReads.get(customer)?.seenAt,
          onboarding: laneRow?.onboarding,
          query: laneRow ? options.laneQuery : options.query,
        });
        if (outcome.kind === "unwatched") {
          if (laneRow) await dropFromLane(deps.store, customer);
          return true;
        }
        failuresInRow = 0;
        counts.read += 1;
        lastGood.at = askedAt;
        const isConfirmed = outcome.kind === "read" && outcome.decision.confirms;
        noteRead(customer, isConfirmed ? askedAt : undefined);
        if (outcome.kind === "conflict") {
          counts.conflicts += 1;
        } else if (outcome.kind === "turned-empty") {
          held.push(outcome.held);
        } else {
          if (!outcome.decision.isComplete) notePartial(customer);
          await announce(customer, outcome.row, outcome.decision);
        }
        if (laneRow) {
          const told = outcome.kind === "read" ? outcome.row.onboarding : undefined;
          await changeLane(pruneLane(deps.store, customer, told, deps.now()));
        }
        return true;
      } catch (error) {
        if (!isAppError(error) || error.code === "ERR_STORE") throw error;
        // A limiter that ended before the call started says nothing of the customer.
        if (options.limiter.stopped && error.code === "ERR_UPSTREAM_TIMEOUT") return false;
        noteRead(customer);
        noteFailure(customer, error, laneRow !== undefined);
        if (laneRow) await changeLane(pruneLane(deps.store, customer, undefined, deps.now()));
        return stopped === undefined;
      }
    },

    /**
     * Stores the absences of customers that turned empty, unless too many did at once or the
     * upstream proved unreliable.
     */
    async commitEmptyLists(): Promise<void> {
      if (isOutOfReach()) stopped ??= "outage";
      if (stopped) return;
      const many = held.length >= 2 && held.length > counts.read * EMPTY_SHARE;
      if (held.length >= EMPTY_CUSTOMERS || many) {
        deps.log.warn("many customers turned empty at once; their empty lists are not believed", {
          customers: held.length,
          read: counts.read,
        });
        // One trouble of the upstream, or of each of them.
        if (many) disbelieved = UNREADABLE;
        for (const { customer } of many ? [] : held) notePartial(customer);
        return;
      }
      for (const { customer, before, decision } of held) {
        if (!decision.row) continue;
        const outcome = await commitRow(deps.store, customer, before, decision.row);
        if (outcome === "stored") await announce(customer, decision.row, decision);
        else counts.conflicts += 1;
      }
    },

    /**
     * Stores what failed: for each customer, or, when the upstream or the account is the trouble,
     * for the account alone. Tells the receiver when a trouble has lasted.
     *
     * @param sweeps how long the last whole sweep took, and when the one before this run began
     */
    async recordFailures(sweeps: {
      readonly sweepMs: number;
      readonly sweptAt: number | undefined;
    }): Promise<void> {
      const { source, log, now, store } = deps;
      const keeper = createFailedReads(
        { source, ...sweeps, dispatcher: options.dispatcher },
        { store, now, log },
      );
      if (stopped && lastError) return keeper.noteAccount(lastError, lastGood.at);
      for (const failure of failures) await keeper.noteCustomer(failure);
      if (disbelieved) await keeper.noteAccount(disbelieved, lastGood.at);
      else if (counts.read > 0) await keeper.clearAccountFailure();
    },

    report(): ReaderReport {
      return { ...counts, ...(stopped ? { stopped } : {}) };
    },
  };
}
