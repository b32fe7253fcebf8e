import http, { type Agent } from "node:http";
import https from "node:https";
import TableStore from "tablestore";
import type { Credentials } from "../signing/credentials.ts";
import {
  CUT_OFF,
  failureOfAnswer,
  failureOfError,
  type TablestoreFailure,
  TIMED_OUT,
} from "./tablestore-failure.ts";
import type { TablestoreTarget } from "./tablestore-url.ts";

export type Operation =
  | "getRow"
  | "putRow"
  | "deleteRow"
  | "getRange"
  | "createTable"
  | "describeTable";

export type CallResult = { readonly data: unknown } | { readonly failure: TablestoreFailure };

/** One request and its outcome, given at the latest when the signal aborts. */
export type Call = (
  operation: Operation,
  params: object,
  signal: AbortSignal,
) => Promise<CallResult>;

export type ConnectionOptions = {
  readonly target: TablestoreTarget;
  /** Read at every call, as those of a function's role change from invocation to invocation. */
  readonly credentials: () => Credentials;
  /** Keeps connections: the SDK's own agent makes a TLS handshake for every request. */
  readonly agent: Agent;
};

/**
 * The door to the official SDK 5.6.5, which is kept from its faults here: it tries nothing again on
 * its own, its promise that never settles after a cut or silent answer is not waited for, and of
 * its errors only codes are kept. A client lives for one call, as its credentials and its signal
 * are fixed when it is made; it is a plain object and opens nothing.
 *
 * Two effects on the whole process remain while the SDK is loaded: the empty global names of
 * `declareGlobals`, and request lines on standard output when DEBUG is exactly `aliyun`.
 */
export function createCall(options: ConnectionOptions): Call {
  declareGlobals();
  const { instance, endpoint } = options.target;
  const { globalAgent } = endpoint.startsWith("https:") ? https : http;

  return async (operation, params, signal) => {
    if (signal.aborted) return { failure: TIMED_OUT };
    const { accessKeyId, accessKeySecret, securityToken } = options.credentials();
    const client = new TableStore.Client({
      accessKeyId,
      accessKeySecret: accessKeySecret.reveal(),
      securityToken: securityToken?.reveal(),
      endpoint,
      instancename: instance,
      maxRetries: 0,
      httpOptions: {
        agent: options.agent,
        signal,
        // The SDK writes this to the process's global agent, and 300 if there is none.
        maxSockets: globalAgent.maxSockets,
      },
    });

    return new Promise<CallResult>((resolve) => {
      const fail = (failure: TablestoreFailure) => {
        signal.removeEventListener("abort", expire);
        resolve({ failure });
      };
      const expire = () => fail(TIMED_OUT);
      signal.addEventListener("abort", expire, { once: true });

      const request = client.makeRequest(operation, params, function (error, data) {
        signal.removeEventListener("abort", expire);
        const { statusCode, body } = this.httpResponse;
        if (!error) resolve({ data });
        else if (signal.aborted) resolve({ failure: TIMED_OUT });
        else if (statusCode === undefined) resolve({ failure: failureOfError(error) });
        else resolve({ failure: failureOfAnswer(statusCode, body) });
      });
      // The SDK listens for the end of an answer only, and an answer that is cut off has none.
      request.on("httpHeaders", (_status, _headers, { httpResponse: { stream } }) => {
        stream.once("close", () => {
          if (!stream.complete) fail(signal.aborted ? TIMED_OUT : CUT_OFF);
        });
      });
    });
  };
}

/**
 * The SDK assigns to names that it never declared. In strict code, which esbuild makes of a whole
 * bundle, that throws a ReferenceError; once the names exist it works, and enumerates nowhere.
 */
function declareGlobals(): void {
  for (const name of ["pro", "key", "size", "sub", "prefix_length", "cell_type"]) {
    if (name in globalThis) continue;
    Object.defineProperty(globalThis, name, { writable: true, configurable: true });
  }
}
