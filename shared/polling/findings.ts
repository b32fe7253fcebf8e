import { type AnyAppError, UpstreamContractError } from "../errors.ts";
import { QUERY_NUMBERS } from "../signing/operations.ts";
import { createFailureJudge, type FailureJudge } from "./failure-judge.ts";
import type { DeferredDecision } from "./read-customer.ts";
import { noReads, type ReadCounts } from "./report.ts";
import type { WarmState } from "./warm-state.ts";

/** The failure of a reply of which not all could be read. */
export const INCOMPLETE_REPLY = /* @__PURE__ */ new UpstreamContractError({
  action: QUERY_NUMBERS.action,
});

export type FailedRead = {
  readonly customer: string;
  readonly error: AnyAppError;
  /** When the last read began that showed all of the stored values, in ms. */
  readonly lastSeenAt: number | undefined;
};

/** What the reads of a run have shown so far. */
export type Findings = {
  readonly counts: ReadCounts;
  /** Reads that failed, and replies of which not all could be read. */
  readonly failures: FailedRead[];
  /** Empty lists, which wait until all reads are over. */
  readonly emptied: DeferredDecision[];
  /** Customers whose rows could not be used before, and now have been. */
  readonly usedAgain: Set<string>;
  /** Reads with first values, by customer, which wait for the same. */
  readonly firstValues: Map<string, DeferredDecision>;
  /** Tombstones to remove once the clock is confirmed: it may be so only after they are read. */
  readonly tombstones: { readonly customer: string; readonly version: string }[];
  readonly judge: FailureJudge;
  /** The last answer of a customer that the upstream's limit kept from being read. */
  throttledBy: AnyAppError | undefined;
  /** A failure of the upstream for everyone, although reads were good. */
  accountError: AnyAppError | undefined;
  /** A read failed by the store, and its row does not say so. */
  hasStoreFailures: boolean;
};

export function newFindings(): Findings {
  return {
    counts: noReads(),
    failures: [],
    emptied: [],
    usedAgain: new Set(),
    firstValues: new Map(),
    tombstones: [],
    judge: createFailureJudge(),
    throttledBy: undefined,
    accountError: undefined,
    hasStoreFailures: false,
  };
}

/** What could be read of the reply is stored. That it was not all is reported if it lasts. */
export function notePartial(
  { counts, failures }: Findings,
  customer: string,
  { lastReads }: Pick<WarmState, "lastReads">,
): void {
  counts.partial += 1;
  const lastSeenAt = lastReads.get(customer)?.seenAt;
  failures.push({ customer, error: INCOMPLETE_REPLY, lastSeenAt });
}
