import { once } from "node:events";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { buffer as readBytes } from "node:stream/consumers";
import protocol from "tablestore/lib/protocol/tablestore_compiled_proto.js";
import { refusal } from "../guard.ts";
import type { SandboxCredentials } from "../rpc-signature.ts";
import { assertAuthentic } from "./ots-auth.ts";
import { OtsError } from "./ots-error.ts";
import { createFaults, executes, type Fault, isFault } from "./ots-faults.ts";
import { assertNetwork, NEW_INSTANCE, type NetworkType } from "./ots-networks.ts";
import { createOperations } from "./ots-operations.ts";

const CONTROL = "/~control/";
/** Longer than any test, so that no idle connection closes under a client's next request. */
const KEEP_ALIVE_MS = 60_000;
const KEY_TYPE_STRING = 2;

export type TablestoreOptions = {
  readonly instance: string;
  readonly credentials: readonly SandboxCredentials[];
  /** Made at the start, as shared/store/tablestore.ts makes its own. */
  readonly tables?: readonly string[];
  /** 0, the default, takes a free one. */
  readonly port?: number;
  /** From where the instance may be called by its own names. A new one is closed to the internet. */
  readonly networks?: NetworkType;
  /** Milliseconds since 1970, for the clock check and the columns' versions. */
  readonly now?: () => number;
};

/** What became of one request. `code` is undefined for a success or without a response. */
type TablestoreCall = {
  readonly operation: string;
  readonly accessKeyId: string;
  readonly executed: boolean;
  readonly code: string | undefined;
  readonly fault: Fault["kind"] | undefined;
};

export type SandboxTablestore = {
  readonly url: string;
  readonly control: {
    /** Also as POST /~control/fail with the fault as JSON. */
    fail(fault: Fault): void;
    /** Also as POST /~control/clear. */
    clear(): void;
    /** Since the start, oldest first. Also as GET /~control/calls. */
    calls(): readonly TablestoreCall[];
    /** Connections accepted since the start. */
    connections(): number;
    /** Resolves at the next use of a fault. */
    nextFault(): Promise<void>;
    /** From the next request on. */
    setCredentials(credentials: readonly SandboxCredentials[]): void;
  };
  /** Ends every connection, also those without a response yet, and forgets the tables. */
  close(): Promise<void>;
};

type Answer = { readonly status: number; readonly body: Uint8Array; readonly code?: string };

/**
 * A stand-in for one Tablestore instance on 127.0.0.1. It speaks HTTP and protobuf as the SDK does,
 * with code of its own for rows, signatures and the documented limits, and has faults on demand.
 * Tables live in memory while it runs.
 */
export async function startTablestore(options: TablestoreOptions): Promise<SandboxTablestore> {
  const now = options.now ?? Date.now;
  const { instance } = options;
  const operations = createOperations(now);
  const faults = createFaults();
  const calls: TablestoreCall[] = [];
  let credentials = options.credentials;
  let connections = 0;
  let announceFault = () => {};

  for (const tableName of options.tables ?? []) {
    const { CreateTableRequest } = protocol.main.proto;
    const request = CreateTableRequest.encode({
      tableMeta: { tableName, primaryKey: [{ name: "k", type: KEY_TYPE_STRING }] },
      reservedThroughput: { capacityUnit: { read: 0, write: 0 } },
      tableOptions: { timeToLive: -1, maxVersions: 1 },
    });
    operations.CreateTable?.(request.finish());
  }

  const run = (operation: string, body: Uint8Array): Answer => {
    try {
      const act = operations[operation];
      if (!act) throw new OtsError(400, "OTSUnsupportOperation", "Unsupported operation.");
      return { status: 200, body: act(body) };
    } catch (error) {
      return errorAnswer(error);
    }
  };

  const serve = (
    request: http.IncomingMessage,
    body: Uint8Array,
    response: http.ServerResponse,
  ) => {
    const path = request.url ?? "/";
    const operation = path.slice(1);
    const { headers } = request;
    const record = (call: Pick<TablestoreCall, "executed" | "code" | "fault">) =>
      calls.push({ operation, accessKeyId: String(headers["x-ots-accesskeyid"]), ...call });

    try {
      assertNetwork(headers.host ?? "", options.networks ?? NEW_INSTANCE);
      assertAuthentic({ path, headers, body }, { instance, credentials: () => credentials, now });
    } catch (error) {
      const refusal = errorAnswer(error);
      record({ executed: false, code: refusal.code, fault: undefined });
      send(response, refusal);
      return;
    }
    const fault = faults.take(operation);
    const executed = executes(fault);
    const honest = executed ? run(operation, body) : { status: 200, body: new Uint8Array() };
    const answer = fault ? faultyAnswer(fault, honest) : honest;
    record({ executed, code: answer?.code, fault: fault?.kind });
    if (fault?.kind === "drop") request.socket.resetAndDestroy();
    else if (answer) send(response, answer, fault?.kind === "cut");
    if (fault) announceFault();
  };

  const server = http.createServer({ keepAliveTimeout: KEEP_ALIVE_MS }, (request, response) => {
    readBytes(request).then(
      (body) => {
        const path = request.url ?? "/";
        if (path.startsWith(CONTROL) && refusal(request)) response.writeHead(403).end();
        else if (path.startsWith(CONTROL)) obey(path.slice(CONTROL.length), body, response);
        else serve(request, body, response);
      },
      () => request.destroy(),
    );
  });
  server.on("connection", () => {
    connections++;
  });

  const control: SandboxTablestore["control"] = {
    fail: faults.add,
    clear: faults.clear,
    calls: () => [...calls],
    connections: () => connections,
    nextFault: () =>
      new Promise((resolve) => {
        announceFault = resolve;
      }),
    setCredentials(next) {
      credentials = next;
    },
  };

  const obey = (command: string, body: Buffer, response: http.ServerResponse) => {
    const isPost = response.req.method === "POST";
    const fault: unknown = command === "fail" && isPost ? JSON.parse(body.toString()) : undefined;
    if (isFault(fault)) control.fail(fault);
    else if (command === "clear" && isPost) control.clear();
    else if (command !== "calls") response.statusCode = 400;
    response.end(JSON.stringify(command === "calls" ? calls : {}));
  };

  server.listen(options.port ?? 0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    control,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function errorAnswer(error: unknown): Answer {
  // Bytes that are not the expected protobuf message.
  const known = error instanceof OtsError ? error : undefined;
  const status = known?.status ?? 400;
  const code = known?.code ?? "OTSParameterInvalid";
  const message = known?.message ?? "The request cannot be decoded.";
  return { status, code, body: protocol.main.proto.Error.encode({ code, message }).finish() };
}

/** Undefined when there is none. */
function faultyAnswer(fault: Fault, honest: Answer): Answer | undefined {
  switch (fault.kind) {
    case "drop":
    case "hang":
      return undefined;
    case "cut":
      return honest;
    case "html":
      return { status: fault.status, body: Buffer.from("<html><body>Bad Gateway</body></html>") };
    case "code":
      return errorAnswer(new OtsError(fault.status, fault.code, "As the test asked."));
  }
}

function send(response: http.ServerResponse, { status, body }: Answer, isCut = false): void {
  response.writeHead(status, { "content-length": body.length, "x-ots-requestid": "sandbox" });
  if (!isCut) response.end(body);
  else response.write(body.subarray(0, body.length >> 1), () => response.socket?.end());
}
