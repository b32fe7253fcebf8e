import type * as z from "zod/mini";
import { isAppError } from "../errors.ts";
import { decodeRow } from "../store/rows.ts";
import type { Row } from "../store/store.ts";

/**
 * A row as its schema says, or undefined for one that this version cannot read: one such row must
 * not keep an operator from seeing all the others.
 */
export function readable<S extends z.core.$ZodType>(row: Row, schema: S): z.output<S> | undefined {
  try {
    return decodeRow(row.key, row, schema);
  } catch (error) {
    if (isAppError(error) && error.code === "ERR_STORE_ROW") return undefined;
    throw error;
  }
}
