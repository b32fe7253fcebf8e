/**
 * The versioned key-value contract that every adapter keeps and `test/shared/store/contract.ts`
 * checks. Its laws:
 *
 * - A write that was acknowledged is never forgotten.
 * - `put` and `delete` act only when the stored version equals `expected` (or, for `absent`, when
 *   there is no row); otherwise they change nothing and answer `conflict`. Each is atomic per row.
 * - A version is a random token chosen by the adapter for each write and compared for equality
 *   only. A row deleted and created again never has an old version, and after a write whose answer
 *   was lost the adapter reads the row again to learn whether its own token landed.
 * - `scan` gives rows in the byte order of their keys.
 *
 * Keys are printable ASCII, 1 to 512 characters. Values are well-formed Unicode text without
 * U+0000 (JSON text always is), up to 1.5 MB of UTF-8.
 *
 * Every method throws `StoreUnavailableError` when the store cannot be reached or did not answer
 * in time: an outcome is never guessed.
 */
export interface Store {
  get(key: string): Promise<Versioned | undefined>;
  put(key: string, value: string, expected: Version | "absent"): Promise<"stored" | "conflict">;
  delete(key: string, expected: Version): Promise<"deleted" | "conflict">;
  /** Rows whose key starts with `prefix` and is greater than `after` ("" for the first page). */
  scan(prefix: string, after: string, limit: number): Promise<Row[]>;
  /** Gives up connections, files and locks. The store must not be used afterwards. */
  close(): Promise<void>;
}

export type Version = string;

export type Versioned = { readonly value: string; readonly version: Version };

export type Row = Versioned & { readonly key: string };
