import type { Agent } from "node:http";
import RpcClient from "@alicloud/pop-core/lib/rpc.js";
import * as z from "zod/mini";
import {
  UpstreamContractError,
  UpstreamNotSentError,
  UpstreamUnavailableError,
} from "../errors.ts";
import { watchConnection } from "./connection.ts";
import type { Credentials } from "./credentials.ts";
import { isDeeper, MAX_DEPTH } from "./exact-numbers.ts";
import type { Operation } from "./operations.ts";
import { retryDelayMs } from "./retry-timing.ts";
import type { CallOptions } from "./upstream.ts";
import {
  answerHeaders,
  factsOf,
  toUpstreamFailure,
  type UpstreamFailure,
} from "./upstream-error.ts";

const API_VERSION = "2020-06-06";
const READ_TRIES = 3;
const WRITE_TRIES = 3;

/** The most that one try of a read gets, so that a silent connection leaves time for another. */
const TRY_LIMIT_MS = 8_000;

export type ClientOptions = {
  /** `https://host` (or http for loopback), without a path. */
  readonly endpoint: string;
  /** Those of one invocation, as they rotate. */
  readonly credentials: Credentials;
  readonly agent: Agent;
};

export type ClientDeps = {
  readonly monotonic: () => number;
  readonly random: () => number;
  readonly sleep: (ms: number) => Promise<void>;
  /** Fresh, unpredictable text for each request. pop-core's own nonce is 40 bits of Math.random. */
  readonly newNonce: () => string;
};

type Params<O extends Operation> = Readonly<
  Partial<Record<O["params"][number], string | number | undefined>>
>;

/**
 * Every failure is one of the `Upstream…Error`s, which hold nothing of the request or of a foreign
 * error.
 */
export type Client = {
  /**
   * Sends what changes something. It is sent again only after a throttle, the one failure that
   * proves that nothing ran, up to three times and until `deadlineAt` on the monotonic clock.
   */
  write<O extends Operation>(
    operation: O,
    params: Params<O>,
    deadlineAt: number,
  ): Promise<z.output<O["reply"]>>;
  /** Sends a read, with up to three tries, each through the call's limiter. */
  read<O extends Operation>(
    operation: O,
    params: Params<O>,
    call: CallOptions,
  ): Promise<z.output<O["reply"]>>;
};

/**
 * The signing module's door and the only importer of pop-core. It signs with RPC signature v1.0 and
 * always sends with the exact method text `POST`. With any other text pop-core puts the access key,
 * token, signature and phone number into the URL and into its errors.
 */
export function createClient(options: ClientOptions, deps: ClientDeps): Client {
  const rpc = createRpcClient(options);

  const send: Send = async (operation, params, timeoutMs, onAnswer) => {
    const { action } = operation;
    const request = { ...listedParams(operation, params), SignatureNonce: deps.newNonce() };
    // Over the whole exchange, as the bundled transport has it: see replaced/httpx.cjs.
    const timeout = Math.max(1, Math.ceil(timeoutMs));
    const connection = watchConnection(options.agent);
    let answer: unknown;
    try {
      const { agent } = connection;
      answer = await rpc.request(action, request, { method: "POST", agent, timeout });
    } catch (error) {
      const headers = answerHeaders(error);
      if (headers) onAnswer?.(headers.date);
      throw toUpstreamFailure(error, action, connection.stood());
    }
    onAnswer?.((answer as Answer)[1].response.headers?.date);
    return readAnswer(operation, answer as Answer);
  };

  return { write: createWrite(send, deps), read: createRead(send, deps) };
}

/** Sends once and gives up after `timeoutMs`. */
type Send = <O extends Operation>(
  operation: O,
  params: Params<O>,
  timeoutMs: number,
  onAnswer?: CallOptions["onAnswer"],
) => Promise<z.output<O["reply"]>>;

