import type { Row, Store } from "./store.ts";

export type MemoryStoreOptions = {
  /** A token that was never used before. */
  readonly newVersion: () => string;
};

/**
 * The store contract over a Map, for tests and for state that may be lost. It never throws. `close`
 * forgets nothing, so handles can share one store.
 */
export function createMemoryStore(options: MemoryStoreOptions): Store {
  const rows = new Map<string, Row>();
  // In order, so that a scan costs its page and not a sort of everything.
  const keys: string[] = [];

  return {
    async get(key) {
      const row = rows.get(key);
      return row && { value: row.value, version: row.version };
    },

    async put(key, value, expected, version = options.newVersion()) {
      const current = rows.get(key);
      if ((current?.version ?? "absent") !== expected) return "conflict";
      if (!current) keys.splice(firstAtOrAfter(keys, key), 0, key);
      rows.set(key, { key, value, version });
      return "stored";
    },

    async delete(key, expected) {
      if (rows.get(key)?.version !== expected) return "conflict";
      rows.delete(key);
      keys.splice(firstAtOrAfter(keys, key), 1);
      return "deleted";
    },

    async scan(prefix, after, limit) {
      const page: Row[] = [];
      const start = Math.max(firstAtOrAfter(keys, prefix), firstAtOrAfter(keys, after));
      for (let index = start; index < keys.length && page.length < limit; index++) {
        const row = rows.get(keys[index] ?? "");
        if (!row?.key.startsWith(prefix)) break;
        if (row.key > after) page.push(row);
      }
      return page;
    },

    async close() {},
  };
}

const shared = new Map<string, Store>();

/**
 * The one memory store of this process with this name. It lives as long as the process. The options
 * of its first caller hold.
 */
export function openMemoryStore(options: MemoryStoreOptions & { readonly name: string }): Store {
  const known = shared.get(options.name);
  const store = known ?? createMemoryStore(options);
  if (!known) shared.set(options.name, store);
  return store;
}

// Keys are ASCII, so the order of UTF-16 units is that of bytes.
function firstAtOrAfter(keys: readonly string[], key: string): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((keys[middle] ?? "") < key) low = middle + 1;
    else high = middle;
  }
  return low;
}
