// JavaScript, as the bundler and the deployment's plugin run before anything can load TypeScript.

/**
 * Every kind of store. `shared/store/<name>.ts` is its adapter, a bundle of its own that only its
 * users load, and open-store.ts opens it. `pattern` is a STORE_URL that names it, in words `form`.
 * The cloud cannot use a store that is not `isShared`: it belongs to one process.
 */
export const STORES = /** @type {const} */ ([
  { name: "memory", pattern: /^memory:[\w-]*$/, form: "memory:", isShared: false },
  { name: "pglite", pattern: /^pglite:[^\0]+$/, form: "pglite:<folder>", isShared: false },
  { name: "postgres", pattern: /^postgres(ql)?:\/\//, form: "postgres://…", isShared: true },
  {
    name: "tablestore",
    pattern: /^tablestore:\/\//,
    form: "tablestore://INSTANCE.REGION/TABLE",
    isShared: true,
  },
]);

/**
 * The store that a STORE_URL names, for which more may be wrong with it.
 *
 * @param {string} url
 */
export function storeOf(url) {
  return STORES.find(({ pattern }) => pattern.test(url));
}
