import http from "node:http";
import https from "node:https";
import { isAppError } from "../errors.ts";
import { retryAfterMs } from "./retry-after.ts";
import { signatureHeaders, type WebhookSecret } from "./signature.ts";
import type { TargetGuard } from "./target.ts";

const ATTEMPT_LIMIT_MS = 15_000;
const MAX_RESPONSE_BYTES = 65_536;
/** A response that takes longer costs its connection, so that a slow body costs no more. */
const DRAIN_MS = 1_000;

/** Statuses that refuse this one event. */
const EVENT_REFUSALS = /* @__PURE__ */ new Set([400, 413, 415, 422]);

export type AttemptResult =
  | { readonly kind: "delivered"; readonly status: number }
  /** The receiver wants no more events (410). */
  | { readonly kind: "gone"; readonly status: 410 }
  /** The receiver refuses this event, or cannot verify any. The outbox finds out which. */
  | { readonly kind: "refused"; readonly status: number }
  | {
      readonly kind: "failed";
      readonly reason: "network" | "timeout" | "status" | "target";
      readonly status?: number;
      /** Why there was no response, as Node names it: ENOTFOUND, CERT_HAS_EXPIRED and the like. */
      readonly transportCode?: string | undefined;
      readonly retryAfterMs?: number;
    };

export type OutgoingEvent = { readonly id: string; readonly body: string };

export type AttemptOptions = {
  /** On the monotonic clock, in ms. An attempt never takes more than 15 s. */
  readonly deadlineAt: number;
  /** Marks a delivery that an operator asked for again. */
  readonly redelivery?: boolean;
};

/** Makes one attempt to deliver one event. It never throws. */
export type Send = (event: OutgoingEvent, options: AttemptOptions) => Promise<AttemptResult>;

export type SenderOptions = {
  readonly url: URL;
  readonly secrets: readonly WebhookSecret[];
  readonly guard: TargetGuard;
  readonly agent: http.Agent;
};

export type SenderDeps = {
  readonly now: () => number;
  readonly monotonic: () => number;
  readonly sleep: (ms: number, signal?: AbortSignal) => Promise<void>;
};

/**
 * Sends events as Standard Webhooks requests with a CloudEvents body. One deadline covers look-up,
 * connection, TLS and headers. A redirect is a status like any other. At most 64 KB of the response
 * is read, for a second at most.
 */
export function createSender(options: SenderOptions, deps: SenderDeps): Send {
  const { url, guard, secrets, agent } = options;
  const request = url.protocol === "https:" ? https.request : http.request;

  return (event, { deadlineAt, redelivery }) => {
    if (guard.problems(url).length > 0)
      return Promise.resolve({ kind: "failed", reason: "target" });
    const limit = Math.min(ATTEMPT_LIMIT_MS, deadlineAt - deps.monotonic());
    if (limit <= 0) return Promise.resolve({ kind: "failed", reason: "timeout" });
    const signal = AbortSignal.timeout(Math.ceil(limit));
    const body = Buffer.from(event.body);
    const headers: http.OutgoingHttpHeaders = {
      "content-type": "application/cloudevents+json; charset=utf-8",
      "content-length": body.length,
      "user-agent": "waba-numbers",
      ...signatureHeaders(event, Math.floor(deps.now() / 1000), secrets),
    };
    if (redelivery) headers["webhook-redelivery"] = "true";
    const outgoing = request(url, { method: "POST", agent, signal, headers });
    const result = readResult(outgoing, signal, deps);
    outgoing.end(body);
    return result;
  };
}

/** Resolves when the response has ended, or when none will come. */
function readResult(
  outgoing: http.ClientRequest,
  signal: AbortSignal,
  { now, sleep }: SenderDeps,
): Promise<AttemptResult> {
  return new Promise((resolve) => {
    // The status alone decides. The rest is read so that the connection can be used again.
    let decided: AttemptResult | undefined;
    const end = (reason: "network" | "timeout" | "target", transportCode?: string) => {
      resolve(decided ?? { kind: "failed", reason, transportCode });
    };
    const broken = (error?: NodeJS.ErrnoException) =>
      signal.aborted ? end("timeout") : end("network", plainCode(error?.code));
    outgoing.on("response", (response) => {
      decided = toResult(response.statusCode ?? 0, response.headers["retry-after"], now());
      let bytes = 0;
      const closed = new AbortController();
      void sleep(DRAIN_MS, closed.signal).then(() => response.destroy());
      response.on("close", () => closed.abort());
      response.on("data", (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > MAX_RESPONSE_BYTES) response.destroy();
      });
      response.on("error", broken);
      response.on("close", () => broken());
    });
    outgoing.on("error", (error) => (isAppError(error) ? end("target") : broken(error)));
    // A 101 closes the connection without a response and without an error.
    outgoing.on("close", () => broken());
  });
}

/** A code of Node's or OpenSSL's has this form. Nothing else of an error may be shown. */
function plainCode(code: unknown): string | undefined {
  return typeof code === "string" && /^[A-Z0-9_]{1,64}$/.test(code) ? code : undefined;
}

function toResult(status: number, retryAfter: string | undefined, now: number): AttemptResult {
  if (status >= 200 && status < 300) return { kind: "delivered", status };
  if (status === 410) return { kind: "gone", status };
  if (EVENT_REFUSALS.has(status)) return { kind: "refused", status };
  return {
    kind: "failed",
    reason: "status",
    status,
    retryAfterMs: retryAfterMs(retryAfter, now),
  };
}
