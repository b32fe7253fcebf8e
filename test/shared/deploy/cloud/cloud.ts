import { once } from "node:events";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { buffer as readBytes } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { createRpcVerifier, type SandboxCredentials } from "../../../sandbox/rpc-signature.ts";
import type { CloudAnswer, CloudCall, CloudRequest } from "./cloud-request.ts";
import { Refusal } from "./cloud-request.ts";
import { addServiceRole, type CloudState, createState, snapshot } from "./cloud-state.ts";
import { createFcApi, fcRefusal } from "./fc-api.ts";
import { createRamApi, ramRefusal } from "./ram-api.ts";
import { createAcs3Verifier } from "./signatures.ts";
import { createSlsApi, slsRefusal } from "./sls-api.ts";

/**
 * `refuse` and `break` leave the state as it is: a 500 in the API's words, a proxy's error page.
 * `lose` does the work and ends the connection instead of answering.
 */
export type FaultKind = "refuse" | "break" | "lose";

export type RecordedCall = {
  readonly name: string;
  readonly scheme: string;
  readonly host: string;
  /** The code that was answered with, for what was refused. */
  readonly refused?: string;
};

export type StandInCloud = {
  readonly port: number;
  readonly state: CloudState;
  /** All calls since the last `forget`, also those to hosts that the stand-in does not know. */
  calls(): readonly RecordedCall[];
  forget(): void;
  /** The call of that number, counted from now and from 1, goes wrong; one at a time. */
  failCall(number: number, kind: FaultKind): void;
  snapshot(): unknown;
  close(): Promise<void>;
};

export type CloudOptions = {
  readonly accountId: string;
  readonly credentials: readonly SandboxCredentials[];
  /** How many calls a new role stays unknown to Function Compute. */
  readonly roleUnknownFor?: number;
  readonly projectUnseenFor?: number;
  readonly functionPendingReads?: number;
  /** An invocation runs the deployed archive, unless a test gives its answer. */
  readonly runsFunctions?: boolean;
  /** The address of a stand-in instance, which gets what is sent to Tablestore's hosts. */
  readonly tablestore?: string;
  /** Nothing is activated yet, and so Function Compute's own role is not there. */
  readonly isFresh?: boolean;
};

/**
 * A stand-in for Function Compute, RAM, STS and Log Service that keeps state and checks every
 * signature by itself. It serves plain http on loopback: `reroute.cjs` sends a process's requests here
 * and tells, in headers that nothing signs, which host and scheme were meant.
 */
