import type { CustomerRow } from "../schemas/customer-row.ts";
import type { QueryReply } from "../signing/upstream.ts";
import type { Observation } from "./observation.ts";
import type { WatchedField } from "./watched-fields.ts";

/** A good answer about one customer, beside the row that was read before it was asked for. */
export type DecisionInput = {
  readonly customer: string;
  readonly source: string;
  readonly row: CustomerRow;
  readonly reply: QueryReply;
  /** When the reply came, in ms. */
  readonly readAt: number;
  /** A time after which the stored values are known to have been seen, in ms. */
  readonly lastSeenAt?: number | undefined;
  /** This clock is not known to be right, so nothing is reported by age. */
  readonly isClockDoubtful?: boolean | undefined;
  /** Fields whose first values are no news unless they are bad: many customers show some in one run. */
  readonly silent?: ReadonlySet<WatchedField> | undefined;
};

/** The same, once its list has been read. */
export type CustomerRead = DecisionInput & {
  /** `readAt` as rows and events hold it. */
  readonly observedAt: string;
  readonly seen: ReadonlyMap<string, Observation>;
  /** Numbers that are listed twice and differently: nothing else is known of them. */
  readonly unclear: ReadonlySet<string>;
  /** Those of the reads before. */
  readonly wasUnclear: CustomerRow["unclear"];
  /** Every item of the list parses: the only proof of absence. */
  readonly isComplete: boolean;
};
