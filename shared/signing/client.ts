import type { Agent } from "node:http";
import RpcClient from "@alicloud/pop-core/lib/rpc.js";
import * as z from "zod/mini";
import {
  addReplySchema,
  instanceItemSchema,
  listInstanceReplySchema,
  phoneNumberItemSchema,
  queryReplySchema,
} from "../schemas/upstream.ts";
import {
  UpstreamContractError,
  UpstreamTimeoutError,
  UpstreamUnavailableError,
} from "../upstream-errors.ts";
import type { Credentials } from "./credentials.ts";
import { retryDelayMs } from "./retry-timing.ts";
import type { CallOptions, QueryReply, Upstream } from "./upstream.ts";
import { defined, plain, toUpstreamFailure, type UpstreamFailure } from "./upstream-error.ts";

const API_VERSION = "2020-06-06";
const READ_TRIES = 3;

/** One try gets no more than this, so that a silent connection leaves time for another. */
const TRY_LIMIT_MS = 8_000;
const ADD_LIMIT_MS = 18_000;

export type UpstreamOptions = {
  /** `https://host` (or http for loopback), without a path. */
  readonly endpoint: string;
  /** Those of this invocation: make a new upstream for each. */
  readonly credentials: Credentials;
  readonly agent: Agent;
};

export type UpstreamDeps = {
  readonly monotonic: () => number;
  readonly random: () => number;
  readonly sleep: (ms: number) => Promise<void>;
  /** Fresh, unpredictable text for each request: pop-core's own nonce is 40 bits of Math.random. */
  readonly newNonce: () => string;
};

/**
 * The signing module's door and the only importer of pop-core. Requests are signed with RPC
 * signature v1.0 and always sent with the exact method text `POST`: with anything else pop-core
 * puts the access key, token, signature and phone number into the URL and into its errors.
 */
export function createUpstream(options: UpstreamOptions, deps: UpstreamDeps): Upstream {
  const { accessKeyId, accessKeySecret, securityToken } = options.credentials;
  const client = new RpcClient({
    endpoint: options.endpoint,
    apiVersion: API_VERSION,
    accessKeyId,
    accessKeySecret: accessKeySecret.reveal(),
    ...defined("securityToken", securityToken?.reveal()),
  });
  // The declared types lack the constructor's second argument; `verbose` makes the status visible.
  (client as unknown as { verbose: boolean }).verbose = true;

  async function send<S extends z.core.$ZodType>(
    action: string,
    params: Readonly<Record<string, string | undefined>>,
    schema: S,
    timeoutMs: number,
  ): Promise<z.output<S>> {
    const abort = AbortSignal.timeout(Math.max(1, Math.ceil(timeoutMs)));
    let answer: unknown;
    try {
      answer = await client.request(
        action,
        { ...withoutAbsent(params), SignatureNonce: deps.newNonce() },
        {
          method: "POST",
          agent: options.agent,
          // Both of pop-core's timeouts at once: its "connect" timeout is really an idle one.
          timeout: Math.max(1, Math.ceil(timeoutMs)),
          // Its timeouts reject but leave a half-read answer's socket open; the signal closes it.
          beforeRequest: (request: object) => ({ ...request, signal: abort }),
        },
      );
    } catch (error) {
      if (abort.aborted) throw new UpstreamTimeoutError({ action });
      throw toUpstreamFailure(error, action);
    }
    return readAnswer(action, answer, schema);
  }

  async function read<S extends z.core.$ZodType>(
    action: string,
    params: Readonly<Record<string, string | undefined>>,
    schema: S,
    call: CallOptions,
  ): Promise<z.output<S>> {
    let failure: UpstreamFailure | undefined;
    // Made only when it is thrown: an error costs its stack.
    const lastFailure = () => failure ?? new UpstreamTimeoutError({ action });
    for (let tries = 1; tries <= READ_TRIES; tries += 1) {
      if (call.gate && !(await call.gate.enter())) throw lastFailure();
      const left = call.deadlineAt - deps.monotonic();
      if (left <= 0) {
        call.gate?.leave("answered");
        throw lastFailure();
      }
      let throttled = false;
      try {
        return await send(action, params, schema, Math.min(TRY_LIMIT_MS, left));
      } catch (error) {
        failure = error as UpstreamFailure;
        throttled = failure.code === "ERR_UPSTREAM_THROTTLED";
      } finally {
        call.gate?.leave(throttled ? "throttled" : "answered");
      }
      const delay = retryDelayMs(failure, tries, deps.random());
      if (delay === undefined || tries === READ_TRIES) throw failure;
      if (deps.monotonic() + delay >= call.deadlineAt) throw failure;
      await deps.sleep(delay);
    }
    throw lastFailure();
  }

  return {
    async add(params, call) {
      const action = "AddChatappPhoneNumber";
      const left = Math.min(ADD_LIMIT_MS, call.deadlineAt - deps.monotonic());
      if (left <= 0) throw new UpstreamUnavailableError({ action }, true);
      const reply = await send(
        action,
        {
          CustSpaceId: params.custSpaceId,
          Cc: params.cc,
          PhoneNumber: params.phoneNumber,
          VerifiedName: params.verifiedName,
          PreValidateId: params.preValidateId,
        },
        addReplySchema,
        left,
      );
      return { requestId: plain(reply.RequestId), success: reply.Success ?? undefined };
    },

    async query(params, call) {
      const reply = await read(
        "QueryChatappPhoneNumbers",
        { CustSpaceId: params.custSpaceId, IsvCode: params.isvCode, Status: params.status },
        queryReplySchema,
        call,
      );
      return toNumbers(reply);
    },

    async sync(params, call) {
      const action = "ChatappSyncPhoneNumber";
      return toNumbers(
        await read(action, { CustSpaceId: params.custSpaceId }, queryReplySchema, call),
      );
    },

    async listInstances(params, call) {
      const reply = await read(
        "ListInstance",
        {
          ChannelType: "whatsapp",
          PageIndex: String(params.pageIndex),
          PageSize: String(params.pageSize),
        },
        listInstanceReplySchema,
        call,
      );
      const { items, malformed } = readRows(reply.Data, instanceItemSchema);
      return {
        requestId: plain(reply.RequestId),
        instances: items?.map((item) => ({
          custSpaceId: item.CustSpaceId,
          ...defined("channelType", plain(item.ChannelType)),
          ...defined("state", plain(item.State)),
        })),
        total: readCount(reply.TotalCount),
        malformed,
      };
    },
  };
}

