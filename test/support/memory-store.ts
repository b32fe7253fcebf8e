import { createMemoryStore } from "../../shared/store/memory.ts";
import type { Store } from "../../shared/store/store.ts";

/** An empty store in memory, whose versions are `v1`, `v2`, … */
export function createTestStore(): Store {
  return createMemoryStore({ newVersion: createCounter("v") });
}

/** `<prefix>1`, `<prefix>2`, … */
export function createCounter(prefix: string): () => string {
  let count = 0;
  return () => {
    count += 1;
    return `${prefix}${count}`;
  };
}
