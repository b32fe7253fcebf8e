import type { Agent } from "node:http";
import RpcClient from "@alicloud/pop-core/lib/rpc.js";
import * as z from "zod/mini";
import {
  UpstreamContractError,
  UpstreamTimeoutError,
  UpstreamUnavailableError,
} from "../errors.ts";
import type { Credentials } from "./credentials.ts";
import { retryDelayMs } from "./retry-timing.ts";
import type { CallOptions } from "./upstream.ts";
import { plain, toUpstreamFailure, type UpstreamFailure } from "./upstream-error.ts";

const API_VERSION = "2020-06-06";
const READ_TRIES = 3;

/** One try gets no more than this, so that a silent connection leaves time for another. */
const TRY_LIMIT_MS = 8_000;

export type ClientOptions = {
  /** `https://host` (or http for loopback), without a path. */
  readonly endpoint: string;
  /** Those of one invocation: they rotate. */
  readonly credentials: Credentials;
  readonly agent: Agent;
};

export type ClientDeps = {
  readonly monotonic: () => number;
  readonly random: () => number;
  readonly sleep: (ms: number) => Promise<void>;
  /** Fresh, unpredictable text for each request: pop-core's own nonce is 40 bits of Math.random. */
  readonly newNonce: () => string;
};

type Params = Readonly<Record<string, string | undefined>>;

/** Every failure is one of the `Upstream…Error`s; nothing of the request or of a foreign error is in it. */
export type Client = {
  /** Sends once and gives up after `timeoutMs`. */
  send<S extends z.core.$ZodType>(
    action: string,
    params: Params,
    schema: S,
    timeoutMs: number,
  ): Promise<z.output<S>>;
  /** Sends a read, with up to three tries, each through the call's limiter. */
  read<S extends z.core.$ZodType>(
    action: string,
    params: Params,
    schema: S,
    call: CallOptions,
  ): Promise<z.output<S>>;
};

/**
 * The signing module's door and the only importer of pop-core. Requests are signed with RPC
 * signature v1.0 and always sent with the exact method text `POST`: with anything else pop-core
 * puts the access key, token, signature and phone number into the URL and into its errors.
 */
export function createClient(options: ClientOptions, deps: ClientDeps): Client {
  const { accessKeyId, accessKeySecret, securityToken } = options.credentials;
  const client = new RpcClient({
    endpoint: options.endpoint,
    apiVersion: API_VERSION,
    accessKeyId,
    accessKeySecret: accessKeySecret.reveal(),
    securityToken: securityToken?.reveal(),
  });
  // The declared types lack the constructor's second argument; `verbose` makes the status visible.
  (client as unknown as { verbose: boolean }).verbose = true;

  async function send<S extends z.core.$ZodType>(
    action: string,
    params: Params,
    schema: S,
    timeoutMs: number,
  ): Promise<z.output<S>> {
    let answer: unknown;
    try {
      answer = await client.request(
        action,
        { ...withoutAbsent(params), SignatureNonce: deps.newNonce() },
        {
          method: "POST",
          agent: options.agent,
          // Over the whole exchange, as the transport that is bundled has it: see replaced/httpx.cjs.
          timeout: Math.max(1, Math.ceil(timeoutMs)),
        },
      );
    } catch (error) {
      throw toUpstreamFailure(error, action);
    }
    return readAnswer(action, answer, schema);
  }

  async function read<S extends z.core.$ZodType>(
    action: string,
    params: Params,
    schema: S,
    call: CallOptions,
  ): Promise<z.output<S>> {
    let failure: UpstreamFailure | undefined;
    // Made only when it is thrown: an error costs its stack.
    const lastFailure = () => failure ?? new UpstreamTimeoutError({ action });
    for (let tries = 1; tries <= READ_TRIES; tries += 1) {
      if (call.limiter && !(await call.limiter.acquire())) throw lastFailure();
      const left = call.deadlineAt - deps.monotonic();
      if (left <= 0) {
        call.limiter?.release("answered");
        throw lastFailure();
      }
      let throttled = false;
      try {
        return await send(action, params, schema, Math.min(TRY_LIMIT_MS, left));
      } catch (error) {
        failure = error as UpstreamFailure;
        throttled = failure.code === "ERR_UPSTREAM_THROTTLED";
      } finally {
        call.limiter?.release(throttled ? "throttled" : "answered");
      }
      const delay = retryDelayMs(failure, tries, deps.random());
      if (delay === undefined || tries === READ_TRIES) throw failure;
      if (deps.monotonic() + delay >= call.deadlineAt) throw failure;
      await deps.sleep(delay);
    }
    throw lastFailure();
  }

  return { send, read };
}

/** pop-core sends `undefined` as text. */
function withoutAbsent(params: Params) {
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
    upstreamCode,
    upstreamRequestId: plain(fields.RequestId),
  };
  if (httpStatus >= 500) throw new UpstreamUnavailableError(facts, false);
  const reply = z.safeParse(schema, body);
  if (reply.success && httpStatus < 300) return reply.data;
  throw new UpstreamContractError(facts);
}
