import type * as z from "zod/mini";
import { addReplySchema, listInstanceReplySchema, queryReplySchema } from "../schemas/upstream.ts";

/** One operation of the upstream, API version 2020-06-06. */
export type Operation = {
  readonly action: string;
  /** All that is ever sent. pop-core turns the first letter into a capital, as the upstream has it. */
  readonly params: readonly string[];
  readonly reply: z.core.$ZodType;
};

export const ADD_NUMBER = {
  action: "AddChatappPhoneNumber",
  params: ["custSpaceId", "cc", "phoneNumber", "verifiedName", "preValidateId"],
  reply: addReplySchema,
} as const satisfies Operation;

export const QUERY_NUMBERS = {
  action: "QueryChatappPhoneNumbers",
  params: ["custSpaceId", "isvCode", "status"],
  reply: queryReplySchema,
} as const satisfies Operation;

export const SYNC_NUMBERS = {
  action: "ChatappSyncPhoneNumber",
  params: ["custSpaceId"],
  reply: queryReplySchema,
} as const satisfies Operation;

export const LIST_INSTANCES = {
  action: "ListInstance",
  params: ["channelType", "pageIndex", "pageSize"],
  reply: listInstanceReplySchema,
} as const satisfies Operation;

/**
 * Every operation, for tools only: a function imports the constants that it uses. `ramAction` is
 * what a role must allow. Without the setting `neededWith`, no function calls the operation.
 */
export const OPERATIONS = [
  {
    operation: ADD_NUMBER,
    ramAction: "cams:AddChatappPhoneNumber",
    functions: ["add"],
    neededWith: undefined,
  },
  {
    operation: QUERY_NUMBERS,
    ramAction: "cams:QueryChatappPhoneNumbers",
    functions: ["add", "query", "poll"],
    neededWith: undefined,
  },
  {
    operation: LIST_INSTANCES,
    ramAction: "cams:ListInstance",
    functions: ["poll"],
    neededWith: { setting: "WATCH_DISCOVER", value: "on" },
  },
  {
    operation: SYNC_NUMBERS,
    ramAction: "cams:ChatappSyncPhoneNumber",
    functions: ["poll"],
    neededWith: { setting: "WATCH_SYNC", value: "lane" },
  },
] as const;
