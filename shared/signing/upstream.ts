import type { PhoneNumberItem } from "../schemas/upstream.ts";

export type AddPhoneNumberParams = {
  readonly custSpaceId: string;
  readonly cc: string;
  /** Without the country code: the only operation that takes it so. */
  readonly phoneNumber: string;
  readonly verifiedName: string;
  readonly preValidateId?: string | undefined;
};

export type QueryPhoneNumbersParams = {
  /** Absent: the account itself. */
  readonly custSpaceId?: string | undefined;
  readonly isvCode?: string | undefined;
  readonly status?: string | undefined;
};

export type AddReply = {
  readonly requestId: string | undefined;
  /** As sent: the documented sample of a success says `false`, so it decides nothing. */
  readonly success: boolean | undefined;
};

export type QueryReply = {
  readonly requestId: string | undefined;
  /** Undefined when the answer held no list at all, which is not an empty list. */
  readonly items: readonly PhoneNumberItem[] | undefined;
  /** Items that are not a number's object; they are left out of `items`. */
  readonly malformed: number;
};

/** A pace that every try of a call goes through. */
export type Gate = {
  /** Waits for leave to send; `false` when there will be none before the pace ends. */
  enter(): Promise<boolean>;
  leave(outcome: "answered" | "throttled"): void;
};

export type CallOptions = {
  /** On the monotonic clock, in ms: no try starts or runs past it. */
  readonly deadlineAt: number;
  readonly gate?: Gate;
};

/**
 * The two operations of the upstream. Every failure is one of the `Upstream…Error`s or a
 * `CredentialsError`; nothing of the request or of the foreign error is in it.
 */
export type Upstream = {
  /** Sends once. A timeout, reset, 5xx or unreadable answer proves nothing about what happened. */
  add(params: AddPhoneNumberParams, options: CallOptions): Promise<AddReply>;
  /** Reads, with up to three tries. */
  query(params: QueryPhoneNumbersParams, options: CallOptions): Promise<QueryReply>;
};
