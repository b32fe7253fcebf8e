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

export type SyncPhoneNumbersParams = {
  /** Required upstream: the account itself cannot be read this way. */
  readonly custSpaceId: string;
};

export type ListInstancesParams = {
  /** Counted from 1. */
  readonly pageIndex: number;
  readonly pageSize: number;
};

export type Instance = {
  readonly custSpaceId: string;
  readonly channelType?: string;
  readonly state?: string;
};

export type ListInstancesReply = {
  readonly requestId: string | undefined;
  /** Undefined when the answer held no list at all, which is not an empty list. */
  readonly instances: readonly Instance[] | undefined;
  /** As the upstream counts them; undefined when it did not say. */
  readonly total: number | undefined;
  /** Rows without a usable CustSpaceId; they are left out of `instances`. */
  readonly malformed: number;
};

/** A rate limiter that every try of a call goes through. */
export type CallLimiter = {
  /** Waits for leave to send; `false` when there will be none before the rate limiter ends. */
  acquire(): Promise<boolean>;
  release(outcome: "answered" | "throttled"): void;
};

export type CallOptions = {
  /** On the monotonic clock, in ms: no try starts or runs past it. */
  readonly deadlineAt: number;
  readonly limiter?: CallLimiter;
};

/**
 * The operations on a customer's numbers. Every failure is one of the `Upstream…Error`s or a
 * `CredentialsError`; nothing of the request or of the foreign error is in it.
 */
export type NumbersUpstream = {
  /** Sends once. A timeout, reset, 5xx or unreadable answer proves nothing about what happened. */
  add(params: AddPhoneNumberParams, options: CallOptions): Promise<AddReply>;
  /** Reads, with up to three tries. */
  query(params: QueryPhoneNumbersParams, options: CallOptions): Promise<QueryReply>;
};

/** Every operation of the upstream that is used here; failures as above. */
export type Upstream = NumbersUpstream & {
  /**
   * Has the upstream fetch the customer's numbers from their source and answers with them, where
   * `query` may be answered from a stored copy. Safe to repeat, so it is tried like a read.
   */
  sync(params: SyncPhoneNumbersParams, options: CallOptions): Promise<QueryReply>;
  /** One page of the account's WhatsApp instances, with up to three tries. */
  listInstances(params: ListInstancesParams, options: CallOptions): Promise<ListInstancesReply>;
};
