import { commitDeferred } from "./commit-deferred.ts";
import { type Findings, INCOMPLETE_REPLY, notePartial } from "./findings.ts";
import type { CommitDeps } from "./settings.ts";
import type { WarmState } from "./warm-state.ts";

/** Empty lists are ignored when this many customers became empty in one run. */
const MANY_CUSTOMERS = 5;
/** They mean a failure of the upstream from two customers on, above this share of those read. */
const FAILURE_RATIO = 0.1;

/**
 * `store`: the customers may well have lost their numbers. `ignore`: too many at once to store,
 * and few enough to be a failure of each. `failure`: the upstream's, for everyone.
 */
type EmptyListsVerdict = "store" | "ignore" | "failure";

function judgeEmptyLists(emptied: number, read: number): EmptyListsVerdict {
  if (emptied >= 2 && emptied > read * FAILURE_RATIO) return "failure";
  return emptied >= MANY_CUSTOMERS ? "ignore" : "store";
}

/**
 * Stores the absences of customers that became empty, unless too many did at once or the run
 * stopped because of the upstream.
 */
export async function commitEmptyLists(
  findings: Findings,
  warm: Pick<WarmState, "lastReads">,
  deps: CommitDeps,
): Promise<void> {
  const { counts, emptied, judge } = findings;
  if (judge.stopped()) return;
  const verdict = judgeEmptyLists(emptied.length, counts.read);
  if (verdict !== "store") {
    const message = "empty lists ignored because many customers became empty in one run";
    deps.log.warn(message, { customers: emptied.length, read: counts.read });
  }
  switch (verdict) {
    case "failure":
      findings.accountError = INCOMPLETE_REPLY;
      return;
    case "ignore":
      for (const { customer } of emptied) notePartial(findings, customer, warm);
      return;
    case "store":
      for (const deferred of emptied) await commitDeferred(deferred, findings, deps);
  }
}
