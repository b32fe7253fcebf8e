import type { IncomingHttpHeaders } from "node:http";
import {
  actsOn,
  createFaultQueue,
  type Fault,
  faultPlan,
  plainPlan,
  type WirePlan,
} from "./cams-faults.ts";
import { createRateLimit, type RatePolicy } from "./cams-limit.ts";
import { type Action, isAction, runOperation } from "./cams-operations.ts";
import { errorReply } from "./cams-replies.ts";
import { createCamsState, SELF } from "./cams-state.ts";
import { createReceiptSender } from "./receipts.ts";
import {
  createRpcVerifier,
  type Refusal,
  type RpcParams,
  readRpcParams,
  type SandboxCredentials,
} from "./rpc-signature.ts";
import { type CallLogOptions, createControl, type UpstreamControl } from "./upstream-control.ts";

/** The API's only version (metadata). */
const VERSION = "2020-06-06";
/** The documented limit, in calls a second (see cams-limit.ts). */
const DOCUMENTED_QPS = 10;
const FORM = "application/x-www-form-urlencoded";

export type GatewayOptions = CallLogOptions & {
  /** All of one account. */
  readonly credentials: readonly SandboxCredentials[];
  /** Calls a second for each operation. Default: 10, as documented. */
  readonly qps?: number;
  readonly ratePolicy?: RatePolicy;
  /** Milliseconds since 1970, for timestamps, nonces and the limit. */
  readonly now?: () => number;
  /** Gets the id of each customer that was made or changed, in whatever way. */
  readonly onChange?: (custSpaceId: string) => void;
};

/** One request as it arrived. */
export type Received = {
  readonly method: string;
  readonly path: string;
  readonly rawQuery: string;
  readonly rawBody: string;
  readonly headers: IncomingHttpHeaders;
};

type Decision = {
  readonly plan: WirePlan;
  readonly executed: boolean;
  readonly fault?: Fault["kind"] | undefined;
};

export type Gateway = {
  readonly control: UpstreamControl;
  /** Carries a request out, records it, and says what goes over the wire. */
  handle(received: Received): WirePlan;
  /** Ends the receipts that are under way. */
  close(): void;
};

/** Everything of the upstream but the server. */
export function createGateway(options: GatewayOptions): Gateway {
  const now = options.now ?? Date.now;
  const sender = createReceiptSender();
  const state = createCamsState(options.onChange, sender.send);
  const faults = createFaultQueue();
  const { control, log } = createControl(state, faults, sender, options);
  const verify = createRpcVerifier({ credentials: options.credentials, now });
  const limit = createRateLimit(options.qps ?? DOCUMENTED_QPS, options.ratePolicy ?? "sliding");

  function run(action: Action, params: RpcParams, fault: Fault | undefined): Decision {
    const acts = actsOn(fault);
    const { executed, reply } = runOperation(action, params, state, acts);
    if (!fault) return { plan: plainPlan(reply), executed };
    return { plan: faultPlan(fault, reply), executed: acts && executed, fault: fault.kind };
  }

  function decide(received: Received, params: RpcParams | undefined, at: number): Decision {
    const refusal = refusalOf(received, params, verify);
    if (refusal) return refused(refusal);
    const { Action: action, CustSpaceId } = params ?? {};
    if (!params || !isAction(action)) return refused({ code: "InvalidApi.NotFound" });
    const fault = faults.take(action, CustSpaceId || SELF);
    // A call with a fault is not counted.
    const retryAfterMs = fault ? undefined : limit.take(action, at);
    if (retryAfterMs === undefined) return run(action, params, fault);
    log.throttled();
    return refused({ code: "Throttling.User", retryAfterMs });
  }

  return {
    control,
    close: sender.close,
    handle(received) {
      const params = paramsOf(received);
      const at = now();
      const { plan, executed, fault } = decide(received, params, at);
      const { path: _, ...sent } = received;
      log.record({
        ...sent,
        action: params?.Action ?? "",
        custSpaceId: params?.CustSpaceId || undefined,
        phoneNumber: phoneNumberOf(params),
        at,
        code: "code" in plan ? plan.code : undefined,
        executed,
        fault,
      });
      return plan;
    },
  };
}

function refused({ code, ...rest }: Refusal & { readonly retryAfterMs?: number }): Decision {
  return { plan: plainPlan(errorReply(code, rest)), executed: false };
}

function paramsOf({ rawQuery, rawBody, headers }: Received): RpcParams | undefined {
  const isForm = headers["content-type"]?.startsWith(FORM) ?? false;
  return readRpcParams(rawQuery, isForm ? rawBody : "");
}

function phoneNumberOf(params: RpcParams | undefined): string | undefined {
  if (params?.Action !== "AddChatappPhoneNumber") return undefined;
  return `${params.Cc}${params.PhoneNumber}`;
}

/**
 * The gateway's own checks, before the product sees the request. GET and POST are allowed (metadata).
 * The codes are on pages 48054 and 434846. All SDKs send to the path `/`. That another one is refused
 * is a guess, and so is the order of the checks.
 */
function refusalOf(
  { method, path }: Received,
  params: RpcParams | undefined,
  verify: ReturnType<typeof createRpcVerifier>,
): Refusal | undefined {
  if (method !== "POST" && method !== "GET") return { code: "UnsupportedHTTPMethod" };
  if (!params) {
    return { code: "InvalidParameter", message: "A parameter is unreadable or repeated." };
  }
  if (!params.Action) return { code: "MissingAction" };
  const refusal = verify(method, params);
  if (refusal) return refusal;
  if (params.Version !== VERSION) return { code: "NoSuchVersion" };
  return path === "/" ? undefined : { code: "InvalidApi.NotFound" };
}