export async function startCloud(options: CloudOptions): Promise<StandInCloud> {
  const { credentials, accountId } = options;
  const state = createState();
  if (options.isFresh) state.activated.clear();
  else addServiceRole(state);
  const verify = createRpcVerifier({ credentials, now: Date.now });
  const ram = createRamApi(state, {
    accountId,
    verify,
    roleUnknownFor: options.roleUnknownFor ?? 0,
  });
  const sls = createSlsApi(state, { credentials, projectUnseenFor: options.projectUnseenFor ?? 0 });
  const fc = createFcApi(state, {
    accountId,
    verify: createAcs3Verifier(credentials),
    pendingReads: options.functionPendingReads ?? 0,
    runAs: options.runsFunctions ? credentials[0] : undefined,
    port: () => (server.address() as AddressInfo).port,
  });
  const apis = [
    { hosts: /^(ram|sts)\.aliyuncs\.com$/, read: ram, refusal: ramRefusal },
    { hosts: /\.log\.aliyuncs\.com$/, read: sls, refusal: slsRefusal },
    { hosts: /^\d+\.[a-z0-9-]+\.fc\.aliyuncs\.com$/, read: fc, refusal: fcRefusal },
  ];
  let calls: RecordedCall[] = [];
  let fault: { number: number; kind: FaultKind } | undefined;

  const serve = async (incoming: http.IncomingMessage, outgoing: http.ServerResponse) => {
    const request = await readRequest(incoming);
    const scheme = String(incoming.headers["x-stand-in-scheme"]);
    const [, called] = /^([\w-]+)-abcdefghij\.[a-z0-9-]+\.fcapp\.run$/.exec(request.host) ?? [];
    if (called) {
      calls.push({ name: `http ${request.method} ${called}`, scheme, host: request.host });
      const isThere = state.functions.get(called)?.triggers.has("http");
      outgoing.writeHead(isThere ? (state.statuses.get(called) ?? 401) : 404).end();
      return;
    }
    if (options.tablestore && TABLESTORE.test(request.host)) {
      calls.push({ name: `ots ${request.path.slice(1)}`, scheme, host: request.host });
      await passOn(request, options.tablestore, outgoing);
      return;
    }
    const api = apis.find(({ hosts }) => hosts.test(request.host));
    if (!api) {
      calls.push({ name: "unknown host", scheme, host: request.host });
      outgoing.writeHead(599).end();
      return;
    }
    const call = api.read(request);
    const number = fault ? --fault.number : undefined;
    const kind = number === 0 ? fault?.kind : undefined;
    let refused: string | undefined;
    let answer: CloudAnswer;
    if (kind === "break") {
      refused = "502";
      answer = {
        status: 502,
        headers: { "content-type": "text/html" },
        body: "<h1>Bad Gateway</h1>",
      };
    } else {
      try {
        if (scheme !== "https") throw new Refusal(400, "PlainHttp");
        if (kind === "refuse") throw new Refusal(500, "InternalError");
        answer = await call.run();
      } catch (error) {
        if (!(error instanceof Refusal)) throw error;
        refused = error.code;
        answer = api.refusal(error);
      }
    }
    record(call, { scheme, host: request.host, ...(refused ? { refused } : {}) });
    if (kind === "lose") {
      incoming.socket.destroy();
      return;
    }
    outgoing.writeHead(answer.status, answer.headers).end(answer.body);
  };
  const record = ({ name }: CloudCall, facts: Omit<RecordedCall, "name">) => {
    calls.push({ name, ...facts });
  };

  const server = http.createServer((incoming, outgoing) => {
    serve(incoming, outgoing).catch((error: Error) => {
      calls.push({ name: `stand-in failed: ${error.message}`, scheme: "", host: "" });
      outgoing.destroy();
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    state,
    calls: () => calls,
    forget: () => {
      calls = [];
    },
    failCall: (number, kind) => {
      fault = { number, kind };
    },
    snapshot: () => snapshot(state),
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => {
        server.close(resolve);
      });
    },
  };
}

/** The three names of an instance, page "Endpoints" of Tablestore. */
const TABLESTORE = /\.(ots|ots-internal|vpc\.tablestore)\.aliyuncs\.com$/;

/** The stand-in instance sees which of its names was called. */
async function passOn(
  { method, path, host, headers, body }: CloudRequest,
  to: string,
  outgoing: http.ServerResponse,
): Promise<void> {
  const request = http.request(new URL(path, to), { method, headers: { ...headers, host } });
  request.end(body);
  const [answer] = (await once(request, "response")) as [http.IncomingMessage];
  outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
  await pipeline(answer, outgoing);
}

async function readRequest(incoming: http.IncomingMessage): Promise<CloudRequest> {
  const [path = "/", rawQuery = ""] = (incoming.url ?? "/").split("?");
  const host = String(incoming.headers["x-stand-in-host"]);
  const own = Object.entries(incoming.headers).filter(([name]) => !name.startsWith("x-stand-in-"));
  return {
    method: incoming.method ?? "",
    host,
    path,
    rawQuery,
    query: new Map(new URLSearchParams(rawQuery)),
    headers: Object.fromEntries(own.map(([name, value]) => [name, String(value)])),
    body: await readBytes(incoming),
  };
}
