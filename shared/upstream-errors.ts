import { AppError } from "./app-error.ts";

/** What is safe to keep of an upstream failure: nothing else of it leaves the signing module. */
export type UpstreamFacts = {
  readonly action: string;
  readonly upstreamCode?: string;
  readonly upstreamRequestId?: string;
  readonly httpStatus?: number;
};

abstract class UpstreamError extends AppError {
  readonly facts: UpstreamFacts;
  constructor(message: string, facts: UpstreamFacts) {
    super(message);
    this.facts = facts;
  }
}

/** The upstream refused these parameters or this customer; the call was not executed. */
export class UpstreamRejectedError extends UpstreamError {
  readonly code = "ERR_UPSTREAM_REJECTED";
  /** `customer`: only this customer is unusable. `request`: the parameters are. */
  readonly concerns: "customer" | "request";
  constructor(facts: UpstreamFacts, concerns: "customer" | "request") {
    super("The upstream refused the call; look up upstreamCode in its error list.", facts);
    this.concerns = concerns;
  }
}

/** Credentials, signature or permission: nothing on this account works until it is mended. */
export class UpstreamAccountError extends UpstreamError {
  readonly code = "ERR_UPSTREAM_ACCOUNT";
  constructor(facts: UpstreamFacts) {
    super(
      "The upstream refused this account's credentials or permissions; check the access key and that RAM allows the action.",
      facts,
    );
  }
}

/** Flow control; the call was not executed. */
export class UpstreamThrottledError extends UpstreamError {
  readonly code = "ERR_UPSTREAM_THROTTLED";
  readonly retryAfterMs: number | undefined;
  constructor(facts: UpstreamFacts, retryAfterMs?: number) {
    super("The upstream's request limit is used up; ask again later.", facts);
    this.retryAfterMs = retryAfterMs;
  }
}

/** No answer in time. Whether the upstream acted is unknown. */
export class UpstreamTimeoutError extends UpstreamError {
  readonly code = "ERR_UPSTREAM_TIMEOUT";
  constructor(facts: UpstreamFacts) {
    super("The upstream did not answer in time.", facts);
  }
}

/**
 * The upstream could not be reached, broke off, or said that it failed. `neverSent` is true only
 * when no connection was made, so that the upstream cannot have acted.
 */
export class UpstreamUnavailableError extends UpstreamError {
  readonly code = "ERR_UPSTREAM_UNAVAILABLE";
  readonly neverSent: boolean;
  constructor(facts: UpstreamFacts, neverSent: boolean) {
    super("The upstream is unavailable; ask again later.", facts);
    this.neverSent = neverSent;
  }
}

/** The answer is not what the API documents. It is reported, never interpreted. */
export class UpstreamContractError extends UpstreamError {
  readonly code = "ERR_UPSTREAM_CONTRACT";
  constructor(facts: UpstreamFacts) {
    super("The upstream's answer has an unknown form, so it was not used.", facts);
  }
}

/** There are no credentials: an unsigned request is never sent. */
export class CredentialsError extends AppError {
  readonly code = "ERR_CREDENTIALS";
  constructor() {
    super(
      "There are no credentials: give the function a role, or set ALIBABA_CLOUD_ACCESS_KEY_ID and ALIBABA_CLOUD_ACCESS_KEY_SECRET.",
    );
  }
}

/** Add may or may not have happened, and one Query could not settle it. */
export class AddOutcomeUnknownError extends AppError {
  readonly code = "ERR_ADD_OUTCOME_UNKNOWN";
  readonly outcome = "unknown";
  readonly facts: UpstreamFacts;
  constructor(facts: UpstreamFacts) {
    super(
      "The upstream gave no clear answer and the number is not in its list yet: it may still appear. Query the customer in a minute; add the number again only if it is still absent.",
    );
    this.facts = facts;
  }
}
