import type { Decision } from "../changes/decide.ts";
import { dropFromLane, pruneLane } from "../customers/priority-lane.ts";
import { type AnyAppError, isAppError } from "../errors.ts";
import { describeError, maskNumber } from "../log.ts";
import type { RateLimiter } from "../pacing/rate-limiter.ts";
import type { CustomerRow } from "../schemas/customer-row.ts";
import type { LaneRow } from "../schemas/watch-rows.ts";
import type { CallLimiter, Upstream } from "../signing/upstream.ts";
import { announce } from "./announce.ts";
import { type Findings, notePartial } from "./findings.ts";
import { sendStates } from "./forgotten-writes.ts";
import { changeLane } from "./lane-rows.ts";
import { type ReadDeps, type ReadOutcome, readCustomer } from "./read-customer.ts";
import type { CommitDeps } from "./settings.ts";
import { rememberRead, type WarmState } from "./warm-state.ts";

/** After this many failures of the store in a row no read makes sense. */
const MAX_STORE_FAILURES = 5;

/** How a customer is read: by which operation, and within which limit. */
export type Access = { readonly query: Upstream["query"]; readonly limiter: CallLimiter };

export type ReaderOptions = {
  /** The run's limiter, which a failure of everyone stops. */
  readonly limiter: Pick<RateLimiter, "stopped" | "stop">;
  readonly sweep: Access;
  readonly lane: Access;
  readonly deadlineAt: number;
  readonly warm: Pick<WarmState, "lastReads" | "lastGoodAt" | "unusable">;
};

export type ReaderDeps = ReadDeps & CommitDeps;

/**
 * Reads one customer for a run. Resolves to true when the customer is done, and to false when the
 * run ends before it.
 *
 * @throws the fifth store error in a row. Other failures are findings.
 */
export type ReadOne = (customer: string, laneRow?: LaneRow) => Promise<boolean>;

export function createReader(
  findings: Findings,
  options: ReaderOptions,
  deps: ReaderDeps,
): ReadOne {
  const { limiter, deadlineAt, warm } = options;
  const { counts, judge } = findings;
  let storeFailures = 0;

  function noteReply(
    customer: string,
    outcome: Exclude<ReadOutcome, { kind: "unwatched" }>,
    calledAt: number,
  ): void {
    counts.read += 1;
    warm.lastGoodAt = calledAt;
    if (warm.unusable.has(customer)) findings.usedAgain.add(customer);
    const isConfirmed = outcome.kind === "read" && outcome.decision.confirms;
    const seq = outcome.kind === "read" ? outcome.row.seq : undefined;
    rememberRead(warm, customer, deps.now(), isConfirmed ? calledAt : undefined, seq);
    switch (outcome.kind) {
      case "conflict":
        counts.conflicts += 1;
        return;
      case "became-empty":
        findings.emptied.push(outcome.deferred);
        return;
      case "first-values":
        noteIncomplete(customer, outcome.deferred.decision);
        findings.firstValues.set(customer, outcome.deferred);
        return;
      case "read":
        noteIncomplete(customer, outcome.decision);
    }
  }

  /** What could not be read is stale if it lasts. The rest of the list is stored all the same. */
  function noteIncomplete(customer: string, { isComplete, unclear }: Decision): void {
    if (!isComplete) notePartial(findings, customer, warm);
    if (unclear.length === 0) return;
    const phoneNumbers = unclear.map(maskNumber);
    deps.log.warn("number listed twice with different values", { customer, phoneNumbers });
  }

  function noteFailure(customer: string, error: AnyAppError, calledAt: number): void {
    const answeredAt = deps.now();
    rememberRead(warm, customer, answeredAt);
    if (error.code === "ERR_UPSTREAM_THROTTLED") {
      // The pace is too high, and nobody's read has failed: the customer counts as unread.
      counts.throttled += 1;
      findings.throttledBy = error;
      return;
    }
    counts.failed += 1;
    const lastSeenAt = warm.lastReads.get(customer)?.seenAt;
    findings.failures.push({ customer, error, lastSeenAt });
    deps.log.warn("customer could not be read", { customer, ...describeError(error) });
    judge.noteFailure({ customer, error, calledAt, answeredAt });
    if (judge.stopped()) limiter.stop();
  }

  /** One failure of the store costs one customer, as long as the store answers for others. */
  function noteStoreFailure(customer: string, error: AnyAppError): void {
    storeFailures += 1;
    if (storeFailures >= MAX_STORE_FAILURES) throw error;
    counts.failed += 1;
    findings.hasStoreFailures = true;
    deps.log.warn("customer could not be read", { customer, ...describeError(error) });
  }

  /** An answer shows that the account is well, whatever the store then does with it. */
  const noteAnswers =
    (query: Upstream["query"]): Upstream["query"] =>
    async (...call) => {
      const reply = await query(...call);
      judge.noteGoodRead();
      return reply;
    };
  const sweep = { ...options.sweep, query: noteAnswers(options.sweep.query) };
  const lane = { ...options.lane, query: noteAnswers(options.lane.query) };

  const prune = async (customer: string, onboarding: CustomerRow["onboarding"]) => {
    if (!deps.isClockConfirmed()) return;
    await changeLane(pruneLane(deps.store, customer, onboarding, deps.now()), deps.log);
  };

  return async (customer, laneRow) => {
    const calledAt = deps.now();
    // As it is before the row is read: a read that overtakes this one is no proof of a lost write.
    const known = warm.lastReads.get(customer)?.seq ?? 0;
    try {
      const outcome = await readCustomer(customer, deps, {
        ...(laneRow ? lane : sweep),
        deadlineAt,
        lastSeenAt: warm.lastReads.get(customer)?.seenAt,
        onboarding: laneRow?.onboarding,
      });
      storeFailures = 0;
      if (outcome.kind === "unwatched") {
        if (laneRow) await dropFromLane(deps.store, customer);
        return true;
      }
      noteReply(customer, outcome, calledAt);
      const read = outcome.kind === "read" ? outcome : undefined;
      if (read) await announce(customer, read.row, read.decision, counts, deps);
      if (read && read.seqBefore < known) await sendStates(customer, known, deps);
      if (laneRow) await prune(customer, read?.row.onboarding);
      return true;
    } catch (error) {
      if (!isAppError(error)) throw error;
      if (error.code === "ERR_STORE") {
        noteStoreFailure(customer, error);
        return true;
      }
      if (error.code === "ERR_UPSTREAM_NOT_SENT") return false;
      noteFailure(customer, error, calledAt);
      if (laneRow) await prune(customer, undefined);
      return true;
    }
  };
}
