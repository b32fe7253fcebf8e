import {
  UpstreamContractError,
  UpstreamTimeoutError,
  UpstreamUnavailableError,
} from "../../shared/errors.ts";
import type { PhoneNumberItem } from "../../shared/schemas/upstream.ts";
import { type FakeCall, type FakeReply, NO_LIST, refusalOf } from "../support/fake-upstream.ts";

/** What an answer shows of its customer, as the checks count it. */
export type Outcome = "whole" | "partial" | "refused" | "account" | "throttled" | "failed";

/** How the upstream answers a customer, whatever is asked about it. */
export type Manner = {
  readonly outcome: Outcome;
  readonly reply: (call: FakeCall, items: readonly PhoneNumberItem[]) => FakeReply;
  /** It accepts the call and never answers. */
  readonly isSilent?: boolean;
};

const refused = (code: string): Manner => ({
  outcome: "refused",
  reply: (call) => refusalOf(call, code),
});
const account = (code: string): Manner => ({
  outcome: "account",
  reply: (call) => refusalOf(call, code),
});

export const WELL: Manner = { outcome: "whole", reply: (_, items) => [...items] };

export const THROTTLED: Manner = {
  outcome: "throttled",
  reply: (call) => refusalOf(call, "Throttling.User"),
};
const SILENT: Manner = {
  outcome: "failed",
  reply: ({ action }) => new UpstreamTimeoutError({ action }),
  isSilent: true,
};
export const DOWN: Manner = {
  outcome: "failed",
  reply: ({ action }) => new UpstreamUnavailableError({ action }, false),
};
export const NO_ANSWER_LIST: Manner = { outcome: "partial", reply: () => NO_LIST };
export const MALFORMED_ROW: Manner = {
  outcome: "partial",
  reply: (_, items) => [42, ...items.slice(1)],
};
export const ACCOUNT_REFUSED = account("InvalidAccessKeyId.Inactive");

/** Manners that a single customer may have for ever, while others are read well. */
export const ODD_MANNERS: readonly Manner[] = [
  refused("Forbidden.RiskControl"),
  refused("Product.Unsubscript"),
  refused("BizError.NotKnown"),
  account("NoPermission"),
  account("InvalidAccessKeyId.NotFound"),
  THROTTLED,
  { ...THROTTLED, reply: (call) => refusalOf(call, "System.LimitControl", 2_000) },
  SILENT,
  DOWN,
  NO_ANSWER_LIST,
  MALFORMED_ROW,
  {
    outcome: "failed",
    reply: ({ action }) => new UpstreamContractError({ action, httpStatus: 200 }),
  },
];

/** Manners in which the upstream answers everyone for more than half an hour. */
export const BLACKOUTS: readonly Manner[] = [SILENT, THROTTLED, DOWN, ACCOUNT_REFUSED];
