import type { CustomerRow } from "../schemas/customer-row.ts";
import type { Stored } from "../store/rows.ts";
import type { LastRead } from "./warm-state.ts";

/** One customer to read. */
export type ReadRequest = {
  readonly customer: string;
  /** How it is called, and whose share of the calls it uses. */
  readonly from: "sweep" | "lane";
  /** Its row, if a page has just shown it, which saves the first read of it. */
  readonly known?: Stored<CustomerRow> | undefined;
  /**
   * How long until it may be read, in ms, or `skip` if no read is needed. It is asked again right
   * before the read, because another source may have read the customer meanwhile.
   */
  dueIn(last: LastRead | undefined): number | "skip";
  /** Call it when the customer was read, could not be read, or needed no read. */
  finish(): void;
  /** Call it after a read with the row that then holds, or with what became of it. */
  settle?(read: CustomerRow | "unwatched" | "failed"): Promise<void>;
};

/** Where a run's reads come from: the sweep, the priority lane, customers that are new. */
export type ReadSource = {
  /** The next customer to read, or undefined when there is none for now. */
  next(): Promise<ReadRequest | undefined>;
  /** When there may be one again. It is asked after `next` had none. */
  outlook(): Outlook;
};

export type Outlook = {
  /** In ms from now; Infinity if nothing is known to come. */
  readonly inMs: number;
  /** Whether the run stays for it. Otherwise it is only looked at while the run lasts anyway. */
  readonly isAwaited: boolean;
};

/** The outlook of a source that has nothing more in this run. */
export const NOTHING_LEFT: Outlook = { inMs: Number.POSITIVE_INFINITY, isAwaited: false };