function toNumbers(reply: z.output<typeof queryReplySchema>): QueryReply {
  return {
    requestId: plain(reply.RequestId),
    ...readRows(reply.PhoneNumbers, phoneNumberItemSchema),
  };
}

/** The rows that are what the schema says, and how many are not. */
function readRows<S extends z.core.$ZodType>(
  rows: readonly unknown[] | null | undefined,
  schema: S,
): { readonly items: z.output<S>[] | undefined; readonly malformed: number } {
  const items = rows?.flatMap((row): z.output<S>[] => {
    const item = z.safeParse(schema, row);
    return item.success ? [item.data] : [];
  });
  return { items, malformed: (rows?.length ?? 0) - (items?.length ?? 0) };
}

/** The gateway writes whole numbers of some products as text. */
function readCount(value: unknown): number | undefined {
  const count = typeof value === "string" && /^\d{1,15}$/.test(value) ? Number(value) : value;
  return Number.isSafeInteger(count) && Number(count) >= 0 ? Number(count) : undefined;
}

/** pop-core sends `undefined` as text. */
function withoutAbsent(params: Readonly<Record<string, string | undefined>>) {
  return Object.fromEntries(Object.entries(params).filter(([, value]) => value !== undefined));
}

/**
 * pop-core never looks at the HTTP status and takes several codes, or none, for success: the
 * status, the code and the form are judged here. A code other than OK that comes this far is one of
 * those undocumented successes (`Success`, 200): after an Add it must not pass for a refusal.
 */
function readAnswer<S extends z.core.$ZodType>(
  action: string,
  answer: unknown,
  schema: S,
): z.output<S> {
  const [body, entry] = answer as [unknown, { response: { statusCode: number } }];
  const httpStatus = entry.response.statusCode;
  const isObject = typeof body === "object" && body !== null && !Array.isArray(body);
  const fields = isObject ? (body as Record<string, unknown>) : {};
  const upstreamCode = plain(fields.Code);
  const facts = {
    action,
    httpStatus,
    ...defined("upstreamCode", upstreamCode),
    ...defined("upstreamRequestId", plain(fields.RequestId)),
  };
  if (httpStatus >= 500) throw new UpstreamUnavailableError(facts, false);
  const reply = z.safeParse(schema, body);
  if (reply.success && httpStatus < 300) return reply.data;
  throw new UpstreamContractError(facts);
}
