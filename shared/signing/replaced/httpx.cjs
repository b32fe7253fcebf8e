// Stands in for httpx, pop-core's transport, when bundling: what pop-core calls of it, with one timer
// over the whole exchange that also closes the socket. httpx's own leave a half-read answer's socket
// open, and to close it by an AbortSignal costs each request a tenth of its time. Of the options those
// are honoured that our one caller sets.
const { urlToHttpOptions } = require("node:url");

const BODY = Symbol("body");
/** A customer's numbers fit many times over. An endless answer must not fill the memory. */
const MAX_BYTES = 4_194_304;

/** @typedef {{ url: string; open: typeof import("node:http").request; target: import("node:http").RequestOptions }} Upstream */

/** @type {Upstream | undefined} */
let upstream;

/** The one address that is called: to take it apart again for each call costs more than to send it. */
function reach(/** @type {string} */ url) {
  if (upstream?.url === url) return upstream;
  const { request: open } = url.startsWith("https:") ? require("node:https") : require("node:http");
  upstream = { url, open, target: urlToHttpOptions(new URL(url)) };
  return upstream;
}

/** @param {import("node:http").ClientRequest} request @param {(error: Error) => void} reject */
function expire(request, reject) {
  reject(Object.assign(new Error(), { name: "RequestTimeoutError" }));
  request.destroy();
}

/**
 * Resolves once the whole answer is there. Rejects `timeout` ms after the call at the latest, and
 * for an answer of more than 4 MB.
 */
exports.request = (
  /** @type {string} */ url,
  /** @type {import("node:http").RequestOptions & { timeout: number; data: string }} */ options,
) =>
  new Promise((resolve, reject) => {
    const { method, headers, agent, timeout = 3_000, data } = options;
    const { open, target } = reach(url);
    const request = open({ ...target, method, headers, agent });
    const timer = setTimeout(expire, timeout, request, reject);
    const fail = (/** @type {Error} */ error) => {
      clearTimeout(timer);
      reject(error);
    };
    request.on("error", fail);
    request.on("response", (response) => {
      /** @type {Buffer[]} */
      const chunks = [];
      let size = 0;
      response.on("data", (/** @type {Buffer} */ chunk) => {
        chunks.push(chunk);
        size += chunk.length;
        if (size <= MAX_BYTES) return;
        fail(Object.assign(new Error(), { name: "ResponseTooLargeError" }));
        request.destroy();
      });
      response.on("error", fail);
      response.on("end", () => {
        clearTimeout(timer);
        resolve(Object.assign(response, { [BODY]: Buffer.concat(chunks) }));
      });
    });
    request.end(data);
  });

exports.read = async (/** @type {Record<symbol, Buffer>} */ response) => response[BODY];
