import { silentFields } from "../changes/first-values.ts";
import { commitDeferred } from "./commit-deferred.ts";
import type { Findings } from "./findings.ts";
import type { CommitDeps } from "./settings.ts";

/**
 * Stores the reads with first values of a field, once the run knows for how many customers there
 * are some. What many customers show for the first time sends no event unless it is bad.
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
    await commitDeferred({ customer, before, decision: final }, findings, deps);
  }
}
