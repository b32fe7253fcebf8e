import http from "node:http";
import https from "node:https";
import net from "node:net";
import { buffer } from "node:stream/consumers";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { sleepReal } from "../../../shared/deps.ts";
import {
  type AttemptOptions,
  type AttemptResult,
  createSender,
  type SenderDeps,
} from "../../../shared/webhook/attempt.ts";
import { parseWebhookSecrets } from "../../../shared/webhook/signature.ts";
import { createTargetGuard } from "../../../shared/webhook/target.ts";
import { startReceiver } from "../../sandbox/receiver.ts";
import { takeOverDeadlines } from "../../support/deadlines.ts";
import { SELF_SIGNED } from "../../support/self-signed.ts";

const SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const OLD_SECRET = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX";
/** 2026-01-02T03:04:05.678Z: the header counts whole seconds. */
const NOW = 1_767_323_045_678;
const EVENT = { id: "evt_1", body: '{"id":"evt_1"}' };

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

async function listen(server: net.Server): Promise<string> {
  const sockets = new Set<net.Socket>();
  server.on("connection", (socket: net.Socket) => sockets.add(socket));
  closers.push(() => {
    for (const socket of sockets) socket.destroy();
    return new Promise((resolve) => server.close(resolve));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as net.AddressInfo).port}/hook`;
}

function sender(
  url: string,
  secrets = SECRET,
  monotonic = () => performance.now(),
  sleep: SenderDeps["sleep"] = sleepReal,
) {
  const parsed = parseWebhookSecrets(secrets);
  if ("problem" in parsed) throw new Error(parsed.problem);
  const { Agent } = url.startsWith("https:") ? https : http;
  const agent = new Agent({ keepAlive: true });
  closers.push(() => agent.destroy());
  const cidr = { address: "127.0.0.1", bits: 32, family: "ipv4" } as const;
  const send = createSender(
    {
      url: new URL(url),
      secrets: parsed.secrets,
      guard: createTargetGuard({ allowHttp: true, allowCidrs: [cidr] }),
      agent,
    },
    { now: () => NOW, monotonic, sleep },
  );
  return (event = EVENT, more: Partial<AttemptOptions> = {}) =>
    send(event, { deadlineAt: performance.now() + 5_000, ...more });
}

const network = (transportCode?: string) => ({ kind: "failed", reason: "network", transportCode });

describe("an attempt to deliver", () => {
  type Seen = { readonly headers: http.IncomingHttpHeaders; readonly bytes: Buffer };
  let seen: Seen[];
  let connections: number;
  let respond: (response: http.ServerResponse) => void;
  let url: string;

  beforeEach(async () => {
    seen = [];
    connections = 0;
    respond = (response) => response.writeHead(204).end();
    const server = http.createServer(async (request, response) => {
      seen.push({ headers: request.headers, bytes: await buffer(request) });
      respond(response);
    });
    server.on("connection", () => {
      connections += 1;
    });
    url = await listen(server);
  });

  it("sends the very bytes of the body with their length, type, id, time and signature", async () => {
    const body = '{"test": 2432232314, "name": "阿里巴巴 Café \\u0000"}';

    expect(await sender(url)({ id: "evt_7", body })).toEqual({ kind: "delivered", status: 204 });

    expect(seen[0]?.bytes.toString("hex")).toBe(Buffer.from(body).toString("hex"));
    expect(seen[0]?.headers).toMatchObject({
      "content-length": "57",
      "content-type": "application/cloudevents+json; charset=utf-8",
      "user-agent": "waba-numbers",
      "webhook-id": "evt_7",
      "webhook-timestamp": "1767323045",
      "webhook-signature": "v1,Lxa64fG0VYjVjgFOySfy31KJ+Vv6RGBBlZmcDagRGaA=",
    });
    expect(seen[0]?.headers).not.toHaveProperty("webhook-redelivery");
    expect(seen[0]?.headers).not.toHaveProperty("transfer-encoding");
  });

  it("has the header webhook-redelivery if it is a redelivery", async () => {
    await sender(url)(EVENT, { redelivery: true });
    expect(seen[0]?.headers["webhook-redelivery"]).toBe("true");
  });

  const statuses: [number, AttemptResult][] = [
    [200, { kind: "delivered", status: 200 }],
    [202, { kind: "delivered", status: 202 }],
    [299, { kind: "delivered", status: 299 }],
    [410, { kind: "gone", status: 410 }],
    [400, { kind: "refused", status: 400 }],
    [413, { kind: "refused", status: 413 }],
    [415, { kind: "refused", status: 415 }],
    [422, { kind: "refused", status: 422 }],
    ...[300, 304, 401, 403, 404, 405, 409, 429, 500, 502, 503, 504].map(
      (status): [number, AttemptResult] => [status, { kind: "failed", reason: "status", status }],
    ),
  ];
  it.each(statuses)("with the status %i gives %j", async (status, result) => {
    respond = (response) => response.writeHead(status).end();
    expect(await sender(url)()).toEqual(result);
  });

  it.each([301, 302, 303, 307, 308])("does not follow a %i", async (status) => {
    respond = (response) => response.writeHead(status, { location: `${url}/elsewhere` }).end();

    expect(await sender(url)()).toEqual({ kind: "failed", reason: "status", status });
    expect(seen).toHaveLength(1);
  });

  it.each([
    ["120", 120_000],
    ["Fri, 02 Jan 2026 03:05:05 GMT", 59_322],
  ])("reports the wait of Retry-After: %s", async (header, retryAfterMs) => {
    respond = (response) => response.writeHead(503, { "retry-after": header }).end();
    expect(await sender(url)()).toEqual({
      kind: "failed",
      reason: "status",
      status: 503,
      retryAfterMs,
    });
  });

  it("uses the connection of the one before", async () => {
    respond = (response) => response.writeHead(200).end("thank you");
    const send = sender(url);
    for (let n = 0; n < 5; n += 1) await send();

    expect(seen).toHaveLength(5);
    expect(connections).toBe(1);
  });

  it("is delivered although it stops reading a big response", async () => {
    let ended: "by the sender" | "whole" | undefined;
    const closed = new Promise<void>((resolve) => {
      respond = (response) => {
        const chunk = Buffer.alloc(16 * 1024);
        let left = 4096;
        const write = () => {
          while (left > 0 && !response.destroyed) {
            left -= 1;
            if (!response.write(chunk)) return void response.once("drain", write);
          }
          response.end();
        };
        response.on("close", () => {
          ended = left > 0 ? "by the sender" : "whole";
          resolve();
        });
        response.writeHead(200);
        write();
      };
    });

    expect(await sender(url)()).toEqual({ kind: "delivered", status: 200 });
    await closed;
    expect(ended).toBe("by the sender");
  });

  it("gives a timeout if no response comes within its deadline", async () => {
    respond = () => {};
    const startedAt = performance.now();
    const result = await sender(url)(EVENT, { deadlineAt: startedAt + 100 });

    expect(result).toEqual({ kind: "failed", reason: "timeout" });
    expect(performance.now() - startedAt).toBeLessThan(1000);
  });

  it.each([
    [60_000, 15_000],
    [15_001, 15_000],
    [14_999, 14_999],
    [0.5, 1],
  ])("with %d ms left before its deadline has %i ms", async (deadlineAt, ms) => {
    const reached = () => connections;
    const deadlines = takeOverDeadlines({ expires: () => false, reached, advance: () => {} });
    await sender(url, SECRET, () => 0)(EVENT, { deadlineAt });
    expect(deadlines).toEqual([ms]);
  });

  it("gives a timeout if no response comes in 15 s", async () => {
    respond = () => {};
    let elapsed = 0;
    const advance = (ms: number) => {
      elapsed += ms;
    };
    takeOverDeadlines({ expires: () => true, reached: () => seen.length, advance });
    const result = await sender(url, SECRET, () => elapsed)(EVENT, { deadlineAt: 60_000 });

    expect(result).toEqual({ kind: "failed", reason: "timeout" });
    expect(elapsed).toBe(15_000);
  });

  it.each([
    [200, { kind: "delivered", status: 200 }],
    [410, { kind: "gone", status: 410 }],
  ])(
    "keeps a status of %i when the rest does not come within its deadline",
    async (status, result) => {
      respond = (response) => response.writeHead(status, { "content-length": 9 }).write("half");
      expect(await sender(url)(EVENT, { deadlineAt: performance.now() + 100 })).toEqual(result);
    },
  );

  it("waits a second for the rest of a response that dribbles, by the sleep that it gets", async () => {
    respond = (response) => {
      response.writeHead(200);
      const dribble = setInterval(() => response.write("."), 50);
      response.on("close", () => clearInterval(dribble));
    };
    const waits: number[] = [];
    const sleep = async (ms: number) => void waits.push(ms);
    const send = sender(url, SECRET, () => performance.now(), sleep);
    expect(await send()).toEqual({ kind: "delivered", status: 200 });
    expect(waits).toEqual([1_000]);
  });

  it("keeps the status if the connection is reset after it", async () => {
    respond = (response) => {
      response.writeHead(200, { "content-length": 9 });
      response.write("half", () => response.socket?.resetAndDestroy());
    };
    expect(await sender(url)()).toEqual({ kind: "delivered", status: 200 });
  });

  it("is not made after its deadline", async () => {
    const result = await sender(url)(EVENT, { deadlineAt: performance.now() - 1 });
    expect(result).toEqual({ kind: "failed", reason: "timeout" });
    expect(connections).toBe(0);
  });

  it("gives a network failure if the connection is reset before a status", async () => {
    respond = (response) => void response.socket?.resetAndDestroy();
    expect(await sender(url)()).toEqual(network("ECONNRESET"));
  });
});

describe("an attempt to deliver to something that is no receiver", () => {
  it.each([
    ["closes at once", "ECONNRESET", (socket: net.Socket) => socket.end()],
    [
      "does not speak HTTP",
      "HPE_INVALID_CONSTANT",
      (socket: net.Socket) => socket.write("220 mail.example ESMTP\r\n"),
    ],
    [
      "switches to another protocol",
      undefined,
      (socket: net.Socket) =>
        socket.write("HTTP/1.1 101 Switching\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n"),
    ],
  ])("gives a network failure if it %s, with the code %s", async (_name, code, act) => {
    const url = await listen(
      net.createServer((socket) => {
        socket.on("error", () => {}).once("data", () => act(socket));
      }),
    );
    expect(await sender(url)()).toEqual(network(code));
  });

  it("gives a network failure if nothing listens", async () => {
    const url = await listen(net.createServer());
    await closers.pop()?.();
    expect(await sender(url)()).toEqual(network("ECONNREFUSED"));
  });

  it("gives the code of a certificate that nobody trusts", async () => {
    const url = await listen(https.createServer(SELF_SIGNED));
    expect(await sender(url.replace("http:", "https:"))()).toEqual(
      network("DEPTH_ZERO_SELF_SIGNED_CERT"),
    );
  });

  it("gives the code of plain HTTP behind an https address", async () => {
    const url = await listen(http.createServer());
    expect(await sender(url.replace("http:", "https:"))()).toEqual(network("EPROTO"));
  });
});

describe("a receiver with the public packages of the standards", () => {
  const body = JSON.stringify({
    specversion: "1.0",
    id: "evt_1",
    source: "urn:waba-numbers:1:local",
    type: "webhook.test",
    data: { message: "阿里巴巴 Café" },
  });
  const start = async (secret: string) => {
    const receiver = await startReceiver({ secrets: [secret], now: () => NOW });
    closers.push(() => receiver.close());
    return receiver;
  };

  it.each([SECRET, OLD_SECRET])(
    "takes an event while it knows one of two secrets",
    async (held) => {
      const receiver = await start(held);
      const result = await sender(receiver.url, `${SECRET} ${OLD_SECRET}`)({ id: "evt_1", body });

      expect(result).toEqual({ kind: "delivered", status: 204 });
      expect(receiver.received().map((receipt) => receipt.event.data)).toEqual([
        { message: "阿里巴巴 Café" },
      ]);
      expect(receiver.problems()).toEqual([]);
    },
  );

  it("refuses an event that is signed with none of its secrets", async () => {
    const receiver = await start(OLD_SECRET);
    const result = await sender(receiver.url, SECRET)({ id: "evt_1", body });

    expect(result).toEqual({ kind: "failed", reason: "status", status: 401 });
    expect(receiver.received()).toEqual([]);
  });
});
