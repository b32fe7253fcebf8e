import type * as z from "zod/mini";
import {
  addReplySchema,
  healthReplySchema,
  listInstanceReplySchema,
  queryReplySchema,
} from "../schemas/upstream.ts";

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

/** Its page names no RAM action, so the usual one is assumed. */
export const GET_HEALTH = {
  action: "GetWhatsappHealthStatus",
  params: ["custSpaceId", "nodeType", "phoneNumber"],
  reply: healthReplySchema,
} as const satisfies Operation;

/**
 * Every operation with the functions that call it, for tools only: a function imports the constants
 * that it uses. With `neededWith` no function calls it, unless this setting has one of these values.
 */
export const OPERATIONS = [
  { operation: ADD_NUMBER, functions: ["add"], neededWith: undefined },
  { operation: QUERY_NUMBERS, functions: ["add", "query", "poll"], neededWith: undefined },
  { operation: LIST_INSTANCES, functions: ["poll"], neededWith: ["WATCH_DISCOVER", "on", "true"] },
  { operation: SYNC_NUMBERS, functions: ["poll"], neededWith: ["WATCH_SYNC", "lane"] },
  { operation: GET_HEALTH, functions: ["poll"], neededWith: ["WATCH_HEALTH", "on", "true"] },
] as const;

/** What a role must allow for the operation. RAM knows no finer resource than `*`. */
export function ramAction({ action }: Operation): string {
  return `cams:${action}`;
}
