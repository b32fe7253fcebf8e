import type { AnyAppError } from "../errors.ts";

/** Why a run stopped reading: the account is refused. */
export type StopReason = "account";

/** One call that failed, on the wall clock in ms. */
export type FailedCall = {
  readonly customer: string;
  readonly error: AnyAppError;
  readonly calledAt: number;
  readonly answeredAt: number;
};

/**
 * Judges whether the account is refused. One refusal proves nothing about others: a gateway's node or
 * a token about to change answers so once, and several calls under way together fail together. Another
 * customer has to be refused by an account code too, in a call that began after the first was
 * answered, with no good read in between.
 */
export type FailureJudge = {
  noteGoodRead(): void;
  noteFailure(call: FailedCall): void;
  /** Whether a refusal waits for a second one. */
  isSuspicious(): boolean;
  /** Undefined while reading makes sense. */
  stopped(): StopReason | undefined;
  /** The refusal that is the account's. */
  accountError(): AnyAppError | undefined;
};

export function createFailureJudge(): FailureJudge {
  let first: FailedCall | undefined;
  let accountError: AnyAppError | undefined;

  return {
    noteGoodRead() {
      first = undefined;
    },
    noteFailure(call) {
      if (!concernsAccount(call.error)) return;
      first ??= call;
      const isProof = call.customer !== first.customer && call.calledAt >= first.answeredAt;
      if (isProof) accountError ??= call.error;
    },
    isSuspicious: () => first !== undefined && accountError === undefined,
    stopped: () => accountError && "account",
    accountError: () => accountError,
  };
}

/**
 * Whether the account's row holds a failure and not its customer's: nobody could be read, and the
 * account is refused or several customers fail without a refusal of their own. While others are
 * read, whoever fails is named.
 */
export function sharedFailures(
  errors: readonly AnyAppError[],
  { isRefused, isBlind }: { readonly isRefused: boolean; readonly isBlind: boolean },
): (error: AnyAppError) => boolean {
  if (!isBlind) return () => false;
  if (isRefused) return concernsAccount;
  const isShared = (error: AnyAppError) => !concernsCustomer(error);
  return errors.filter(isShared).length >= 2 ? isShared : () => false;
}

function concernsAccount({ code }: AnyAppError): boolean {
  return code === "ERR_UPSTREAM_ACCOUNT" || code === "ERR_CREDENTIALS";
}

/** What keeps everyone from being read or nobody: an answer that does not come, or comes unread. */
export function concernsEveryone(error: AnyAppError): boolean {
  return !concernsCustomer(error) && !concernsAccount(error);
}

/** Whether an error says something about its customer alone, so others may be readable. */
function concernsCustomer({ code }: AnyAppError): boolean {
  return (
    code === "ERR_UPSTREAM_REJECTED" ||
    code === "ERR_CUSTOMER_TOO_LARGE" ||
    code === "ERR_STORE_ROW"
  );
}
