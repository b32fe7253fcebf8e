import { silentFields } from "../changes/first-values.ts";
import { commitRow } from "../customers/customer.ts";
import { describeError } from "../log.ts";
import { isStoreFailure } from "../store/retry-read.ts";
import { announce } from "./announce.ts";
import type { Findings } from "./findings.ts";
import type { CommitDeps } from "./settings.ts";

/**
 * Stores the reads with first values of a field, once the run knows for how many customers there
 * are some. What many customers show for the first time sends no event.
 */
export async function commitFirstValues(findings: Findings, deps: CommitDeps): Promise<void> {
  const { counts, firstValues } = findings;
  const waiting = [...firstValues.values()];
  const silent = silentFields(
    waiting.map(({ decision }) => decision.firstValues),
    counts.read,
  );
  if (silent.size > 0) {
    const facts = { fields: [...silent], customers: waiting.length, read: counts.read };
    deps.log.warn("first values of many customers are stored without events", facts);
  }
  for (const { customer, before, decision, decideSilently } of waiting) {
    const isSilent = decision.firstValues.some((field) => silent.has(field));
    const final = isSilent ? decideSilently(silent) : decision;
    if (!final.row) continue;
    try {
      const outcome = await commitRow(deps.store, customer, before, final.row);
      if (outcome === "conflict") counts.conflicts += 1;
      else await announce(customer, final.row, final, counts, deps);
    } catch (error) {
      if (!isStoreFailure(error)) throw error;
      // The next read finds the same values.
      findings.hasStoreFailures = true;
      deps.log.warn("first values could not be stored", { customer, ...describeError(error) });
    }
  }
}
