import type * as z from "zod/mini";
import { UpstreamUnavailableError } from "../errors.ts";
import { addReplySchema, isPhoneNumberItem, queryReplySchema } from "../schemas/upstream.ts";
import type { Client } from "./client.ts";
import type { NumbersUpstream, QueryReply } from "./upstream.ts";
import { plain } from "./upstream-error.ts";

const ADD_LIMIT_MS = 18_000;

/** What add and query call. */
export function createNumbersUpstream(client: Client, monotonic: () => number): NumbersUpstream {
  return {
    async add(params, call) {
      const action = "AddChatappPhoneNumber";
      const left = Math.min(ADD_LIMIT_MS, call.deadlineAt - monotonic());
      if (left <= 0) throw new UpstreamUnavailableError({ action }, true);
      const reply = await client.send(
        action,
        {
          CustSpaceId: params.custSpaceId,
          Cc: params.cc,
          PhoneNumber: params.phoneNumber,
          VerifiedName: params.verifiedName,
          PreValidateId: params.preValidateId,
        },
        addReplySchema,
        left,
      );
      return { requestId: plain(reply.RequestId), success: reply.Success ?? undefined };
    },

    async query(params, call) {
      const reply = await client.read(
        "QueryChatappPhoneNumbers",
        { CustSpaceId: params.custSpaceId, IsvCode: params.isvCode, Status: params.status },
        queryReplySchema,
        call,
      );
      return toNumbers(reply);
    },
  };
}

/** The list of an answer; rows that cannot be read are counted, and a list that is absent stays so. */
export function toNumbers(reply: z.output<typeof queryReplySchema>): QueryReply {
  const { good, malformed } = sortRows(reply.PhoneNumbers, isPhoneNumberItem);
  return { requestId: plain(reply.RequestId), items: good, malformed };
}

/** The rows that are what they should be, and how many are not. */
export function sortRows<T>(
  rows: readonly unknown[] | null | undefined,
  isGood: (row: unknown) => row is T,
): { readonly good: T[] | undefined; readonly malformed: number } {
  const good = rows?.filter(isGood);
  return { good, malformed: (rows?.length ?? 0) - (good?.length ?? 0) };
}
