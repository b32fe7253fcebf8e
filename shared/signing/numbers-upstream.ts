import type * as z from "zod/mini";
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
      const deadlineAt = Math.min(monotonic() + ADD_LIMIT_MS, call.deadlineAt);
      const reply = await client.write(ADD_NUMBER, params, deadlineAt);
      return { requestId: plain(reply.RequestId), success: toFlag(reply.Success) };
    },

    query: async (params, call) => toNumbers(await client.read(QUERY_NUMBERS, params, call)),
  };
}

/** The gateway may write a flag as text. */
function toFlag(value: unknown): boolean | undefined {
  if (typeof value !== "string") return typeof value === "boolean" ? value : undefined;
  const text = value.trim().toLowerCase();
  return text === "true" || text === "false" ? text === "true" : undefined;
}

/** Counts the rows that are no numbers. An absent list stays absent. */
export function toNumbers(reply: z.output<typeof queryReplySchema>): QueryReply {
  const rows = Array.isArray(reply.PhoneNumbers) ? reply.PhoneNumbers.map(withText) : undefined;
  const { good, malformed } = splitRows(rows, isPhoneNumberItem);
  return { requestId: plain(reply.RequestId), items: good, malformed };
}

/** The gateway may write a number without quotes. */
function withText(row: { readonly PhoneNumber?: unknown } | null): unknown {
  return typeof row?.PhoneNumber === "number" ? { ...row, PhoneNumber: `${row.PhoneNumber}` } : row;
}

/** The rows of the expected form, and the count of the others. */
export function splitRows<T>(
  rows: unknown,
  isGood: (row: unknown) => row is T,
): { readonly good: T[] | undefined; readonly malformed: number } {
  if (!Array.isArray(rows)) return { good: undefined, malformed: 0 };
  const good = rows.filter(isGood);
  return { good, malformed: rows.length - good.length };
}
