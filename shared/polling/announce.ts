import type { Decision } from "../changes/decide.ts";
import { prioritizeWorse } from "../customers/priority-lane.ts";
import type { CustomerRow } from "../schemas/customer-row.ts";
import { isCritical } from "../schemas/outbox-rows.ts";
import { changeLane } from "./lane-rows.ts";
import type { ReadCounts } from "./report.ts";
import type { CommitDeps } from "./settings.ts";

/** Counts a decision that is stored, has its events delivered and its customer watched closely. */
export async function announce(
  customer: string,
  row: CustomerRow,
  decision: Pick<Decision, "events" | "heldBack" | "worse">,
  counts: ReadCounts,
  deps: CommitDeps,
): Promise<void> {
  const { store, now, log, dispatcher } = deps;
  const { events, heldBack, worse } = decision;
  counts.changed += events.length;
  counts.heldBack += heldBack;
  if (row.pending.length > 0) dispatcher.enqueue(customer, events.some(isCritical));
  if (heldBack > 0) {
    const message = "customer has too many undelivered events; new changes wait for delivery";
    log.warn(message, { customer, pending: row.pending.length, heldBack });
  }
  if (worse) await changeLane(prioritizeWorse(store, customer, now()), log);
}
