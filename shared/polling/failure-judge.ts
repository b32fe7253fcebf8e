import type { AnyAppError } from "../errors.ts";

/** So many failures in a row, none of them a customer's own, mean that the upstream is down. */
const OUTAGE_AFTER = 10;

/** Why a run stopped reading: the account is refused, or the upstream is down. */
export type StopReason = "account" | "outage";

/** Judges what the failures of a run say together. */
export type FailureJudge = {
  noteGoodRead(): void;
  noteFailure(customer: string, error: AnyAppError, inLane: boolean): void;
  /** Judges a watch too small for many failures in a row, once its reads are over. */
  noteEnd(): void;
  /** Undefined while reading makes sense. */
  stopped(): StopReason | undefined;
  lastError(): AnyAppError | undefined;
};

export function createFailureJudge(): FailureJudge {
  const failing = new Set<string>();
  let inRow = 0;
  /** A read was good, or failed for its customer's own reason. */
  let isReachable = false;
  let lastError: AnyAppError | undefined;
  let stopped: StopReason | undefined;

  return {
    noteGoodRead() {
      inRow = 0;
      isReachable = true;
    },
    noteFailure(customer, error, inLane) {
      lastError = error;
      failing.add(customer);
      const isOwn = concernsCustomer(error);
      inRow = isOwn ? 0 : inRow + 1;
      isReachable ||= isOwn;
      if (concernsAccount(error)) stopped ??= "account";
      // A few customers in trouble may fill the lane and come first in every run. Only a failure in
      // the sweep as well means an outage.
      else if (inRow >= OUTAGE_AFTER && !inLane) stopped ??= "outage";
    },
    noteEnd() {
      if (!isReachable && failing.size >= 2) stopped ??= "outage";
    },
    stopped: () => stopped,
    lastError: () => lastError,
  };
}

function concernsAccount({ code }: AnyAppError): boolean {
  return code === "ERR_UPSTREAM_ACCOUNT" || code === "ERR_CREDENTIALS";
}

/** Whether an error says something about its customer alone, so others may be readable. */
function concernsCustomer(error: AnyAppError): boolean {
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
