import type { PhoneNumberItem } from "../schemas/upstream.ts";

export type AddPhoneNumberParams = {
  readonly custSpaceId: string;
  readonly cc: string;
  /** Without the country code, which every other operation and reply includes. */
  readonly phoneNumber: string;
  readonly verifiedName: string;
  readonly preValidateId?: string | undefined;
};

export type QueryPhoneNumbersParams = {
  /** Without it the account itself is meant. */
  readonly custSpaceId?: string | undefined;
  readonly isvCode?: string | undefined;
  readonly status?: string | undefined;
};

export type AddReply = {
  readonly requestId: string | undefined;
  /** As sent. It decides nothing, because the documented sample of a success says `false`. */
  readonly success: boolean | undefined;
};

export type QueryReply = {
  readonly requestId: string | undefined;
  /** Undefined if the reply held no list at all, which is not an empty list. */
  readonly items: readonly PhoneNumberItem[] | undefined;
  /** How many rows are not a number's object. `items` leaves them out. */
  readonly malformed: number;
};

export type SyncPhoneNumbersParams = {
  /** Required upstream, so the account itself cannot be synced. */
  readonly custSpaceId: string;
};

export type ListInstancesParams = {
  /** Counted from 1. */
  readonly pageIndex: number;
  readonly pageSize: number;
};

export type Instance = {
  readonly custSpaceId: string;
  readonly channelType?: string | undefined;
  readonly state?: string | undefined;
};

export type ListInstancesReply = {
  readonly requestId: string | undefined;
  /** Undefined if the reply held no list at all, which is not an empty list. */
  readonly instances: readonly Instance[] | undefined;
  /** The upstream's count of all instances, or undefined if it gave none. */
  readonly total: number | undefined;
  /** How many rows have no usable CustSpaceId. `instances` leaves them out. */
  readonly malformed: number;
};

export type HealthParams = {
  /** Required upstream, so numbers of the account itself cannot be asked about. */
  readonly custSpaceId: string;
  /** Country code and digits. */
  readonly phoneNumber: string;
};

export type HealthReply = {
  readonly requestId: string | undefined;
  /** As the upstream writes it. Undefined if the reply does not say. */
  readonly canSend: string | undefined;
  /** Why not: the errors of all entities that the reply shows. */
  readonly reasons: readonly {
    readonly entity: string;
    readonly code: string;
    readonly description: string | undefined;
    readonly solution: string | undefined;
  }[];
};

/** Limits how often and how many at once calls are sent. Every try of a call acquires it. */
export type CallLimiter = {
  /** Waits until the call may be sent. `false` means that it may not be sent in this run. */
  acquire(): Promise<boolean>;
  /** Follows each `acquire` that was true, once the try has ended. */
  release(outcome: "answered" | "throttled"): void;
};

export type CallOptions = {
  /** On the monotonic clock, in ms. No try starts or runs past it. */
  readonly deadlineAt: number;
  readonly limiter?: CallLimiter | undefined;
  /** A throttle ends the call at once. By default it is sent again, as after other failures. */
  readonly failsOnThrottle?: boolean;
  /** Called with the `Date` header of each answer, an error's as well. */
  readonly onAnswer?: (date: unknown) => void;
};

/**
 * The operations on a customer's numbers. Every failure is one of the `Upstream…Error`s, which hold
 * nothing of the request or of a foreign error.
 */
export type NumbersUpstream = {
  /** Sends once, and again only after a throttle. After a timeout, reset, 5xx or unreadable reply it may have been executed. */
  add(params: AddPhoneNumberParams, options: CallOptions): Promise<AddReply>;
  /** Has up to three tries. */
  query(params: QueryPhoneNumbersParams, options: CallOptions): Promise<QueryReply>;
};

/** Every operation of the upstream that this project uses, with the same failures. */
export type Upstream = NumbersUpstream & {
  /**
   * Has the upstream fetch the customer's numbers from their source, where `query` may reply from a
   * stored copy. It is safe to repeat, so it has up to three tries.
   */
  sync(params: SyncPhoneNumbersParams, options: CallOptions): Promise<QueryReply>;
  /** One page of the account's WhatsApp instances. Has up to three tries. */
  listInstances(params: ListInstancesParams, options: CallOptions): Promise<ListInstancesReply>;
  /** Whether one number can send. Reads the numbers' source. Has up to three tries. */
  health(params: HealthParams, options: CallOptions): Promise<HealthReply>;
};
