import * as z from "zod/mini";
import { CustomerTooLargeError, isAppError, StoreRowError } from "../errors.ts";
import { CUSTOMER_PREFIX } from "../schemas/customer-row.ts";
import type { Row, Store, Version, Versioned } from "./store.ts";

/** The newest form of a row that this version reads and writes; of customers' rows the second. */
const newestForm = (key: string) => (key.startsWith(CUSTOMER_PREFIX) ? 2 : 1);
const MAX_ROW_BYTES = 1_500_000;

export type Stored<T> = { readonly value: T; readonly version: Version };

const anyRow = z.looseObject({ schema: z.number() });

/**
 * Reads a row as its schema says, keeping keys that the schema does not know.
 *
 * @throws StoreRowError for a row of a newer version or one that cannot be read
 */
export async function readRow<S extends z.core.$ZodType>(
  store: Pick<Store, "get">,
  key: string,
  schema: S,
): Promise<Stored<z.output<S>> | undefined> {
  const found = await store.get(key);
  return found && { value: decodeRow(key, found, schema), version: found.version };
}

/**
 * As `readRow`, for a row that has been read.
 *
 * @throws StoreRowError
 */
export function decodeRow<S extends z.core.$ZodType>(
  key: string,
  row: Row | Versioned,
  schema: S,
): z.output<S> {
  let json: unknown;
  try {
    json = JSON.parse(row.value);
  } catch {
    throw new StoreRowError(key, "unreadable");
  }
  const any = anyRow.safeParse(json);
  if (any.success && any.data.schema > newestForm(key))
    throw new StoreRowError(key, "newer-schema");
  const parsed = z.safeParse(schema, json);
  if (!parsed.success) throw new StoreRowError(key, "unreadable");
  return parsed.data;
}

/**
 * As `readRow`, for a row that may be replaced: one that cannot be read has no value. A row of a
 * newer version is never replaced.
 *
 * @throws StoreRowError for a row of a newer version
 */
export async function readReplaceable<S extends z.core.$ZodType>(
  store: Pick<Store, "get">,
  key: string,
  schema: S,
): Promise<{ readonly value: z.output<S> | undefined; readonly version: Version } | undefined> {
  const found = await store.get(key);
  if (!found) return undefined;
  try {
    return { value: decodeRow(key, found, schema), version: found.version };
  } catch (error) {
    const isReplaceable = isAppError(error) && error.code === "ERR_STORE_ROW";
    if (!isReplaceable || error.reason !== "unreadable") throw error;
    return { value: undefined, version: found.version };
  }
}

/** @throws CustomerTooLargeError over 1.5 MB, which the smallest store limit would refuse. */
export function encodeRow(value: object): string {
  const text = JSON.stringify(value);
  const bytes = Buffer.byteLength(text);
  if (bytes > MAX_ROW_BYTES) throw new CustomerTooLargeError(bytes);
  return text;
}

/** Every key below a prefix, page by page, in key order. */
export async function* scanAll(
  store: Pick<Store, "scan">,
  prefix: string,
  after = "",
  pageSize = 100,
): AsyncGenerator<Row> {
  let last = after;
  for (;;) {
    const page = await store.scan(prefix, last, pageSize);
    yield* page;
    const end = page.at(-1);
    if (!end || page.length < pageSize) return;
    last = end.key;
  }
}
