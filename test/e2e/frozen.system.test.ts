import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import http from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { text as readText } from "node:stream/consumers";
import { setTimeout as sleepFor } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { FrozenOrder, FrozenReport } from "./frozen-child.ts";

const CHILD = fileURLToPath(new URL("frozen-child.ts", import.meta.url));
const SOCKETS = 3;
const FROZEN_MS = 5_000;
/** As in poll, which has the longest. */
const MAX_IDLE_MS = 2_500;

const canFreeze = process.platform !== "win32";
if (!canFreeze) console.log("frozen: not run, this system has no SIGSTOP");

type Fate = "closed" | "reset" | "silently dropped";

type Case = {
  readonly fate: Fate;
  readonly maxIdleMs: FrozenOrder["maxIdleMs"];
  readonly server: KeepingServer;
};

type KeepingServer = {
  readonly endpoint: string;
  /** Every connection, in order. */
  readonly sockets: readonly Socket[];
  endConnections(fate: Fate): void;
  close(): Promise<void>;
};

/** A server that never closes connections, and responds once the client has opened three. */
async function startServer(): Promise<KeepingServer> {
  const sockets: Socket[] = [];
  const deaf = new Set<Socket>();
  const waiting: http.ServerResponse[] = [];
  let together = SOCKETS;
  // Without a timeout there is no Keep-Alive header, which would warn the client.
  const server = http.createServer({ keepAliveTimeout: 0 }, async (request, response) => {
    if (deaf.has(request.socket)) return;
    await readText(request);
    waiting.push(response.setHeader("content-type", "application/json"));
    if (waiting.length < together) return;
    together = 1;
    for (const answered of waiting.splice(0)) {
      answered.end(JSON.stringify({ Code: "OK", RequestId: "REQ-1", Success: true }));
    }
  });
  server.on("connection", (socket: Socket) => {
    sockets.push(socket);
    socket.on("error", () => undefined);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));

  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    sockets,
    endConnections(fate) {
      for (const socket of sockets) {
        if (fate === "closed") socket.end();
        else if (fate === "reset") socket.resetAndDestroy();
        else deaf.add(socket);
      }
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

const cases: Case[] = [];
let child: ChildProcess | undefined;
let report: Extract<FrozenReport, { kind: "called" }>;

/**
 * One process holds three idle connections to each of six servers. It is stopped before its timers
 * are due, and meanwhile the servers end the connections. After the thaw those timers make the
 * first calls, before the process can hear from the network.
 */
beforeAll(async () => {
  if (!canFreeze) return;
  for (const fate of ["closed", "reset", "silently dropped"] as const) {
    for (const maxIdleMs of [MAX_IDLE_MS, "never"] as const) {
      cases.push({ fate, maxIdleMs, server: await startServer() });
    }
  }
  const orders = cases.map(
    ({ maxIdleMs, server }): FrozenOrder => ({
      endpoint: server.endpoint,
      maxIdleMs,
      sockets: SOCKETS,
      dueMs: 1_000,
      patienceMs: 1_500,
    }),
  );
  child = fork(CHILD, [JSON.stringify(orders)], { execArgv: ["--import", "tsx"] });
  const [idle] = (await once(child, "message")) as [FrozenReport];
  expect(idle).toEqual({ kind: "idle" });
  child.kill("SIGSTOP");
  await sleepFor(FROZEN_MS / 4);
  for (const { fate, server } of cases) server.endConnections(fate);
  await sleepFor((FROZEN_MS * 3) / 4);
  const called = once(child, "message");
  child.kill("SIGCONT");
  [report] = (await called) as [typeof report];
});

afterAll(async () => {
  child?.kill("SIGKILL");
  await Promise.all(cases.map(({ server }) => server.close()));
});

function outcomeOf(fate: Fate, maxIdleMs: FrozenOrder["maxIdleMs"]) {
  const index = cases.findIndex((one) => one.fate === fate && one.maxIdleMs === maxIdleMs);
  return { outcome: report.outcomes[index], connections: cases[index]?.server.sockets.length };
}

describe.runIf(canFreeze)("an instance that was frozen for five seconds", () => {
  it("makes the call that became due meanwhile, after the thaw", () => {
    expect(report.lateMs).toBeGreaterThan(3_000);
    expect(report.lateMs).toBeLessThan(10_000);
  });

  it.each<Fate>(["closed", "reset", "silently dropped"])(
    "succeeds at once, over a new connection, when its connections were %s",
    (fate) => {
      expect(outcomeOf(fate, MAX_IDLE_MS)).toEqual({ outcome: "ok", connections: 4 });
    },
  );

  it.each<[Fate, string]>([
    ["closed", "ERR_UPSTREAM_UNAVAILABLE"],
    ["reset", "ERR_UPSTREAM_UNAVAILABLE"],
    ["silently dropped", "ERR_UPSTREAM_TIMEOUT"],
  ])("fails without the age limit when its connections were %s", (fate, code) => {
    expect(outcomeOf(fate, "never")).toEqual({ outcome: code, connections: 3 });
  });
});
