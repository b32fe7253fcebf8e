import { type Decision, decide } from "../changes/decide.ts";
import { commitRow, loadCustomer as readStored } from "../customers/customer.ts";
import type { AnyAppError } from "../errors.ts";
import type { CustomerRow } from "../schemas/customer-row.ts";
import { SELF } from "../schemas/customer-row.ts";
import type { LaneRow } from "../schemas/watch-rows.ts";
import type { CallLimiter, Upstream } from "../signing/upstream.ts";
import type { Stored } from "../store/rows.ts";
import type { Store } from "../store/store.ts";

/** One read that conflicts is made once more; after that the next sweep has it. */
const TRIES = 2;

export type ReadDeps = {
  readonly store: Store;
  readonly now: () => number;
  readonly source: string;
};

export type ReadOptions = {
  readonly deadlineAt: number;
  readonly limiter: CallLimiter;
  readonly lastSeenAt: number | undefined;
  /** The customer's added numbers, when it is read in the priority lane. */
  readonly onboarding?: LaneRow["onboarding"] | undefined;
  /** How to ask: the plain query, or a fresher one. */
  readonly query: Upstream["query"];
};

/** A decision that is held until the run knows how many customers turned empty with it. */
export type DeferredDecision = {
  readonly customer: string;
  readonly before: Stored<CustomerRow>;
  readonly decision: Decision;
};

export type ReadOutcome =
  | { readonly kind: "unwatched" }
  | { readonly kind: "read"; readonly row: CustomerRow; readonly decision: Decision }
  | { readonly kind: "turned-empty"; readonly held: DeferredDecision }
  /** Another wrote the row meanwhile, twice: the answer is dropped, never compared with newer state. */
  | { readonly kind: "conflict" };

/**
 * Reads one customer upstream and stores what changed. The row is read before the upstream is
 * asked, and written only if it is still that row: an old answer is never held against newer state.
 *
 * @throws the upstream's, the store's and the row's errors
 */
export async function readCustomer(
  customer: string,
  deps: ReadDeps,
  options: ReadOptions,
): Promise<ReadOutcome> {
  for (let tries = 1; tries <= TRIES; tries += 1) {
    const before = await readStored(deps.store, customer);
    if (!before || before.value.removedAt) return { kind: "unwatched" };
    const reply = await options.query(customer === SELF ? {} : { custSpaceId: customer }, options);
    const decision = decide({
      customer,
      source: deps.source,
      row: before.value,
      reply,
      readAt: deps.now(),
      lastSeenAt: options.lastSeenAt,
      onboarding: options.onboarding,
    });
    if (decision.becameEmpty) {
      return { kind: "turned-empty", held: { customer, before, decision } };
    }
    if (!decision.row) return { kind: "read", row: before.value, decision };
    const outcome = await commitRow(deps.store, customer, before, decision.row);
    if (outcome === "stored") return { kind: "read", row: decision.row, decision };
  }
  return { kind: "conflict" };
}

/** Whether an error speaks of this customer alone, so that others may well be readable. */
export function concernsCustomer(error: AnyAppError): boolean {
  switch (error.code) {
    case "ERR_UPSTREAM_REJECTED":
      return (
        error.concerns === "customer" ||
        /^(InvalidParameter|Missing|Invalid)/.test(error.facts.upstreamCode ?? "")
      );
    case "ERR_CUSTOMER_TOO_LARGE":
    case "ERR_STORE_ROW":
      return true;
    default:
      return false;
  }
}
