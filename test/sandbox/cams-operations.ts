import { addReply, errorReply, queryReply, type Reply } from "./cams-replies.ts";
import { type CamsState, SELF } from "./cams-state.ts";
import type { RpcParams } from "./rpc-signature.ts";

export const ADD = "AddChatappPhoneNumber";
export const QUERY = "QueryChatappPhoneNumbers";

const REQUIRED: Readonly<Record<string, readonly string[]>> = {
  [ADD]: ["Cc", "PhoneNumber", "CustSpaceId", "VerifiedName"],
  [QUERY]: [],
};

export const isOperation = (action: string | undefined): action is string =>
  action !== undefined && Object.hasOwn(REQUIRED, action);

export type Outcome = { readonly executed: boolean; readonly reply: Reply };

const refused = (code: string): Outcome => ({ executed: false, reply: errorReply(code) });

/**
 * Runs one operation on the state. The account itself is named by leaving CustSpaceId out: the text
 * `self` is this project's word and unknown to the upstream.
 */
export function runOperation(action: string, params: RpcParams, state: CamsState): Outcome {
  const missing = REQUIRED[action]?.find((name) => !params[name]);
  if (missing !== undefined) return refused(`Missing${missing}`);

  const given = params.CustSpaceId || undefined;
  if (given === SELF || (given !== undefined && !state.has(given))) {
    return refused("Unknown.ResourceOwnerId");
  }
  const custSpaceId = given ?? SELF;
  const refusal = state.refusal(custSpaceId);
  if (refusal !== undefined) return refused(refusal);

  if (action === QUERY) {
    const filter = params.Status || undefined;
    const rows = state
      .numbers(custSpaceId)
      .filter((n) => !filter || n.Status === filter || n.CodeVerificationStatus === filter);
    return { executed: true, reply: queryReply(rows) };
  }

  const phoneNumber = `${params.Cc}${params.PhoneNumber}`;
  if (!/^\d+$/.test(phoneNumber)) return refused("InvalidParameter.PhoneNumberError");
  // What the real one says to a number that is already there is not documented; the number's state
  // must survive a second Add in any case.
  if (!state.hasNumber(custSpaceId, phoneNumber)) {
    state.setNumber(custSpaceId, phoneNumber, { VerifiedName: params.VerifiedName });
  }
  return { executed: true, reply: addReply() };
}
