import http from "node:http";
import type { AddressInfo } from "node:net";
import { text as readText } from "node:stream/consumers";
import { actsOn, createFaultQueue, faultPlan, plainPlan, type WirePlan } from "./cams-faults.ts";
import { createRateLimit, type RatePolicy } from "./cams-limit.ts";
import { ADD, isOperation, pretendOperation, runOperation } from "./cams-operations.ts";
import { errorReply } from "./cams-replies.ts";
import { createCamsState, SELF } from "./cams-state.ts";
import {
  createRpcVerifier,
  type Refusal,
  type RpcParams,
  readRpcParams,
  type SandboxCredentials,
} from "./rpc-signature.ts";
import {
  type CallLogOptions,
  createControl,
  runControl,
  type UpstreamCall,
  type UpstreamControl,
} from "./upstream-control.ts";

const VERSION = "2020-06-06";
const CONTROL = "/~control/";
const FORM = "application/x-www-form-urlencoded";
/** Longer than any test, so that no client's next request meets a closed connection. */
const KEEP_ALIVE_MS = 60_000;

export type UpstreamOptions = CallLogOptions & {
  /** Keys of one account. */
  readonly credentials: readonly SandboxCredentials[];
  /** 0, the default, takes a free port. */
  readonly port?: number;
  /** Calls a second for each operation. Default 10, as documented. */
  readonly qps?: number;
  readonly ratePolicy?: RatePolicy;
  /** Milliseconds since 1970, for timestamps, nonces and the limit. */
  readonly now?: () => number;
  /** Called with a customer after any change of it. */
  readonly onChange?: (custSpaceId: string) => void;
};

export type SandboxUpstream = {
  readonly url: string;
  readonly control: UpstreamControl;
  /** Ends every connection, also those that wait for a reply. */
  close(): Promise<void>;
};

type Received = {
  readonly method: string;
  readonly path: string;
  readonly rawQuery: string;
  readonly rawBody: string;
  readonly headers: http.IncomingHttpHeaders;
};

async function receive(request: http.IncomingMessage): Promise<Received> {
  const target = request.url ?? "/";
  const cut = target.includes("?") ? target.indexOf("?") : target.length;
  return {
    method: request.method ?? "GET",
    path: target.slice(0, cut),
    rawQuery: target.slice(cut + 1),
    rawBody: await readText(request),
    headers: request.headers,
  };
}

/** The gateway's own checks, before the product sees the request. */
function refuse(
  received: Received,
  params: RpcParams | undefined,
  verify: ReturnType<typeof createRpcVerifier>,
): Refusal | undefined {
  if (received.method !== "POST" && received.method !== "GET") {
    return { code: "UnsupportedHTTPMethod" };
  }
  if (!params)
    return { code: "InvalidParameter", message: "A parameter is unreadable or repeated." };
  if (!params.Action) return { code: "MissingAction" };
  const refusal = verify(received.method, params);
  if (refusal) return refusal;
  if (params.Version !== VERSION) return { code: "NoSuchVersion" };
  if (received.path !== "/" || !isOperation(params.Action)) return { code: "InvalidApi.NotFound" };
  return undefined;
}

function send(response: http.ServerResponse, plan: WirePlan): void {
  if (plan.kind === "hang") return;
  if (plan.kind === "reset") {
    response.socket?.resetAndDestroy();
    return;
  }
  const bytes = Buffer.from(plan.text);
  response.writeHead(plan.status, { ...plan.headers, "content-length": bytes.length });
  if (plan.kind === "answer") response.end(bytes);
  else response.write(bytes.subarray(0, bytes.length >> 1), () => response.socket?.end());
}

/**
 * A stand-in for CAMS 2020-06-06 on 127.0.0.1. It checks the published signature with its own code,
 * keeps customers and numbers in memory, limits the rate, and has faults on request. `control`, in
 * upstream-control.ts, does this in the process and over HTTP.
 */
export async function startUpstream(options: UpstreamOptions): Promise<SandboxUpstream> {
  const now = options.now ?? Date.now;
  const state = createCamsState(options.onChange);
  const faults = createFaultQueue();
  const { control, log } = createControl(state, faults, options);
  const verify = createRpcVerifier({ credentials: options.credentials, now });
  const limit = createRateLimit(options.qps ?? 10, options.ratePolicy ?? "sliding");
  const timers = new Set<NodeJS.Timeout>();

  const decide = (received: Received): WirePlan => {
    const isForm = received.headers["content-type"]?.startsWith(FORM) ?? false;
    const params = readRpcParams(received.rawQuery, isForm ? received.rawBody : "");
    const action = params?.Action ?? "";
    const at = now();
    const settle = (plan: WirePlan, rest: Pick<UpstreamCall, "executed" | "fault">): WirePlan => {
      const { method, rawQuery, rawBody, headers } = received;
      log.record({
        action,
        ...(params?.CustSpaceId && { custSpaceId: params.CustSpaceId }),
        ...(action === ADD && { phoneNumber: `${params?.Cc}${params?.PhoneNumber}` }),
        at,
        code: "code" in plan ? plan.code : undefined,
        ...{ method, rawQuery, rawBody, headers },
        ...rest,
      });
      return plan;
    };

    const refusal = refuse(received, params, verify);
    if (refusal || !params || !isOperation(action)) {
      return settle(plainPlan(errorReply(refusal?.code ?? "InvalidParameter", refusal)), {
        executed: false,
      });
    }
    const fault = faults.take(action, params.CustSpaceId || SELF);
    const retryAfterMs = fault ? undefined : limit.take(action, at);
    if (retryAfterMs !== undefined) {
      log.throttled();
      return settle(plainPlan(errorReply("Throttling.User", { retryAfterMs })), {
        executed: false,
      });
    }
    const acts = actsOn(fault);
    const run = acts ? runOperation : pretendOperation;
    const { executed, reply } = run(action, params, state);
    if (!fault) return settle(plainPlan(reply), { executed });
    return settle(faultPlan(fault, reply), { executed: acts && executed, fault: fault.kind });
  };

  const server = http.createServer({ keepAliveTimeout: KEEP_ALIVE_MS }, (request, response) => {
    const answer = (received: Received) => {
      if (received.path.startsWith(CONTROL)) {
        const path = received.path.slice(CONTROL.length);
        const { status, body } = runControl(control, path, received.rawBody);
        send(response, plainPlan({ status, headers: {}, body }));
        return;
      }
      const plan = decide(received);
      if (!("delayMs" in plan) || plan.delayMs === 0) {
        send(response, plan);
        return;
      }
      const timer = setTimeout(() => {
        timers.delete(timer);
        send(response, plan);
      }, plan.delayMs);
      timers.add(timer.unref());
    };
    receive(request).then(answer, () => request.destroy());
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(options.port ?? 0, "127.0.0.1", resolve);
  });

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    control,
    close: () =>
      new Promise((resolve) => {
        for (const timer of timers) clearTimeout(timer);
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
