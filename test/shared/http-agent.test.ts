import http from "node:http";
import https from "node:https";
import type { AddressInfo, Socket } from "node:net";
import { text as readText } from "node:stream/consumers";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createAgent } from "../../shared/http-agent.ts";

const MAX_IDLE_MS = 800;

let clock: number;
let agent: http.Agent;
let server: http.Server;
let url: string;
/** Every connection of the server, in order. */
let sockets: Socket[];
/** Responses that the test holds back; undefined to respond at once. */
let held: (() => void)[] | undefined;
/** Connections whose requests get no response, while the client sees them as open. */
let deaf: Set<Socket>;

beforeEach(async () => {
  clock = 1_000_000;
  sockets = [];
  deaf = new Set();
  held = undefined;
  server = http.createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
    if (deaf.has(request.socket)) return;
    const answer = () => response.end(String(sockets.indexOf(request.socket)));
    if (held) held.push(answer);
    else answer();
  });
  server.on("connection", (socket: Socket) => sockets.push(socket));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  agent = createAgent("http:", { maxIdleMs: MAX_IDLE_MS, now: () => clock }) as http.Agent;
});

afterEach(async () => {
  agent.destroy();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

const idle = () => Object.values(agent.freeSockets).flatMap((free) => free ?? []);

/** Posts once. Returns the number of the connection, or the code of the failure. */
function post(): Promise<string> {
  return new Promise((resolve) => {
    const request = http.request(url, { method: "POST", agent }, (response) => {
      readText(response).then(resolve, (error) => resolve(String(error)));
    });
    request.on("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    request.end("{}");
  });
}

/** The agent keeps a connection a moment after the response. */
async function settled(count: number) {
  while (idle().length < count) await new Promise((resolve) => setImmediate(resolve));
}

/** Leaves this many idle connections in the agent, the last one the youngest. */
async function openIdle(count: number) {
  held = [];
  const answers = Array.from({ length: count }, () => post());
  while (held.length < count) await new Promise((resolve) => setImmediate(resolve));
  const waiting = held;
  held = undefined;
  for (const [index, answer] of waiting.entries()) {
    answer();
    await settled(index + 1);
    clock += 100;
  }
  return Promise.all(answers);
}

describe("createAgent", () => {
  it("uses a connection that has been idle for 800 ms again", async () => {
    expect(await post()).toBe("0");
    await settled(1);
    clock += 800;
    expect(await post()).toBe("0");
    expect(sockets).toHaveLength(1);
  });

  it("replaces a connection that has been idle for 801 ms", async () => {
    expect(await post()).toBe("0");
    await settled(1);
    const [old] = idle();
    clock += 801;

    expect(await post()).toBe("1");
    expect(old?.destroyed).toBe(true);
    expect(sockets).toHaveLength(2);
  });

  it("counts the idle time from the last use, not from the first", async () => {
    for (let n = 0; n < 4; n += 1) {
      expect(await post()).toBe("0");
      await settled(1);
      clock += 700;
    }
  });

  it("closes every old connection and keeps the young ones", async () => {
    expect((await openIdle(3)).sort()).toEqual(["0", "1", "2"]);
    // Freed at 0, 100 and 200 ms; it is 300 now.
    clock += 700;

    const used = await post();
    await settled(1);

    expect(used).not.toBe("3");
    expect(sockets).toHaveLength(3);
    expect(idle()).toHaveLength(1);
  });

  it("replaces connections if the clock was set back", async () => {
    await openIdle(2);
    clock -= 150;

    const used = await post();
    await settled(1);
    expect(["0", "1"]).toContain(used);

    clock -= 1_000_000;
    expect(await post()).toBe("2");
    expect(idle().filter((socket) => socket.destroyed)).toEqual([]);
  });

  it.each([
    ["closed", (socket: Socket) => socket.end()],
    ["reset", (socket: Socket) => socket.resetAndDestroy()],
    ["dropped", (socket: Socket) => deaf.add(socket)],
  ])(
    "succeeds at once after a thaw for which the far side has %s the connection",
    async (_how, act) => {
      expect(await post()).toBe("0");
      await settled(1);
      for (const socket of sockets) act(socket);
      clock += 3_600_000;

      expect(await post()).toBe("1");
    },
  );

  it("makes an agent for https with the connection options it is given", () => {
    const lookup = () => {};
    const secure = createAgent("https:", { maxIdleMs: 1, now: () => 0, connect: { lookup } });
    expect(secure).toBeInstanceOf(https.Agent);
    expect((secure as unknown as { options: object }).options).toMatchObject({
      keepAlive: true,
      lookup,
    });
  });
});
