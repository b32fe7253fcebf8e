/*
 * Sources, as the rules below name them: "metadata" is the vendor's API metadata, "SDK" is npm
 * @alicloud/cams20200606, "page" is a page of the vendor's documentation. A rule that is a guess says
 * so. Where it can, a guess is strict: it refuses what the real upstream may accept.
 */
import { withoutTrunkPrefix } from "../../shared/changes/numbering-plans.ts";
import type { OPERATIONS } from "../../shared/signing/operations.ts";
import {
  accountWebhookReply,
  addReply,
  errorReply,
  healthReply,
  type InstanceFields,
  instanceReply,
  queryReply,
  type Reply,
} from "./cams-replies.ts";
import { type CamsState, SELF } from "./cams-state.ts";
import type { RpcParams } from "./rpc-signature.ts";

/**
 * Every action that this project's table of operations names, so that the sandbox misses none, and the
 * one with which a person sets the address of hints.
 */
export type Action = (typeof OPERATIONS)[number]["operation"]["action"] | "UpdateAccountWebhook";

export type Outcome = { readonly executed: boolean; readonly reply: Reply };

type Run = (params: RpcParams, state: CamsState) => Outcome;

type Operation = {
  /** Marked as required in the metadata, as of 2025-11. */
  readonly required: readonly string[];
  readonly run: Run;
  /** What it would have replied, without acting. */
  readonly pretend: Run;
};

/** Other channels, which a listing without a filter begins with. The order is a guess. */
const OTHER_CHANNELS: readonly InstanceFields[] = [
  { CustSpaceId: "viber-space-1", ChannelType: "viber" },
  { CustSpaceId: "viber-space-2", ChannelType: "viber" },
];

/** Guesses: no page says what PageSize is without one, or how large it may be. */
const DEFAULT_PAGE_SIZE = 10;
const MAX_PAGE_SIZE = 100;

const refused = (code: string): Outcome => ({ executed: false, reply: errorReply(code) });
const done = (reply: Reply): Outcome => ({ executed: true, reply });

/**
 * Runs an operation on the numbers of one customer.
 *
 * Without CustSpaceId it is the account itself: SDK 5.3.0 calls the parameter optional for Query.
 * Page api-error-codes and the metadata list Unknown.ResourceOwnerId. That an unknown customer gets it
 * is a guess. `self` is this project's own word and unknown to the upstream.
 */
function onCustomer(
  run: (custSpaceId: string, params: RpcParams, state: CamsState) => Outcome,
): Run {
  return (params, state) => {
    const given = params.CustSpaceId || undefined;
    if (given === SELF || (given !== undefined && !state.has(given))) {
      return refused("Unknown.ResourceOwnerId");
    }
    const custSpaceId = given ?? SELF;
    const refusal = state.refusal(custSpaceId);
    return refusal === undefined ? run(custSpaceId, params, state) : refused(refusal);
  };
}

/**
 * PhoneNumber is without the country code, and every reply has both joined (metadata). Other
 * characters than digits are refused: page api-error-codes lists the code, its use here is a guess.
 * No page says what an Add of a listed number does. OK is a guess, and the number keeps its state.
 * A prefix for home calls is no part of an international number (E.164), so the list does not have
 * it. That Add takes one at all is a guess.
 */
const addNumber = onCustomer((custSpaceId, params, state) => {
  const { Cc = "", PhoneNumber = "" } = params;
  const phoneNumber = `${Cc}${withoutTrunkPrefix(Cc, PhoneNumber)}`;
  if (!/^\d+$/.test(phoneNumber)) return refused("InvalidParameter.PhoneNumberError");
  if (!state.hasNumber(custSpaceId, phoneNumber)) {
    state.setNumber(custSpaceId, phoneNumber, { VerifiedName: params.VerifiedName });
  }
  return done(addReply());
});

/**
 * No source lists the values of the filter Status. The example in the metadata, VERIFIED, is a value
 * of CodeVerificationStatus, so both fields are compared. That case matters is a guess.
 */
const queryNumbers = onCustomer((custSpaceId, params, state) => {
  const filter = params.Status || undefined;
  const rows = state
    .listed(custSpaceId)
    .filter((n) => !filter || n.Status === filter || n.CodeVerificationStatus === filter);
  return done(queryReply(rows));
});

/** The reply is of the same form as Query's (SDK model ChatappSyncPhoneNumberResponseBody). */
const syncNumbers = onCustomer((custSpaceId, _params, state) =>
  done(queryReply(state.sync(custSpaceId))),
);

