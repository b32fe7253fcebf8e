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

/** One request. It resolves to its outcome at the latest when the signal aborts. */
export type Call = (
  operation: Operation,
  params: object,
  signal: AbortSignal,
) => Promise<CallResult>;

export type ConnectionOptions = {
  readonly target: TablestoreTarget;
  /** Read at every call, because a role's credentials change between invocations. */
  readonly credentials: () => Credentials;
  /** Keeps connections: the SDK's own agent makes a TLS handshake for every request. */
  readonly agent: Agent;
};

/**
 * The only user of the official SDK 5.6.5, around its faults. The SDK retries nothing on its own
 * here. Its promise, which never settles after a cut or silent response, is not awaited. Of its
 * errors only codes are kept. A client is a plain object that lives for one call, because its
 * credentials and its signal are fixed when it is made.
 *
 * The loaded SDK has two effects on the whole process: the empty global names of `declareGlobals`,
 * and request lines on standard output if DEBUG is exactly `aliyun`.
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
        // The SDK writes this to the process's global agent, or else 300.
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
      // The SDK waits for the end of a response, which one that is cut off does not have.
      request.on("httpHeaders", (_status, _headers, { httpResponse: { stream } }) => {
        stream.once("close", () => {
          if (!stream.complete) fail(signal.aborted ? TIMED_OUT : CUT_OFF);
        });
      });
    });
  };
}

/**
 * The SDK assigns to names that it never declared. In strict code, which esbuild makes of a bundle,
 * that throws a ReferenceError unless the names exist.
 */
function declareGlobals(): void {
  for (const name of ["pro", "key", "size", "sub", "prefix_length", "cell_type"]) {
    if (name in globalThis) continue;
    Object.defineProperty(globalThis, name, { writable: true, configurable: true });
  }
}
