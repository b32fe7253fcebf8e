import http from "node:http";
import type { AddressInfo } from "node:net";
import { buffer as readBytes } from "node:stream/consumers";
import { createLedger, type Receipt } from "./receiver-ledger.ts";
import { createDeliveryVerifier, type Verdict } from "./receiver-verify.ts";

type BehaviourKind = "ok" | "reset" | "ack-lost" | "hang";

/**
 * `ok` returns 204. `reset` resets the connection before it reads. `ack-lost` accepts the event and
 * ends the connection. `hang` reads and never responds. A status is returned to every request, and
 * only a 2xx accepts the event. After `times` requests it is `ok` again.
 */
export type Behaviour =
  | BehaviourKind
  | { readonly kind: BehaviourKind; readonly times?: number }
  | {
      readonly status: number;
      readonly headers?: Readonly<Record<string, string>>;
      readonly times?: number;
    };

type CurrentBehaviour = Exclude<Behaviour, string>;

/** What the receiver did with a request: the status, or how it left it without one. */
type Outcome = number | "reset" | "ack-lost" | "hang";

/** One request to the webhook. */
export type Attempt = {
  readonly at: number;
  readonly status: Outcome;
  readonly id: string | undefined;
  readonly headers: http.IncomingHttpHeaders;
  /** Why the event was refused, if it was. */
  readonly reason?: string | undefined;
};

export type SandboxReceiver = {
  readonly url: string;
  received(): readonly Receipt[];
  /** Promises that the sender broke; empty for none. */
  problems(): readonly string[];
  attempts(): readonly Attempt[];
  /** By phone number, its fields as the events gave them. The customer of the last event wins. */
  state(): Map<string, Record<string, unknown>>;
  behave(behaviour: Behaviour): void;
  /** Ends every connection, also those that wait for a response. */
  close(): Promise<void>;
};

export type ReceiverOptions = {
  /** `whsec_…`: a delivery may be signed with any of them. */
  readonly secrets: readonly string[];
  readonly port?: number;
  /** Milliseconds since 1970. Without it the library checks timestamps by the wall clock. */
  readonly now?: () => number;
  /** Called for every request, with the receipt if the event was accepted. */
  readonly onAttempt?: (attempt: Attempt, receipt: Receipt | undefined) => void;
};

const PATH = "/webhook";

/** A webhook consumer on 127.0.0.1 that verifies and cross-checks every event. */
export async function startReceiver(options: ReceiverOptions): Promise<SandboxReceiver> {
  const now = options.now ?? Date.now;
  const verify = createDeliveryVerifier(options);
  const ledger = createLedger();
  const attempts: Attempt[] = [];
  const behaviour = createBehaviour();

  const note = (
    headers: http.IncomingHttpHeaders,
    status: Outcome,
    reason?: string,
    receipt?: Receipt,
  ) => {
    const id = headers["webhook-id"];
    const known = typeof id === "string" ? id : undefined;
    const attempt = { at: now(), status, id: known, headers, reason };
    attempts.push(attempt);
    options.onAttempt?.(attempt, receipt);
  };

  const receive = async (request: http.IncomingMessage, response: http.ServerResponse) => {
    const { headers } = request;
    const current = behaviour.next();
    if ("kind" in current && current.kind === "reset") {
      note(headers, "reset");
      request.socket.resetAndDestroy();
      return;
    }
    const bytes = await readBytes(request).catch(() => undefined);
    if (!bytes) return void request.destroy();
    const verdict = verify(headers, bytes);
    if (verdict.ok) ledger.attempted(verdict.delivery);
    else if (verdict.signed) ledger.problem(`${headers["webhook-id"]}: ${verdict.reason}`);
    const status = outcomeOf(verdict, current);
    const isAccepted = status === "ack-lost" || isSuccess(status);
    const receipt =
      verdict.ok && isAccepted ? ledger.accept(verdict.delivery, now(), headers) : undefined;
    note(headers, status, verdict.ok ? undefined : verdict.reason, receipt);
    if (status === "ack-lost") request.socket.destroy();
    else if (typeof status === "number") {
      const headers = "status" in current ? current.headers : {};
      response.writeHead(status, { ...headers }).end(verdict.ok ? undefined : verdict.reason);
    }
  };

  const server = http.createServer((request, response) => {
    if (request.url !== PATH) response.writeHead(404).end();
    else if (request.method !== "POST") response.writeHead(405, { allow: "POST" }).end();
    else void receive(request, response);
  });
  await listen(server, options.port ?? 0);

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}${PATH}`,
    received: ledger.received,
    problems: ledger.problems,
    attempts: () => [...attempts],
    state: ledger.state,
    behave: behaviour.set,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function createBehaviour() {
  let current: CurrentBehaviour = { kind: "ok" };
  let left = Number.POSITIVE_INFINITY;
  return {
    next(): CurrentBehaviour {
      if (left <= 0) current = { kind: "ok" };
      left -= 1;
      return current;
    },
    set(next: Behaviour): void {
      current = typeof next === "string" ? { kind: next } : next;
      left = current.times ?? Number.POSITIVE_INFINITY;
    },
  };
}

/** A status that is no 2xx, a reset and a hang come first. Otherwise the verdict decides. */
function outcomeOf(verdict: Verdict, current: CurrentBehaviour): Outcome {
  const wanted = "status" in current ? current.status : current.kind;
  if (wanted === "hang" || wanted === "reset") return wanted;
  if (typeof wanted === "number" && !isSuccess(wanted)) return wanted;
  if (!verdict.ok) return verdict.status;
  return wanted === "ok" ? 204 : wanted;
}

function isSuccess(status: Outcome): boolean {
  return typeof status === "number" && status >= 200 && status < 300;
}

function listen(server: http.Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", resolve);
  });
}
