import http from "node:http";
import type { AddressInfo } from "node:net";
import { buffer as readBytes } from "node:stream/consumers";
import { createLedger, type Receipt } from "./receiver-ledger.ts";
import { createDeliveryVerifier, type Verdict } from "./receiver-verify.ts";

type BehaviourKind = "ok" | "reset" | "ack-lost" | "hang";

/**
 * `ok` answers 204. `reset` ends the connection before reading. `ack-lost` stores the event and then
 * ends the connection. `hang` reads and never answers. A status is the response to every request,
 * and only a 2xx stores the event. With `times`, later requests are `ok` again.
 */
export type Behaviour =
  | BehaviourKind
  | { readonly kind: BehaviourKind; readonly times?: number }
  | {
      readonly status: number;
      readonly headers?: Readonly<Record<string, string>>;
      readonly times?: number;
    };

/** One request to the webhook, with any outcome. */
export type Attempt = {
  readonly at: number;
  /** The response, or why there was none. */
  readonly status: number | "reset" | "ack-lost" | "hang";
  readonly id: string | undefined;
  readonly headers: http.IncomingHttpHeaders;
  /** Why the event is invalid, if it is. */
  readonly reason?: string;
};

export type SandboxReceiver = {
  readonly url: string;
  received(): readonly Receipt[];
  /** The sender's broken promises. */
  problems(): readonly string[];
  attempts(): readonly Attempt[];
  /** By phone number, the fields as events reported them. The last event's customer wins. */
  state(): Map<string, Record<string, unknown>>;
  behave(behaviour: Behaviour): void;
  /** Ends every connection, also those that wait for a response. */
  close(): Promise<void>;
};

export type ReceiverOptions = {
  /** `whsec_…`. A delivery signed with any of them is accepted. */
  readonly secrets: readonly string[];
  readonly port?: number;
  /** Milliseconds since 1970. Without it, the library checks timestamps by the wall clock. */
  readonly now?: () => number;
  /** Called for every request, with the receipt if the event was stored. */
  readonly onAttempt?: (attempt: Attempt, receipt: Receipt | undefined) => void;
};

const PATH = "/webhook";

/** A webhook consumer on 127.0.0.1 that verifies, stores and cross-checks events. */
export async function startReceiver(options: ReceiverOptions): Promise<SandboxReceiver> {
  const now = options.now ?? Date.now;
  const verify = createDeliveryVerifier(options);
  const ledger = createLedger();
  const attempts: Attempt[] = [];
  let behaviour: Exclude<Behaviour, string> = { kind: "ok" };
  let left = Number.POSITIVE_INFINITY;

  const nextBehaviour = () => {
    if (left <= 0) behaviour = { kind: "ok" };
    left -= 1;
    return behaviour;
  };

  /** Stores the event if the response acknowledges it. Returns the response. */
  const settle = (
    verdict: Verdict,
    current: Exclude<Behaviour, string>,
    headers: http.IncomingHttpHeaders,
  ): { readonly status: Attempt["status"]; readonly receipt?: Receipt } => {
    if (verdict.ok) ledger.attempted(verdict.delivery);
    else if (verdict.signed) ledger.problem(`${headers["webhook-id"]}: ${verdict.reason}`);
    const wanted = "status" in current ? current.status : current.kind;
    if (wanted === "hang" || wanted === "reset") return { status: wanted };
    if (typeof wanted === "number" && (wanted < 200 || wanted > 299)) return { status: wanted };
    if (!verdict.ok) return { status: verdict.status };
    const receipt = ledger.accept(verdict.delivery, now(), headers);
    return { status: wanted === "ok" ? 204 : wanted, receipt };
  };

  const take = (request: http.IncomingMessage, response: http.ServerResponse) => {
    const { headers } = request;
    const id = typeof headers["webhook-id"] === "string" ? headers["webhook-id"] : undefined;
    const current = nextBehaviour();
    const note = (status: Attempt["status"], reason?: string, receipt?: Receipt) => {
      const attempt = { at: now(), status, id, headers, ...(reason !== undefined && { reason }) };
      attempts.push(attempt);
      options.onAttempt?.(attempt, receipt);
    };
    if ("kind" in current && current.kind === "reset") {
      note("reset");
      request.socket.resetAndDestroy();
      return;
    }
    const answer = (bytes: Buffer) => {
      const verdict = verify(headers, bytes);
      const { status, receipt } = settle(verdict, current, headers);
      note(status, verdict.ok ? undefined : verdict.reason, receipt);
      if (status === "ack-lost") request.socket.destroy();
      else if (typeof status === "number") {
        response.writeHead(status, "status" in current ? { ...current.headers } : {}).end();
      }
    };
    readBytes(request).then(answer, () => request.destroy());
  };

  const server = http.createServer((request, response) => {
    if (request.url !== PATH) response.writeHead(404).end();
    else if (request.method !== "POST") response.writeHead(405, { allow: "POST" }).end();
    else take(request, response);
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(options.port ?? 0, "127.0.0.1", resolve);
  });

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}${PATH}`,
    received: ledger.received,
    problems: ledger.problems,
    attempts: () => [...attempts],
    state: ledger.state,
    behave(next) {
      behaviour = typeof next === "string" ? { kind: next } : next;
      left = behaviour.times ?? Number.POSITIVE_INFINITY;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
