/**
 * Every kind of store. `shared/store/<name>.ts` is its adapter, a bundle of its own that only its
 * users load, and open-store.ts opens it. `pattern` is a STORE_URL that names it, in words `form`.
 * The cloud cannot use a store that is not `isShared`: it belongs to one process.
 */
export const STORES = [
  { name: "memory", pattern: /^memory:[\w-]*$/, form: "memory:", isShared: false },
  { name: "pglite", pattern: /^pglite:[^\0]+$/, form: "pglite:<folder>", isShared: false },
  // With a blank, the driver reads another URL than the one that is judged here.
  { name: "postgres", pattern: /^postgres(ql)?:\/\/\S*$/, form: "postgres://…", isShared: true },
  {
    name: "tablestore",
    pattern: /^tablestore:\/\//,
    form: "tablestore://INSTANCE.REGION/TABLE",
    isShared: true,
  },
] as const;

/** The store that a STORE_URL names, for which more may be wrong with it. */
export function storeOf(url: string): (typeof STORES)[number] | undefined {
  return STORES.find(({ pattern }) => pattern.test(url));
}
