import type * as z from "zod/mini";
import { isAppError } from "../errors.ts";
import { decodeRow } from "../store/rows.ts";
import type { Row } from "../store/store.ts";

/** The decoded row, or undefined if this version cannot read it. */
export function tryDecode<S extends z.core.$ZodType>(row: Row, schema: S): z.output<S> | undefined {
  try {
    return decodeRow(row.key, row, schema);
  } catch (error) {
    if (isUnreadable(error)) return undefined;
    throw error;
  }
}

/**
 * The result of a step, or `unreadable` if this version cannot read a row that the step needs. One
 * such row must not end a command for all other customers.
 */
export async function skipUnreadable<T>(step: () => Promise<T>): Promise<T | "unreadable"> {
  try {
    return await step();
  } catch (error) {
    if (isUnreadable(error)) return "unreadable";
    throw error;
  }
}

function isUnreadable(error: unknown): boolean {
  return isAppError(error) && error.code === "ERR_STORE_ROW";
}
