// Loaded into a process before anything else (NODE_OPTIONS=--require): every http and https request
// goes to the stand-in, with what was meant in two headers; no other socket leaves this machine.
const fs = require("node:fs");
const http = require("node:http");
const https = require("node:https");
const net = require("node:net");
const { syncBuiltinESMExports } = require("node:module");

const LOOPBACK = /^(127\.\d+\.\d+\.\d+|::1|localhost)$/;
const real = { request: http.request, get: http.get };
const realTls = { request: https.request, get: https.get };

/**
 * @param {number} port
 * @returns {() => void} undoes it
 */
function reroute(port) {
  for (const [scheme, module] of /** @type {const} */ ([
    ["http", http],
    ["https", https],
  ])) {
    const original = module.request;
    /** @param {...any} args */
    const request = (...args) => {
      const { options, callback } = readArguments(args);
      const host = String(options.hostname || options.host || "localhost").replace(/:\d+$/, "");
      if (LOOPBACK.test(host)) return Reflect.apply(original, module, args);
      if (options.rejectUnauthorized === false) throw new Error("certificates must be checked");
      return real.request(
        {
          method: options.method,
          path: options.path,
          headers: {
            ...options.headers,
            host,
            "x-stand-in-host": host,
            "x-stand-in-scheme": scheme,
          },
          timeout: options.timeout,
          signal: options.signal,
          host: "127.0.0.1",
          port,
        },
        callback,
      );
    };
    module.request = /** @type {typeof module.request} */ (request);
    /** @param {...any} args */
    const get = (...args) => {
      const outgoing = request(...args);
      outgoing.end();
      return outgoing;
    };
    module.get = /** @type {typeof module.get} */ (get);
  }
  syncBuiltinESMExports();
  return () => {
    Object.assign(http, real);
    Object.assign(https, realTls);
    syncBuiltinESMExports();
  };
}

/** @param {any[]} args */
function readArguments(args) {
  const callback = typeof args.at(-1) === "function" ? args.at(-1) : undefined;
  const given = args.filter((each) => each && typeof each !== "function");
  const parts = given.map((each) => {
    if (typeof each === "string" || each instanceof URL) {
      const url = new URL(each);
      return { hostname: url.hostname, path: `${url.pathname}${url.search}` };
    }
    return each;
  });
  return { options: Object.assign({}, ...parts), callback };
}

/** @param {string} file gets a line for each attempt to reach another machine */
function keepInside(file) {
  const connect = net.Socket.prototype.connect;
  net.Socket.prototype.connect = /** @type {typeof connect} */ (
    /** @this {net.Socket} @param {...any} args */
    function inside(...args) {
      const first = Array.isArray(args[0]) ? args[0][0] : args[0];
      const isPipe = typeof first === "string" || first?.path;
      const host = isPipe ? "localhost" : String(first?.host ?? "localhost");
      if (!LOOPBACK.test(host)) {
        fs.appendFileSync(file, `${host}\n`);
        throw new Error("this process may not leave the machine");
      }
      return Reflect.apply(connect, this, args);
    }
  );
}

if (process.env.STAND_IN_PORT) {
  keepInside(String(process.env.STAND_IN_ESCAPES));
  reroute(Number(process.env.STAND_IN_PORT));
}

module.exports = { reroute };
