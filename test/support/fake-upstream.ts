import * as z from "zod/mini";
import {
  UpstreamContractError,
  UpstreamNotSentError,
  UpstreamTimeoutError,
} from "../../shared/errors.ts";
import type { Client } from "../../shared/signing/client.ts";
import { createUpstream } from "../../shared/signing/create-upstream.ts";
import {
  ADD_NUMBER,
  GET_HEALTH,
  LIST_INSTANCES,
  type Operation,
  QUERY_NUMBERS,
  SYNC_NUMBERS,
} from "../../shared/signing/operations.ts";
import type { CallOptions, Upstream } from "../../shared/signing/upstream.ts";
import { failureForCode } from "../../shared/signing/upstream-error.ts";

/** One call, recorded when it is sent. */
export type FakeCall = {
  readonly action: string;
  /** `self` for the account itself. */
  readonly customer: string;
  readonly params: Readonly<Record<string, unknown>>;
  /** On the fake's clock, in ms, as is `deadlineAt`. */
  readonly at: number;
  readonly deadlineAt: number;
};

/**
 * What the upstream says to a call: the rows of its list, the fields of its reply (without a list if
 * they name none), or the error that the call ends with.
 */
export type FakeReply = readonly unknown[] | Readonly<Record<string, unknown>> | Error;

/** A reply in which the list is missing, which is not an empty list. */
export const NO_LIST: FakeReply = {};

/** A reply that does not come. */
export const NEVER = new Promise<never>(() => {});

type Respond = (call: FakeCall) => FakeReply | Promise<FakeReply>;

/** By operation. Sync replies as query does unless it has its own. A call of any other one fails. */
export type FakeReplies = { readonly [O in keyof Upstream]?: Respond };

export type FakeUpstreamOptions = {
  readonly clock?: {
    readonly monotonic: () => number;
    readonly sleep: (ms: number) => Promise<unknown>;
  };
  /** The upstream's own clock, in ms: the `Date` of each answer. Without it answers have none. */
  readonly now?: () => number;
  /** From a call to its reply. A reply after the deadline becomes a timeout at the deadline. */
  readonly latencyMs?: () => number;
  readonly onCall?: (call: FakeCall) => void;
};

const STOPPED_CLOCK = { monotonic: () => 0, sleep: async () => undefined };

/**
 * The upstream without a network. Only the signed request is faked: parameters and replies go
 * through the code that ships, and upstream-contract.ts holds the fake against the real client. A
 * call has one try, so what the fake says is what the call ends with.
 */
export function createFakeUpstream(
  replies: FakeReplies,
  { clock = STOPPED_CLOCK, now, latencyMs = () => 0, onCall }: FakeUpstreamOptions = {},
): Upstream {
  const responders: Readonly<Record<string, Respond | undefined>> = {
    [ADD_NUMBER.action]: replies.add,
    [QUERY_NUMBERS.action]: replies.query,
    [SYNC_NUMBERS.action]: replies.sync ?? replies.query,
    [LIST_INSTANCES.action]: replies.listInstances,
    [GET_HEALTH.action]: replies.health,
  };

  async function exchange(
    operation: Operation,
    params: object,
    { deadlineAt, onAnswer }: CallOptions,
  ) {
    const { action } = operation;
    const respond = responders[action];
    if (!respond) throw new Error(`this test has no reply for ${action}`);
    const call = callOf(action, params, clock.monotonic(), deadlineAt);
    onCall?.(call);
    const latency = latencyMs();
    const left = deadlineAt - call.at;
    await clock.sleep(Math.min(latency, left));
    if (latency > left) throw new UpstreamTimeoutError({ action });
    const said = await respond(call);
    if (isAnswer(said)) onAnswer?.(now && new Date(now()).toUTCString());
    if (said instanceof Error) throw said;
    const reply = z.safeParse(operation.reply, bodyOf(action, said));
    if (!reply.success) throw new UpstreamContractError({ action, httpStatus: 200 });
    return reply.data;
  }

  const client = {
    async write(operation: Operation, params: object, deadlineAt: number) {
      if (deadlineAt <= clock.monotonic()) {
        throw new UpstreamNotSentError({ action: operation.action });
      }
      return exchange(operation, params, { deadlineAt });
    },

    async read(operation: Operation, params: object, options: CallOptions) {
      const { limiter, deadlineAt } = options;
      const notSent = () => new UpstreamNotSentError({ action: operation.action });
      if (limiter && !(await limiter.acquire())) throw notSent();
      let isThrottled = false;
      try {
        if (deadlineAt <= clock.monotonic()) throw notSent();
        return await exchange(operation, params, options);
      } catch (error) {
        isThrottled = (error as { code?: unknown }).code === "ERR_UPSTREAM_THROTTLED";
        throw error;
      } finally {
        limiter?.release(isThrottled ? "throttled" : "answered");
      }
    },
  };
  return createUpstream(client as Client, clock.monotonic);
}

/** Timeouts and broken connections have no answer. */
function isAnswer(said: FakeReply): boolean {
  const { code, facts } = said as { code?: unknown; facts?: { httpStatus?: number } };
  const isSilent = code === "ERR_UPSTREAM_TIMEOUT" || code === "ERR_UPSTREAM_UNAVAILABLE";
  return !isSilent || facts?.httpStatus !== undefined;
}

/** The error that a call of `action` ends with under this code of the upstream. */
export function refusalOf(
  { action }: Pick<FakeCall, "action">,
  upstreamCode: string,
  retryAfterMs?: number,
): Error {
  const facts = { action, httpStatus: 400, upstreamCode, upstreamRequestId: "REQ" };
  return failureForCode(facts, retryAfterMs);
}

function callOf(action: string, params: object, at: number, deadlineAt: number): FakeCall {
  const given = params as FakeCall["params"];
  return { action, customer: String(given.custSpaceId ?? "self"), params: given, at, deadlineAt };
}

function bodyOf(action: string, said: Exclude<FakeReply, Error>): object {
  const list = action === LIST_INSTANCES.action ? "Data" : "PhoneNumbers";
  return { Code: "OK", RequestId: "REQ", ...(Array.isArray(said) ? { [list]: said } : said) };
}
