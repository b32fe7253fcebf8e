import http from "node:http";
import https from "node:https";
import { isAppError } from "../errors.ts";
import { retryAfterMs } from "./retry-after.ts";
import { signatureHeaders, type WebhookSecret } from "./signature.ts";
import type { TargetGuard } from "./target.ts";

const ATTEMPT_LIMIT_MS = 15_000;
const MAX_ANSWER_BYTES = 65_536;

/** Statuses by which a receiver says that this very event is at fault. */
const EVENT_REFUSALS = /* @__PURE__ */ new Set([400, 413, 415, 422]);

export type AttemptResult =
  | { readonly kind: "delivered"; readonly status: number }
  /** The receiver wants nothing more (410). */
  | { readonly kind: "gone"; readonly status: 410 }
  /** The receiver refuses the event, or cannot verify anything: the outbox finds out which. */
  | { readonly kind: "refused"; readonly status: number }
  | {
      readonly kind: "failed";
      readonly reason: "network" | "timeout" | "status" | "target";
      readonly status?: number;
      readonly retryAfterMs?: number;
    };

export type OutgoingEvent = { readonly id: string; readonly body: string };

export type AttemptOptions = {
  /** On the monotonic clock, in ms; an attempt never takes more than 15 s. */
  readonly deadlineAt: number;
  /** Marks a delivery that an operator asked for again. */
  readonly redelivery?: boolean;
};

/** One attempt to deliver one event; it never throws. */
export type Send = (event: OutgoingEvent, options: AttemptOptions) => Promise<AttemptResult>;

export type SenderOptions = {
  readonly url: URL;
  readonly secrets: readonly WebhookSecret[];
  readonly guard: TargetGuard;
  readonly agent: http.Agent;
};

/**
 * Sends events as Standard Webhooks requests with a CloudEvents body. One deadline covers name
 * look-up, connection, TLS, headers and body; redirects are answers like any other that is not 2xx;
 * at most 64 KB of the answer is read.
 */
export function createSender(
  options: SenderOptions,
  deps: { readonly now: () => number; readonly monotonic: () => number },
): Send {
  const request = options.url.protocol === "https:" ? https.request : http.request;

  return (event, attempt) => {
    if (options.guard.problem(options.url)) {
      return Promise.resolve({ kind: "failed", reason: "target" });
    }
    const limit = Math.min(ATTEMPT_LIMIT_MS, attempt.deadlineAt - deps.monotonic());
    if (limit <= 0) return Promise.resolve({ kind: "failed", reason: "timeout" });
    const deadline = AbortSignal.timeout(Math.ceil(limit));
    const body = Buffer.from(event.body);
    const timestamp = Math.floor(deps.now() / 1000);

    return new Promise((resolve) => {
      const outgoing = request(options.url, {
        method: "POST",
        agent: options.agent,
        signal: deadline,
        headers: {
          "content-type": "application/cloudevents+json; charset=utf-8",
          "content-length": body.length,
          "user-agent": "waba-numbers",
          ...signatureHeaders(event, timestamp, options.secrets),
          ...(attempt.redelivery ? { "webhook-redelivery": "true" } : {}),
        },
      });
      // Once there is a status it has decided, whatever becomes of the rest of the answer: that is
      // read only so that the connection can be used again.
      let decided: AttemptResult | undefined;
      const settle = (reason: "network" | "timeout" | "target") => {
        resolve(decided ?? { kind: "failed", reason });
      };
      const broken = () => (deadline.aborted ? "timeout" : "network");
      outgoing.on("response", (answer) => {
        decided = judge(answer.statusCode ?? 0, answer.headers["retry-after"], deps.now());
        let bytes = 0;
        answer.on("data", (chunk: Buffer) => {
          bytes += chunk.length;
          if (bytes > MAX_ANSWER_BYTES) answer.destroy();
        });
        answer.on("error", () => settle(broken()));
        answer.on("close", () => settle(broken()));
      });
      outgoing.on("error", (error) => settle(isAppError(error) ? "target" : broken()));
      // An answer of 101 closes the connection without a response and without an error.
      outgoing.on("close", () => settle(broken()));
      outgoing.end(body);
    });
  };
}

function judge(status: number, retryAfter: string | undefined, now: number): AttemptResult {
  if (status >= 200 && status < 300) return { kind: "delivered", status };
  if (status === 410) return { kind: "gone", status };
  if (EVENT_REFUSALS.has(status)) return { kind: "refused", status };
  const wait = retryAfterMs(retryAfter, now);
  return {
    kind: "failed",
    reason: "status",
    status,
    retryAfterMs: wait,
  };
}
