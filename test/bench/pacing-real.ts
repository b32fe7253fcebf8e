import http from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleepFor } from "node:timers/promises";
import { createAgent } from "../../shared/http-agent.ts";
import type { PacingClock, PacingServer, Transport } from "./pacing-run.ts";

export const realClock: PacingClock = {
  monotonic: () => performance.now(),
  sleep: (ms, signal) => sleepFor(ms, undefined, { signal }).catch(() => undefined),
};

type RealNetwork = {
  readonly transport: Transport;
  close(): Promise<void>;
};

/** Calls over HTTP on loopback, to which the trip's delays are added. */
export async function startRealNetwork(server: PacingServer): Promise<RealNetwork> {
  const listener = http.createServer((request, response) => {
    const [out = 0, back = 0] = (request.url ?? "").split("/").slice(1).map(Number);
    const answer = async () => {
      if (out > 0) await sleepFor(out);
      const isAccepted = server.take();
      if (back > 0) await sleepFor(back);
      response.writeHead(isAccepted ? 200 : 429).end();
    };
    void answer();
  });
  await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
  const { port } = listener.address() as AddressInfo;
  const agent = createAgent("http:", { maxIdleMs: 2_500, now: () => performance.now() });

  return {
    transport: ({ out, back }) =>
      new Promise((resolve, reject) => {
        const path = `/${out.toFixed(3)}/${back.toFixed(3)}`;
        const options = { host: "127.0.0.1", port, path, method: "POST", agent };
        const request = http.request(options, (response) => {
          response.resume().on("end", () => resolve(response.statusCode === 200));
        });
        request.on("error", reject).end();
      }),
    close: () =>
      new Promise((resolve) => {
        agent.destroy();
        listener.close(() => resolve());
        listener.closeAllConnections();
      }),
  };
}
