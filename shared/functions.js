// JavaScript, as the bundler and the deployment's plugin run before anything can load TypeScript.

/**
 * One deployed function. Its name is that of its file in functions/, of its bundle and of its entry in
 * serverless.yml. It cannot work without the settings in `requires`. A function of kind `http` has
 * one method and its paths. The first path is the one behind a custom domain. `instances` is the most
 * that run at a time: without a ceiling, a flood of refused calls could use up those of the account.
 * `tableActions` is what its role may do with the table of a Tablestore store. A function with
 * `deployedWith` exists only while that setting has a value.
 */

export const ADD = /** @type {const} */ ({
  name: "add",
  kind: "http",
  method: "POST",
  paths: ["/add", "/", "/numbers"],
  requires: ["API_KEYS", "STORE_URL"],
  instances: 10,
  tableActions: ["GetRow", "PutRow", "DeleteRow"],
});

export const QUERY = /** @type {const} */ ({
  name: "query",
  kind: "http",
  method: "GET",
  paths: ["/query", "/", "/numbers"],
  requires: ["API_KEYS"],
  // Times QUERY_QPS they bound the live queries of the account.
  instances: 2,
  tableActions: ["GetRow"],
});

export const HINT = /** @type {const} */ ({
  name: "hint",
  kind: "http",
  method: "POST",
  paths: ["/hint", "/", "/hint/*", "/*"],
  requires: ["API_KEYS", "STORE_URL", "HINT_SECRET"],
  // One answers some hundred a second. More wait, or get the platform's 429.
  instances: 3,
  tableActions: ["GetRow", "PutRow"],
  deployedWith: "HINT_SECRET",
});

export const POLL = /** @type {const} */ ({
  name: "poll",
  kind: "timer",
  requires: ["STORE_URL", "WEBHOOK_URL", "WEBHOOK_SECRET"],
  // One for the timer's run, one for an operator's command beside it.
  instances: 2,
  tableActions: ["GetRow", "GetRange", "PutRow", "DeleteRow", "DescribeTable", "CreateTable"],
});

/** The table. A function imports its own row, and only tools import the array. */
export const FUNCTIONS = /** @type {const} */ ([ADD, QUERY, HINT, POLL]);
