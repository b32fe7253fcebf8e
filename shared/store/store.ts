/**
 * The versioned key-value contract of every adapter. `test/shared/store/contract.ts` checks its
 * laws:
 *
 * - An acknowledged write is never forgotten.
 * - `put` and `delete` act only if the stored version equals `expected`, or for `absent` if there is
 *   no row. Otherwise they change nothing and resolve to `conflict`. Each is atomic per row.
 * - A version is a random token, new for each write and compared for equality only. A row that was
 *   deleted and created again never has an old version.
 * - `scan` gives rows in the byte order of their keys.
 *
 * Keys are printable ASCII, 1 to 512 characters. Values are well-formed Unicode text without
 * U+0000, up to 1.5 MB of UTF-8. JSON text always is.
 *
 * Every method throws `StoreUnavailableError` if the store cannot be reached or is not in time. An
 * outcome is never guessed.
 */
export interface Store {
  get(key: string): Promise<Versioned | undefined>;
  put(
    key: string,
    value: string,
    expected: Version | "absent",
    /** The version that the row gets: a token that was never used before. Made up if left out. */
    version?: Version,
  ): Promise<"stored" | "conflict">;
  delete(key: string, expected: Version): Promise<"deleted" | "conflict">;
  /** Rows whose key starts with `prefix` and is greater than `after` ("" for the first page). */
  scan(prefix: string, after: string, limit: number): Promise<Row[]>;
  /** Releases connections, files and locks. The store must not be used afterwards. */
  close(): Promise<void>;
}

export type Version = string;

export type Versioned = { readonly value: string; readonly version: Version };

export type Row = Versioned & { readonly key: string };
