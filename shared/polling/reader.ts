import type { Decision } from "../changes/decide.ts";
import { type AnyAppError, isAppError } from "../errors.ts";
import { describeError, maskNumber } from "../log.ts";
import { observeAcquire, type RateLimiter } from "../pacing/rate-limiter.ts";
import type { CallLimiter, Upstream } from "../signing/upstream.ts";
import { isStoreFailure } from "../store/retry-read.ts";
import { announce } from "./announce.ts";
import { type Findings, notePartial } from "./findings.ts";
import { sendStates } from "./forgotten-writes.ts";
import { type ReadDeps, type ReadOutcome, readCustomer } from "./read-customer.ts";
import type { ReadRequest } from "./read-source.ts";
import type { CommitDeps } from "./settings.ts";
import { type LastRead, rememberRead, seenAtOf, type WarmState } from "./warm-state.ts";

/** After this many failures of the store in a row no read makes sense. */
const MAX_STORE_FAILURES = 5;

/** How a customer is read: by which operation, and within which limit. */
export type Access = { readonly query: Upstream["query"]; readonly limiter: CallLimiter };

export type ReaderOptions = {
  /** The run's limiter, which a failure of everyone stops. */
  readonly limiter: Pick<RateLimiter, "stopped" | "stop">;
  readonly access: Readonly<Record<ReadRequest["from"], Access>>;
  readonly deadlineAt: number;
  readonly warm: Pick<WarmState, "lastReads" | "lastGoodAt" | "blindSince" | "unusable">;
};

export type ReaderDeps = ReadDeps & CommitDeps;

/**
 * Reads one customer for a run. Resolves to true when the customer is done, and to false when the
 * run ends before it.
 *
 * @throws the fifth store error in a row. Other failures are findings.
 */
export type ReadOne = (request: ReadRequest) => Promise<boolean>;

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
    { calledAt, sentAt }: ReadTimes,
  ): void {
    counts.read += 1;
    warm.lastGoodAt = calledAt;
    warm.blindSince = undefined;
    if (warm.unusable.has(customer)) findings.usedAgain.add(customer);
    rememberRead(warm, customer, {
      beganAt: calledAt,
      at: sentAt,
      ...sightOf(outcome, calledAt),
    });
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

  function noteFailure(customer: string, error: AnyAppError, times: ReadTimes): void {
    const { calledAt, sentAt } = times;
    const answeredAt = deps.now();
    rememberRead(warm, customer, { beganAt: calledAt, at: sentAt });
    warm.blindSince ??= calledAt;
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
  const accessOf = (from: ReadRequest["from"], onSent: () => void): Access => {
    const { query, limiter: callLimiter } = options.access[from];
    const observed = observeAcquire(callLimiter, (isGranted) => {
      if (isGranted) onSent();
    });
    return { query: noteAnswers(query), limiter: observed };
  };

  /** Keeps what the row's version says of the last read, as this read replaces it. */
  function noteSeen(customer: string, version: string): number | undefined {
    const seenAt = seenAtOf(warm, customer, version);
    const last = warm.lastReads.get(customer);
    if (last && seenAt !== last.seenAt) warm.lastReads.set(customer, { ...last, seenAt });
    return seenAt;
  }

  return async ({ customer, from, known, settle }) => {
    const calledAt = deps.now();
    // As it is before the row is read: a read that overtakes this one is no proof of a lost write.
    const knownSeq = warm.lastReads.get(customer)?.seq ?? 0;
    const isOvertaken = known !== undefined && known.value.seq < knownSeq;
    let sentAt = calledAt;
    try {
      const outcome = await readCustomer(customer, deps, {
        ...accessOf(from, () => {
          sentAt = deps.now();
        }),
        deadlineAt,
        known: isOvertaken ? undefined : known,
        lastSeenAt: (version) => noteSeen(customer, version),
      });
      storeFailures = 0;
      if (outcome.kind === "unwatched") {
        if (outcome.ended) findings.tombstones.push({ customer, version: outcome.ended });
        await settle?.("unwatched");
        return true;
      }
      noteReply(customer, outcome, { calledAt, sentAt });
      const read = outcome.kind === "read" ? outcome : undefined;
      if (read) await announce(customer, read.row, read.decision, counts, deps);
      if (read && read.before.value.seq < knownSeq) await sendStates(customer, knownSeq, deps);
      if (read) await settle?.(read.row);
      return true;
    } catch (error) {
      if (!isAppError(error)) throw error;
      if (error.code === "ERR_STORE") {
        noteStoreFailure(customer, error);
        return true;
      }
      if (error.code === "ERR_UPSTREAM_NOT_SENT") return false;
      noteFailure(customer, error, { calledAt, sentAt });
      // The lane is an index: what its row does not get costs no read.
      await settle?.("failed").catch(unlessStoreFails);
      return true;
    }
  };
}

function unlessStoreFails(error: unknown): void {
  if (!isStoreFailure(error)) throw error;
}

/** When a read began, and when its last call was sent. The limiter may lie between. */
type ReadTimes = { readonly calledAt: number; readonly sentAt: number };

/** What a good read shows of when the stored values held. */
function sightOf(
  outcome: Exclude<ReadOutcome, { kind: "unwatched" }>,
  calledAt: number,
): Partial<LastRead> {
  if (outcome.kind !== "read") return {};
  const { row, decision, before } = outcome;
  if (!decision.confirms) return { seq: row.seq };
  if (decision.row) return { seq: row.seq, seenAt: calledAt };
  return { seq: row.seq, sighting: { at: calledAt, version: before.version } };
}
