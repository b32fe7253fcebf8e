import type { OPERATIONS } from "../../shared/signing/operations.ts";
import {
  addReply,
  errorReply,
  type InstanceFields,
  instanceReply,
  queryReply,
  type Reply,
} from "./cams-replies.ts";
import { type CamsState, SELF } from "./cams-state.ts";
import type { RpcParams } from "./rpc-signature.ts";

export const ADD = "AddChatappPhoneNumber";
export const QUERY = "QueryChatappPhoneNumbers";

/** The operations of the table, so that the sandbox has all of them. */
type Action = (typeof OPERATIONS)[number]["operation"]["action"];

/** Parameters that the SDK's models and the API's pages call `required`. */
const REQUIRED: Readonly<Record<Action, readonly string[]>> = {
  AddChatappPhoneNumber: ["Cc", "PhoneNumber", "CustSpaceId", "VerifiedName"],
  QueryChatappPhoneNumbers: [],
  ChatappSyncPhoneNumber: ["CustSpaceId"],
  ListInstance: [],
};

/** Instances that are no WhatsApp customers. A listing without a filter begins with them. */
const OTHER_CHANNELS: readonly InstanceFields[] = [
  { CustSpaceId: "viber-space-1", ChannelType: "viber" },
  { CustSpaceId: "viber-space-2", ChannelType: "viber" },
];
/** Neither is documented. */
const DEFAULT_PAGE_SIZE = 10;
const MAX_PAGE_SIZE = 100;

export const isOperation = (action: string | undefined): action is Action =>
  action !== undefined && Object.hasOwn(REQUIRED, action);

export type Outcome = { readonly executed: boolean; readonly reply: Reply };

const refused = (code: string): Outcome => ({ executed: false, reply: errorReply(code) });

function listInstances(params: RpcParams, state: CamsState): Outcome {
  const pageIndex = Number(params.PageIndex || 1);
  const pageSize = Number(params.PageSize || DEFAULT_PAGE_SIZE);
  const isPage = Number.isSafeInteger(pageIndex) && pageIndex >= 1;
  if (!isPage || !Number.isSafeInteger(pageSize) || pageSize < 1 || pageSize > MAX_PAGE_SIZE) {
    return refused("InvalidParameter.PageInvalid");
  }
  const spaces = state.customers().map((id) => ({ CustSpaceId: id, ChannelType: "whatsapp" }));
  const wanted = params.ChannelType || undefined;
  const found = [...OTHER_CHANNELS, ...spaces].filter(
    ({ ChannelType }) => !wanted || ChannelType === wanted,
  );
  const page = found.slice((pageIndex - 1) * pageSize, pageIndex * pageSize);
  return { executed: true, reply: instanceReply(page, found.length) };
}

/**
 * The reply of an operation that is not carried out, because faults change true replies. A Sync
 * that does not act leaves the copy that Query sees.
 */
export function pretendOperation(action: Action, params: RpcParams, state: CamsState): Outcome {
  if (action === "AddChatappPhoneNumber") return { executed: false, reply: addReply() };
  return runOperation(
    action === "ChatappSyncPhoneNumber" ? "QueryChatappPhoneNumbers" : action,
    params,
    state,
  );
}

/**
 * Runs one operation on the state. A request without CustSpaceId is about the account itself. The
 * upstream does not know this project's word `self`.
 */
export function runOperation(action: Action, params: RpcParams, state: CamsState): Outcome {
  const missing = REQUIRED[action].find((name) => !params[name]);
  if (missing !== undefined) return refused(`Missing${missing}`);

  if (action === "ListInstance") return listInstances(params, state);

  const given = params.CustSpaceId || undefined;
  if (given === SELF || (given !== undefined && !state.has(given))) {
    return refused("Unknown.ResourceOwnerId");
  }
  const custSpaceId = given ?? SELF;
  const refusal = state.refusal(custSpaceId);
  if (refusal !== undefined) return refused(refusal);

  if (action === "QueryChatappPhoneNumbers") {
    const filter = params.Status || undefined;
    const rows = state
      .listed(custSpaceId)
      .filter((n) => !filter || n.Status === filter || n.CodeVerificationStatus === filter);
    return { executed: true, reply: queryReply(rows) };
  }

  if (action === "ChatappSyncPhoneNumber")
    return { executed: true, reply: queryReply(state.sync(custSpaceId)) };

  const phoneNumber = `${params.Cc}${params.PhoneNumber}`;
  if (!/^\d+$/.test(phoneNumber)) return refused("InvalidParameter.PhoneNumberError");
  // The real reply for a known number is undocumented, so OK is a guess. The number's state must
  // survive a second Add in any case.
  if (!state.hasNumber(custSpaceId, phoneNumber)) {
    state.setNumber(custSpaceId, phoneNumber, { VerifiedName: params.VerifiedName });
  }
  return { executed: true, reply: addReply() };
}
