// JavaScript, as the bundler and the deployment's plugin run before anything can load TypeScript.

/**
 * One deployed function. Its name is that of its file in functions/, of its bundle and of its entry in
 * serverless.yml. It cannot work without the settings in `requires`. A function of kind `http` has
 * one method and its paths. The first path is the one behind a custom domain.
 */

export const ADD = /** @type {const} */ ({
  name: "add",
  kind: "http",
  method: "POST",
  paths: ["/add", "/", "/numbers"],
  requires: ["API_KEYS", "STORE_URL"],
});

export const QUERY = /** @type {const} */ ({
  name: "query",
  kind: "http",
  method: "GET",
  paths: ["/query", "/", "/numbers"],
  requires: ["API_KEYS"],
});

export const POLL = /** @type {const} */ ({
  name: "poll",
  kind: "timer",
  requires: ["STORE_URL", "WEBHOOK_URL", "WEBHOOK_SECRET"],
});

/** The table. A function imports its own row, and only tools import the array. */
export const FUNCTIONS = /** @type {const} */ ([ADD, QUERY, POLL]);
