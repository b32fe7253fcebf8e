import { decideHealth, type HealthInput } from "../changes/health.ts";
import { commitRow, loadCustomer } from "../customers/customer.ts";
import { isAppError } from "../errors.ts";
import { describeError } from "../log.ts";
import type { CustomerRow, NumberState, PendingEvent } from "../schemas/customer-row.ts";
import { announce } from "./announce.ts";
import type { ReadCounts } from "./report.ts";
import type { CommitDeps } from "./settings.ts";

/** An answer that may be stored, and the number's health before it was asked for. */
export type HealthAnswer = Omit<HealthInput, "row"> & { readonly known: NumberState["health"] };

export type HealthCommitOptions = {
  readonly counts: ReadCounts;
  /** Whether a read of the customer waits for the end of the run, which a write would make void. */
  readonly isDeferred: (customer: string) => boolean;
};

/**
 * Stores what the answers about one customer's numbers change, in one write. An answer does not
 * meet a health that another process stored after the question. What is not stored is asked again
 * in the next turn.
 *
 * @throws a failure of the store
 */
export async function commitHealth(
  customer: string,
  answers: readonly HealthAnswer[],
  { counts, isDeferred }: HealthCommitOptions,
  deps: CommitDeps,
): Promise<void> {
  if (answers.length === 0 || isDeferred(customer)) return;
  try {
    const before = await loadCustomer(deps.store, customer);
    if (!before || before.value.removedAt) return;
    const next = decideAll(before.value, answers);
    if (!next.row) return;
    if ((await commitRow(deps.store, customer, before, next.row)) === "conflict") return;
    await announce(customer, next.row, next, counts, deps);
  } catch (error) {
    if (!isAppError(error) || error.code === "ERR_STORE") throw error;
    deps.log.warn("health could not be stored", describeError(error));
  }
}

function decideAll(start: CustomerRow, answers: readonly HealthAnswer[]) {
  let row: CustomerRow | undefined;
  const events: PendingEvent[] = [];
  let [worse, heldBack] = [false, 0];
  for (const { known, ...answer } of answers) {
    const current = row ?? start;
    if (current.numbers[answer.phoneNumber]?.health?.observedAt !== known?.observedAt) continue;
    const decision = decideHealth({ ...answer, row: current });
    row = decision.row ?? row;
    events.push(...decision.events);
    worse ||= decision.worse;
    heldBack += decision.heldBack;
  }
  return { row, events, worse, heldBack };
}
