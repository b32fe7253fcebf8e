import { type Decision, decide } from "../changes/decide.ts";
import type { WatchedField } from "../changes/watched-fields.ts";
import { commitRow, loadCustomer } from "../customers/customer.ts";
import { tendTombstone } from "../customers/erase.ts";
import { type CustomerRow, SELF } from "../schemas/customer-row.ts";
import type { CallOptions, Upstream } from "../signing/upstream.ts";
import type { Stored } from "../store/rows.ts";
import type { RunDeps } from "./settings.ts";

/** A read that conflicts is made once more. After that the next sweep reads the customer. */
const TRIES = 2;

export type ReadDeps = Pick<RunDeps, "store" | "now"> & {
  readonly source: string;
  /** False while nothing shows that this clock is right: then nothing is old. */
  readonly isClockConfirmed: () => boolean;
};

export type ReadOptions = CallOptions & {
  /** The row as a page has just shown it, which saves the first read of it. */
  readonly known: Stored<CustomerRow> | undefined;
  /** When the values of a row of this version were last seen. */
  readonly lastSeenAt: (version: string) => number | undefined;
  /** The plain query, or one that reads from the numbers' source. */
  readonly query: Upstream["query"];
};

/** A decision that waits until the run knows how many customers showed the same. */
export type DeferredDecision = {
  readonly customer: string;
  readonly before: Stored<CustomerRow>;
  readonly decision: Decision;
  /** The decision on the same answer, where only bad first values of these fields are news. */
  readonly decideSilently: (fields: ReadonlySet<WatchedField>) => Decision;
};

export type ReadOutcome =
  | {
      readonly kind: "unwatched";
      /** The version of a tombstone whose day is over by this clock. */
      readonly ended: string | undefined;
    }
  | {
      readonly kind: "read";
      readonly row: CustomerRow;
      readonly decision: Decision;
      /** The row that was read before the call. */
      readonly before: Stored<CustomerRow>;
    }
  | { readonly kind: "became-empty" | "first-values"; readonly deferred: DeferredDecision }
  /** Another process wrote the row meanwhile, twice: the reply is dropped. */
  | { readonly kind: "conflict" };

/**
 * Reads one customer upstream and stores what changed. The row is read before the upstream is
 * called, and written only if it is still that row. An old reply never meets newer state.
 *
 * @throws the upstream's, the store's and the row's errors
 */
export async function readCustomer(
  customer: string,
  deps: ReadDeps,
  options: ReadOptions,
): Promise<ReadOutcome> {
  const custSpaceId = customer === SELF ? undefined : customer;
  for (let tries = 1; tries <= TRIES; tries += 1) {
    const known = tries === 1 ? options.known : undefined;
    const before = known ?? (await loadCustomer(deps.store, customer));
    if (!before || before.value.removedAt) {
      const isOver =
        before && (await tendTombstone(deps.store, customer, before.value, deps.now()));
      return { kind: "unwatched", ended: isOver ? before.version : undefined };
    }
    const lastSeenAt = options.lastSeenAt(before.version);
    const reply = await options.query({ custSpaceId }, options);
    const input = {
      customer,
      source: deps.source,
      row: before.value,
      reply,
      readAt: deps.now(),
      lastSeenAt,
      isClockDoubtful: !deps.isClockConfirmed(),
    };
    const decision = decide(input);
    if (decision.becameEmpty || decision.firstValues.length > 0) {
      const decideSilently = (silent: ReadonlySet<WatchedField>) => decide({ ...input, silent });
      const deferred = { customer, before, decision, decideSilently };
      return { kind: decision.becameEmpty ? "became-empty" : "first-values", deferred };
    }
    if (!decision.row) return { kind: "read", row: before.value, decision, before };
    const outcome = await commitRow(deps.store, customer, before, decision.row);
    if (outcome === "stored") return { kind: "read", row: decision.row, decision, before };
  }
  return { kind: "conflict" };
}
