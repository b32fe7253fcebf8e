import type * as z from "zod/mini";
import { UpstreamUnavailableError } from "../errors.ts";
import { isPhoneNumberItem, type queryReplySchema } from "../schemas/upstream.ts";
import type { Client } from "./client.ts";
import { ADD_NUMBER, QUERY_NUMBERS } from "./operations.ts";
import type { NumbersUpstream, QueryReply } from "./upstream.ts";
import { plain } from "./upstream-error.ts";

const ADD_LIMIT_MS = 18_000;

/** What add and query call. */
export function createNumbersUpstream(client: Client, monotonic: () => number): NumbersUpstream {
  return {
    async add(params, call) {
      const left = Math.min(ADD_LIMIT_MS, call.deadlineAt - monotonic());
      if (left <= 0) throw new UpstreamUnavailableError({ action: ADD_NUMBER.action }, true);
      const reply = await client.send(ADD_NUMBER, params, left);
      return { requestId: plain(reply.RequestId), success: reply.Success ?? undefined };
    },

    query: async (params, call) => toNumbers(await client.read(QUERY_NUMBERS, params, call)),
  };
}

/** Counts the rows that are no numbers. An absent list stays absent. */
export function toNumbers(reply: z.output<typeof queryReplySchema>): QueryReply {
  const { good, malformed } = splitRows(reply.PhoneNumbers, isPhoneNumberItem);
  return { requestId: plain(reply.RequestId), items: good, malformed };
}

/** The rows of the expected form, and the count of the others. */
export function splitRows<T>(
  rows: readonly unknown[] | null | undefined,
  isGood: (row: unknown) => row is T,
): { readonly good: T[] | undefined; readonly malformed: number } {
  const good = rows?.filter(isGood);
  return { good, malformed: (rows?.length ?? 0) - (good?.length ?? 0) };
}
