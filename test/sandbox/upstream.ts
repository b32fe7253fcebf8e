import http from "node:http";
import type { AddressInfo } from "node:net";
import { text as readText } from "node:stream/consumers";
import { plainPlan, type WirePlan } from "./cams-faults.ts";
import { refusal } from "./guard.ts";
import { runControl, type UpstreamControl } from "./upstream-control.ts";
import {
  createGateway,
  type Gateway,
  type GatewayOptions,
  type Received,
} from "./upstream-gateway.ts";

const CONTROL = "/~control/";
/** Longer than any test, so that an idle connection is never closed under a client's next request. */
const KEEP_ALIVE_MS = 60_000;

export type UpstreamOptions = GatewayOptions & {
  /** Default: 0, which takes a free one. */
  readonly port?: number;
  /** The clock of the `Date` header, which RFC 9110 6.6.1 asks of each answer. Default: the real one. */
  readonly date?: () => number;
};

export type SandboxUpstream = {
  readonly url: string;
  readonly control: UpstreamControl;
  /** Ends every connection, also those that still wait for a reply. */
  close(): Promise<void>;
};

/**
 * A stand-in for CAMS 2020-06-06 on 127.0.0.1. It checks the published signature with code of its
 * own, keeps customers and numbers in memory, and limits the rate. `control` makes it misbehave
 * (upstream-control.ts has the same over HTTP).
 */
export async function startUpstream(options: UpstreamOptions): Promise<SandboxUpstream> {
  const gateway = createGateway(options);
  const timers = new Set<NodeJS.Timeout>();

  const server = http.createServer({ keepAliveTimeout: KEEP_ALIVE_MS }, (request, response) => {
    if (options.date) response.setHeader("date", new Date(options.date()).toUTCString());
    const isControl = (request.url ?? "").startsWith(CONTROL);
    const refused = isControl ? refusal(request) : undefined;
    const reply = (received: Received) => {
      const plan = isControl ? control(gateway, received, refused) : gateway.handle(received);
      const delayMs = "delayMs" in plan ? plan.delayMs : 0;
      if (delayMs === 0) return send(response, plan);
      const timer = setTimeout(() => {
        timers.delete(timer);
        send(response, plan);
      }, delayMs);
      timers.add(timer.unref());
    };
    receive(request).then(reply, () => request.destroy());
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(options.port ?? 0, "127.0.0.1", resolve);
  });

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    control: gateway.control,
    close: () =>
      new Promise((resolve) => {
        gateway.close();
        for (const timer of timers) clearTimeout(timer);
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function control(gateway: Gateway, received: Received, refused: string | undefined): WirePlan {
  const refuse = (status: number, error: string) =>
    plainPlan({ status, headers: {}, body: { error } });
  if (refused !== undefined) return refuse(403, refused);
  // A link of another site can make a browser send a GET.
  if (received.method !== "POST") return refuse(405, "Only POST is known.");
  const path = received.path.slice(CONTROL.length);
  const { status, body } = runControl(gateway.control, path, received.rawBody);
  return plainPlan({ status, headers: {}, body });
}

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
