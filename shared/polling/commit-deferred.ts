import { commitRow } from "../customers/customer.ts";
import { isRowUnusable } from "../customers/unusable-rows.ts";
import { isAppError } from "../errors.ts";
import { describeError } from "../log.ts";
import { isStoreFailure } from "../store/retry-read.ts";
import { announce } from "./announce.ts";
import type { Findings } from "./findings.ts";
import type { DeferredDecision } from "./read-customer.ts";
import type { CommitDeps } from "./settings.ts";

/** Stores a decision that waited for the other reads. A failure of its row costs no other customer. */
export async function commitDeferred(
  { customer, before, decision }: Omit<DeferredDecision, "decideSilently">,
  findings: Findings,
  deps: CommitDeps,
): Promise<void> {
  if (!decision.row) return;
  const { counts } = findings;
  try {
    const outcome = await commitRow(deps.store, customer, before, decision.row);
    if (outcome === "conflict") counts.conflicts += 1;
    else await announce(customer, decision.row, decision, counts, deps);
  } catch (error) {
    if (!isAppError(error)) throw error;
    // The next read finds the same.
    if (isStoreFailure(error)) findings.hasStoreFailures = true;
    else if (!isRowUnusable(error)) throw error;
    else {
      counts.failed += 1;
      findings.failures.push({ customer, error, lastSeenAt: undefined });
    }
    deps.log.warn("read could not be stored", { customer, ...describeError(error) });
  }
}