/**
 * Lists the customers of the account (page ListInstance). That it lists those of an ISV as well is a
 * guess. Page api-error-codes has the code for a bad page, its use here is a guess.
 */
function listInstances(params: RpcParams, state: CamsState): Outcome {
  const pageIndex = Number(params.PageIndex || 1);
  const pageSize = Number(params.PageSize || DEFAULT_PAGE_SIZE);
  if (!isWithin(pageIndex, Number.MAX_SAFE_INTEGER) || !isWithin(pageSize, MAX_PAGE_SIZE)) {
    return refused("InvalidParameter.PageInvalid");
  }
  const spaces = state.customers().map((id) => ({ CustSpaceId: id, ChannelType: "whatsapp" }));
  const wanted = params.ChannelType || undefined;
  const found = [...OTHER_CHANNELS, ...spaces].filter(
    ({ ChannelType }) => !wanted || ChannelType === wanted,
  );
  const page = found.slice((pageIndex - 1) * pageSize, pageIndex * pageSize);
  return done(instanceReply(page, found.length));
}

/**
 * The node's parameters are named in SDK 5.3.0. No page says what an unknown number or another node
 * gets: that both are refused is a guess.
 */
const getHealth = onCustomer((custSpaceId, params, state) => {
  const phoneNumber = params.PhoneNumber ?? "";
  if (params.NodeType !== "phone") return refused("InvalidParameter.NodeType");
  if (!state.hasNumber(custSpaceId, phoneNumber)) {
    return refused("InvalidParameter.PhoneNumberError");
  }
  return done(healthReply(phoneNumber, state.health(custSpaceId, phoneNumber)));
});

/**
 * Sets where the receipts of a customer go. HttpFlag and QueueFlag are Y or N (page
 * UpdateAccountWebhook). Guesses, all strict: another flag is refused, and HTTP without an address, or
 * with one that is no http(s) URL. Without HttpFlag nothing is sent. Queues are not simulated.
 */
const updateAccountWebhook = onCustomer((custSpaceId, params, state) => {
  const { StatusCallbackUrl: url = "", HttpFlag: http = "N", QueueFlag: queue = "N" } = params;
  for (const [name, flag] of Object.entries({ HttpFlag: http, QueueFlag: queue })) {
    if (flag !== "Y" && flag !== "N") return refused(`InvalidParameter.${name}`);
  }
  if (http === "Y" && !/^https?:\/\/[^/]/.test(url)) {
    return refused("InvalidParameter.StatusCallbackUrl");
  }
  state.setWebhook(custSpaceId, http === "Y" ? url : undefined);
  return done(accountWebhookReply());
});

function isWithin(value: number, most: number): boolean {
  return Number.isSafeInteger(value) && value >= 1 && value <= most;
}

const BY_ACTION: Readonly<Record<Action, Operation>> = {
  AddChatappPhoneNumber: {
    required: ["Cc", "PhoneNumber", "CustSpaceId", "VerifiedName"],
    run: addNumber,
    pretend: () => ({ executed: false, reply: addReply() }),
  },
  QueryChatappPhoneNumbers: { required: [], run: queryNumbers, pretend: queryNumbers },
  ChatappSyncPhoneNumber: {
    required: ["CustSpaceId"],
    run: syncNumbers,
    // It leaves the copy that Query shows as it is.
    pretend: queryNumbers,
  },
  GetWhatsappHealthStatus: {
    required: ["CustSpaceId", "NodeType"],
    run: getHealth,
    pretend: getHealth,
  },
  UpdateAccountWebhook: {
    required: ["CustSpaceId"],
    run: updateAccountWebhook,
    pretend: () => ({ executed: false, reply: accountWebhookReply() }),
  },
  ListInstance: { required: [], run: listInstances, pretend: listInstances },
};

export const isAction = (action: string | undefined): action is Action =>
  action !== undefined && Object.hasOwn(BY_ACTION, action);

/**
 * Carries one operation out, or only replies as if. Without a required parameter it is refused with
 * `Missing` and its name (pages 48054 and 434846 of the gateway).
 */
export function runOperation(
  action: Action,
  params: RpcParams,
  state: CamsState,
  acts: boolean,
): Outcome {
  const { required, run, pretend } = BY_ACTION[action];
  if (!acts) return pretend(params, state);
  const missing = required.find((name) => !params[name]);
  return missing === undefined ? run(params, state) : refused(`Missing${missing}`);
}
