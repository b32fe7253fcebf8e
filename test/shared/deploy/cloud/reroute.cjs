// Loaded into a process before anything else (NODE_OPTIONS=--require): every http and https request
// goes to the stand-in, with what was meant in two headers; no other socket leaves this machine.
const fs = require("node:fs");
const http = require("node:http");
const https = require("node:https");
const net = require("node:net");
const { syncBuiltinESMExports } = require("node:module");

/** Page "Endpoints" of Function Compute, 28 November 2025. A name in another region has no address. */
const REGIONS = [
  ...["hangzhou", "shanghai", "qingdao", "beijing", "zhangjiakou", "huhehaote"].map(inChina),
  ...["wulanchabu", "shenzhen", "chengdu", "hongkong"].map(inChina),
  ...["ap-southeast-1", "ap-southeast-3", "ap-southeast-5", "ap-southeast-7", "ap-northeast-1"],
  ...["ap-northeast-2", "eu-central-1", "eu-west-1", "us-east-1", "us-west-1"],
];
const REGIONAL =
  /(?:^|\.)([a-z]+-[a-z0-9-]+)\.(?:fc|log|ots|ots-internal|vpc\.tablestore)\.aliyuncs\.com$/;
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
      const [, region] = REGIONAL.exec(host) ?? [];
      const isUnknown = region !== undefined && !REGIONS.includes(region);
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
          host: isUnknown ? "localhost" : "127.0.0.1",
          ...(isUnknown ? { lookup: notFound(host), agent: false } : {}),
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

/** @param {string} city */
function inChina(city) {
  return `cn-${city}`;
}

/**
 * As the system's resolver answers for a name that does not exist.
 *
 * @param {string} hostname
 */
function notFound(hostname) {
  /** @param {...any} args */
  return (...args) => {
    const error = new Error(`getaddrinfo ENOTFOUND ${hostname}`);
    args.at(-1)(Object.assign(error, { code: "ENOTFOUND", syscall: "getaddrinfo", hostname }));
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