function createWrite(send: Send, deps: ClientDeps): Client["write"] {
  return async (operation, params, deadlineAt) => {
    for (let tries = 1; ; tries += 1) {
      const left = deadlineAt - deps.monotonic();
      if (left <= 0) throw new UpstreamNotSentError({ action: operation.action });
      try {
        return await send(operation, params, left);
      } catch (error) {
        const failure = error as UpstreamFailure;
        const isOver = failure.code !== "ERR_UPSTREAM_THROTTLED" || tries === WRITE_TRIES;
        if (isOver || !(await waitToRetry(failure, tries, deadlineAt, deps))) throw failure;
      }
    }
  };
}

/** Waits before another try. False if none can help, or none can begin before the deadline. */
async function waitToRetry(
  failure: UpstreamFailure,
  tries: number,
  deadlineAt: number,
  deps: ClientDeps,
): Promise<boolean> {
  const delay = retryDelayMs(failure, tries, deps.random());
  if (delay === undefined || deps.monotonic() + delay >= deadlineAt) return false;
  await deps.sleep(delay);
  return true;
}

function createRead(send: Send, deps: ClientDeps): Client["read"] {
  /** What is left of the call once the limiter lets it through, in ms. 0 means: do not send. */
  const acquire = async ({ limiter, deadlineAt }: CallOptions): Promise<number> => {
    if (limiter && !(await limiter.acquire())) return 0;
    const left = deadlineAt - deps.monotonic();
    if (left > 0) return left;
    limiter?.release("answered");
    return 0;
  };

  return async (operation, params, call) => {
    let failure: UpstreamFailure | undefined;
    for (let tries = 1; tries <= READ_TRIES; tries += 1) {
      const left = await acquire(call);
      if (left === 0) break;
      let isThrottled = false;
      try {
        return await send(operation, params, Math.min(TRY_LIMIT_MS, left), call.onAnswer);
      } catch (error) {
        failure = error as UpstreamFailure;
        isThrottled = failure.code === "ERR_UPSTREAM_THROTTLED";
      } finally {
        call.limiter?.release(isThrottled ? "throttled" : "answered");
      }
      const isLast = tries === READ_TRIES || (isThrottled && call.failsOnThrottle);
      if (isLast || !(await waitToRetry(failure, tries, call.deadlineAt, deps))) break;
    }
    throw failure ?? new UpstreamNotSentError({ action: operation.action });
  };
}

function createRpcClient({ endpoint, credentials }: ClientOptions): RpcClient {
  const client = new RpcClient({
    endpoint,
    apiVersion: API_VERSION,
    accessKeyId: credentials.accessKeyId,
    accessKeySecret: credentials.accessKeySecret.reveal(),
    securityToken: credentials.securityToken?.reveal(),
  });
  // Makes the HTTP status visible. The declared types lack the constructor's second argument.
  (client as unknown as { verbose: boolean }).verbose = true;
  return client;
}

/**
 * The parameters on the operation's list. pop-core would let others replace what it signs, the
 * action included, and would send `undefined` as text.
 */
function listedParams<O extends Operation>(operation: O, params: Params<O>) {
  const listed: Record<string, string | number> = {};
  for (const name of operation.params) {
    const value = params[name as keyof Params<O>];
    if (value !== undefined) listed[name] = value;
  }
  return listed;
}

/** What pop-core resolves to: the body, and what it knows of the exchange. */
type Answer = [
  unknown,
  { response: { statusCode: number; headers?: Readonly<Record<string, unknown>> } },
];

/**
 * pop-core ignores the HTTP status and takes several codes, or none, for success. So the status, the
 * code and the form are judged here. A code other than OK that arrives here is one of those
 * undocumented successes (`Success`, 200). After an Add it must not pass for a refusal.
 */
function readAnswer<O extends Operation>(
  operation: O,
  [body, entry]: Answer,
): z.output<O["reply"]> {
  const httpStatus = entry.response.statusCode;
  const isTooDeep = isDeeper(body, MAX_DEPTH);
  const facts = factsOf(operation.action, httpStatus, body);
  if (httpStatus >= 500) throw new UpstreamUnavailableError(facts, false);
  if (isTooDeep) throw new UpstreamContractError(facts);
  const reply = z.safeParse(operation.reply, body);
  if (reply.success && httpStatus < 300) return reply.data as z.output<O["reply"]>;
  throw new UpstreamContractError(facts);
}
